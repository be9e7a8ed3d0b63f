package wal

import (
	"errors"
	"fmt"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/wire"
)

var (
	// ErrCompacted says that entries were asked for that the log holds no more.
	ErrCompacted = errors.New("wal: compacted")
	// ErrFailed is under every error of a log whose writing has failed once. What the
	// disk holds of that write is unknown, and only a restart finds out.
	ErrFailed = errors.New("wal: writing failed, and is not tried again before a restart")
)

// DamageError says that the disk does not hold what had been durable on it: bytes
// that a sync had returned for do not verify, or a file is gone. The log is left as it
// is, to the last byte.
//
// First to Last are the entries that are lost or in doubt. Last is 0 if the damage
// reaches to the end or its end is unknown. Term and vote may be lost with them, so
// the member must not vote with what is left.
type DamageError struct {
	File        string
	Offset      int64
	First, Last wire.Index
	Reason      string
}

// Error names the place, the entries, and what to do.
func (e *DamageError) Error() string {
	entries := fmt.Sprintf("entries from %d on", e.First)
	if e.Last != 0 {
		entries = fmt.Sprintf("entries %d to %d", e.First, e.Last)
	}
	return fmt.Sprintf("log damaged: %s at offset %d: %s; %s are lost or in doubt. "+
		"This member must not vote with what is left. Keep its files, and start it with an empty directory: "+
		"it copies the log from its peers", e.File, e.Offset, e.Reason, entries)
}

// Is makes a DamageError an fsys.ErrDamaged.
func (e *DamageError) Is(target error) bool { return target == fsys.ErrDamaged }

// VersionError says that a segment was written by a newer program. Nothing was
// changed.
type VersionError struct {
	File         string
	Found, Known uint32
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("%s has log format %d, this program knows formats up to %d: use the newer program", e.File, e.Found, e.Known)
}

// Is makes a VersionError an fsys.ErrNewerVersion.
func (e *VersionError) Is(target error) bool { return target == fsys.ErrNewerVersion }

// MemberError says that a segment belongs to another member's log: files were mixed
// up. Nothing was changed.
type MemberError struct {
	File        string
	Found, Want wire.MemberID
}

func (e *MemberError) Error() string {
	return fmt.Sprintf("%s is of the log of member %s, this is member %s", e.File, e.Found, e.Want)
}
