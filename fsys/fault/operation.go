package fault

import (
	"fmt"
	"strings"
	"sync"
)

// Op is a kind of operation.
type Op uint8

// The operations of fsys.FS and fsys.File. Those from Create to Sync change the disk:
// StopAfter counts them. Closing is no operation, it does nothing to a disk.
const (
	Create Op = iota + 1
	Rename
	Remove
	SyncDir
	Write
	Truncate
	Sync
	Open
	List
	Lock
	Read
	Size
)

var opNames = [...]string{
	"", "create", "rename", "remove", "syncdir", "write", "truncate", "sync", "open", "list", "lock", "read", "size",
}

func (o Op) String() string {
	if int(o) < len(opNames) {
		return opNames[o]
	}
	return fmt.Sprintf("op(%d)", uint8(o))
}

func (o Op) changes() bool { return o >= Create && o <= Sync }

// Operation is one call that reached the disk.
type Operation struct {
	Op     Op
	File   string // its present name; "" for the directory
	To     string // the new name of a Rename
	Offset int64  // of a Read or Write
	Bytes  int64  // length of a Read or Write, size that a Truncate sets
}

// String prints an operation in a line: write log-1 4096+512.
func (o Operation) String() string {
	switch o.Op {
	case Rename:
		return fmt.Sprintf("rename %s %s", o.File, o.To)
	case Read, Write:
		return fmt.Sprintf("%s %s %d+%d", o.Op, o.File, o.Offset, o.Bytes)
	case Truncate:
		return fmt.Sprintf("truncate %s %d", o.File, o.Bytes)
	}
	return strings.TrimSuffix(o.Op.String()+" "+o.File, " ")
}

// Trace collects operations as text, one a line: disk.Watch(trace.Add). Any goroutine
// may use it. The zero value is empty.
type Trace struct {
	mu   sync.Mutex
	text strings.Builder
}

// Add appends an operation.
func (t *Trace) Add(o Operation) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text.WriteString(o.String())
	t.text.WriteByte('\n')
}

// String is the lines so far.
func (t *Trace) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}
