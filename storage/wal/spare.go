package wal

import (
	"errors"
	"fmt"
	"sync"

	"github.com/balsaraft/balsa/fsys"
)

// maxSpares is how many freed segments are kept for use again. A snapshot frees about as
// many at a time as the log fills until the next one, and each that is not kept has to be
// written twice then, once with zeros.
const maxSpares = 16

// spares are files that were written to their end and wait to become segments. A sync
// over blocks that were written before touches no metadata of the file system, which
// more than doubles the syncs a second; therefore a new segment's zeros are really
// written, and freed ones are used again with whatever they hold.
//
// A spare may be made beside a flush, so this part of the log has a lock.
type spares struct {
	files fsys.FS
	size  int64

	mu    sync.Mutex
	names []string
	next  uint64 // the number in the next spare's name
	disk  int64  // bytes of all files of the log
}

// atLeast returns the name and size of a spare that has a size or more, and makes one
// if there is none.
func (s *spares) atLeast(size int64) (name string, has int64, err error) {
	if size > s.size {
		size = roundUp(size)
		name, err = s.make(size)
		return name, size, err
	}
	if name, ok := s.take(); ok {
		return name, s.size, nil
	}
	name, err = s.make(s.size)
	return name, s.size, err
}

func (s *spares) take() (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.names)
	if n == 0 {
		return "", false
	}
	name := s.names[n-1]
	s.names = s.names[:n-1]
	return name, true
}

// giveBack adds a spare.
func (s *spares) giveBack(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names = append(s.names, name)
}

// discard removes the spares that an earlier process left. They are not worth a doubt:
// one may be half written, or the directory's sync may have failed after it was made.
func (s *spares) discard(names []string) {
	for _, name := range names {
		if _, ok := parseName(spareStem, name); ok {
			_ = s.files.Remove(name) // if it stays, the next one of that name replaces it
		}
	}
}

func (s *spares) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.names)
}

func (s *spares) newName() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	return spareName(s.next)
}

// grew counts bytes of disk that were taken, or given back if n is negative.
func (s *spares) grew(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.disk += n
}

func (s *spares) diskBytes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.disk
}

// make writes a new file of zeros and syncs it. If there is no space for all of it,
// nothing of it is left.
func (s *spares) make(size int64) (string, error) {
	name := s.newName()
	file, err := s.files.Create(name)
	if err != nil {
		return "", fmt.Errorf("create %s: %w", name, err)
	}
	if err := errors.Join(layOut(file, 0, size), file.Close()); err != nil {
		_ = s.files.Remove(name) // what is left of it, the next Open removes
		return "", fmt.Errorf("preallocate %d bytes in %s: %w", size, name, err)
	}
	s.grew(size)
	return name, nil
}

// grow writes zeros to a file from its present size on. If there is no space for all
// of them, the file keeps the size that it had.
func (s *spares) grow(name string, from, to int64) error {
	file, err := s.files.Open(name)
	if err != nil {
		return fmt.Errorf("open %s: %w", name, err)
	}
	err = layOut(file, from, to)
	if err != nil {
		_ = file.Truncate(from) // else it is longer than its header will say, which is harmless
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("preallocate %s from %d to %d: %w", name, from, to, err)
	}
	s.grew(to - from)
	return nil
}

// zeros are few at a time, as the flushes of this log and of others are waiting for the
// same disk.
var zeros = sync.OnceValue(func() []byte {
	const size = 256 << 10
	return fsys.Blocks(nil, size)[:size]
})

// layOut writes zeros from one block up to another and syncs them.
func layOut(file fsys.File, from, to int64) error {
	zeros := zeros()
	for at := from; at < to; at += int64(len(zeros)) {
		if err := fsys.WriteBlocks(file, zeros[:min(int64(len(zeros)), to-at)], at, false); err != nil {
			return err
		}
	}
	return file.Sync()
}

// fill writes zeros from one offset up to another and syncs them.
func fill(file fsys.File, from, to int64) error {
	for at := from; at < to; at += int64(len(zeros())) {
		if _, err := file.WriteAt(zeros()[:min(int64(len(zeros())), to-at)], at); err != nil {
			return err
		}
	}
	return file.Sync()
}

// recycle makes a spare of a segment that is not needed any more, or removes it if
// there are enough, or if it has a size of its own.
//
// Errors do not count, and the directory is not synced: a segment that stays, or comes
// back with a crash, lies before what the log needs, and the next Open frees it again.
// Its bytes are not written over before its new name as a segment is durable.
func (s *spares) recycle(seg *segment) {
	if seg.size == s.size && s.count() < maxSpares {
		if name := s.newName(); s.files.Rename(seg.name, name) == nil {
			s.giveBack(name)
		}
		return
	}
	s.remove(seg.name, seg.size)
}

func (s *spares) remove(name string, size int64) {
	if s.files.Remove(name) == nil {
		s.grew(-size)
	}
}

// A Preparation is a spare in the making: the work that a flush would have to do when
// it comes to the end of a segment, done ahead and beside the flushes.
type Preparation struct {
	spares *spares
	name   string
}

// Prepare says whether a new segment will soon be needed and none is at hand: then it
// returns the work to be done, and nil if not. Owner only.
func (l *Log) Prepare() *Preparation {
	if l.preparing || l.closed || l.failed != nil || l.spares.count() > 0 {
		return nil
	}
	if l.filled*2 < l.options.SegmentBytes && l.filled > 0 {
		return nil
	}
	l.preparing = true
	return &Preparation{spares: l.spares}
}

// Run makes the spare: it writes a segment's worth of zeros and syncs them. Any
// goroutine, beside a flush as well.
func (p *Preparation) Run() error {
	name, err := p.spares.make(p.spares.size)
	p.name = name
	return err
}

// Prepared takes note of Run's result. It returns nil, or an error that Is
// fsys.ErrNoSpace when the disk is full: nothing is lost, and a flush that needs a
// segment tries again. Any other error is final, as for Flushed. Owner only.
func (l *Log) Prepared(p *Preparation, err error) error {
	l.preparing = false
	switch {
	case err == nil:
		l.spares.giveBack(p.name)
		return nil
	case errors.Is(err, fsys.ErrNoSpace):
		return err
	}
	return l.fail(err)
}
