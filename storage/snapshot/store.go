package snapshot

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/wire"
)

// Store is the snapshots in one directory. Its methods may be called from any
// goroutine. Writers, Readers and Receivers have one caller at a time, a Source any
// number.
type Store struct {
	fs    fsys.FS
	keep  int
	block int64

	pruning sync.Mutex // taken before mu, by who applies the keep rule

	mu      sync.Mutex
	files   []*file          // those that are listed, the oldest first
	doomed  []*file          // to be removed once nobody reads them
	damaged []damagedFile    // left for people to look at
	writing map[title]string // whose files are being "written", "received" or "removed"
}

type damagedFile struct {
	*file
	err error
}

// Open reads which snapshots the directory holds, and removes what was left half
// written. At least one and at most keep of them stay once newer ones are there.
//
// A snapshot whose header or trailer is damaged is not listed; Damaged has it. The
// blocks are not read now: damage in them is found by who reads them, and from then on
// the snapshot is not listed either. Errors: ErrVersion, or the file system's.
func Open(fs fsys.FS, keep int) (*Store, error) {
	s := &Store{fs: fs, keep: max(keep, 1), block: defaultBlock, writing: map[title]string{}}
	names, err := fs.List()
	if err != nil {
		return nil, fmt.Errorf("list the snapshots: %w", err)
	}
	for _, name := range names {
		if t, ending, ok := parseName(name); ok && ending == "" {
			if err := s.find(name, t); err != nil {
				return nil, fmt.Errorf("open snapshot %s: %w", name, err)
			}
		}
	}
	if err := s.settleTwins(); err != nil {
		return nil, err
	}
	return s, s.removeTemps(names)
}

// removeTemps comes last, so that an Open that refuses what it finds changes nothing.
func (s *Store) removeTemps(names []string) error {
	for _, name := range names {
		if _, ending, ok := parseName(name); ok && ending == tempEnding {
			if err := s.fs.Remove(name); err != nil {
				return fmt.Errorf("remove what was left of a snapshot: %w", err)
			}
		}
	}
	return nil
}

// find takes a file into the list.
func (s *Store) find(name string, t title) error {
	handle, err := s.fs.Open(name)
	if err != nil {
		return err
	}
	defer handle.Close()
	f, err := inspect(handle, name, t)
	switch {
	case isDamage(err):
		s.damaged = append(s.damaged, damagedFile{&file{name: name, title: t}, err})
	case err != nil:
		return err
	default:
		s.insert(f)
	}
	return nil
}

func (s *Store) insert(f *file) {
	s.files = append(s.files, f)
	for at := len(s.files) - 1; at > 0 && s.files[at-1].title.compare(f.title) > 0; at-- {
		s.files[at-1], s.files[at] = f, s.files[at-1]
	}
}

func (t title) compare(o title) int {
	return cmp.Or(cmp.Compare(t.pos.Index, o.pos.Index), cmp.Compare(t.pos.Term, o.pos.Term), cmp.Compare(t.id, o.id))
}

// settleTwins leaves one snapshot for each position. A crash can leave two where one
// was about to replace the other; the one that is whole stays.
func (s *Store) settleTwins() error {
	for i := 1; i < len(s.files); {
		first, second := s.files[i-1], s.files[i]
		if first.title.pos != second.title.pos {
			i++
			continue
		}
		switch err := s.check(first); {
		case isDamage(err): // first is not listed any more
		case err != nil:
			return err
		default:
			s.doom(second)
		}
	}
	s.sweep()
	return nil
}

// Latest is the newest snapshot that is not known to be damaged.
func (s *Store) Latest() (Meta, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.files) == 0 {
		return Meta{}, false
	}
	return s.files[len(s.files)-1].header.meta, true
}

// All are the snapshots that are not known to be damaged, the oldest first.
func (s *Store) All() []Meta {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Meta, len(s.files))
	for i, f := range s.files {
		all[i] = f.header.meta
	}
	return all
}

// Damaged are the errors of the snapshots that were found to be damaged and whose
// files are still there; each is a *DamageError.
func (s *Store) Damaged() []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []error
	for _, d := range s.damaged {
		all = append(all, d.err)
	}
	return all
}

// acquire opens the snapshot at a position, which then stays until release.
func (s *Store) acquire(pos wire.Pos) (*file, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.files {
		if f.title.pos == pos {
			return f, s.hold(f)
		}
	}
	for _, d := range s.damaged {
		if d.title.pos == pos {
			return nil, d.err
		}
	}
	return nil, fmt.Errorf("open the snapshot at %s: %w", pos, ErrNotFound)
}

// hold counts one more who reads f. The caller holds s.mu.
func (s *Store) hold(f *file) error {
	if f.users == 0 {
		handle, err := s.fs.Open(f.name)
		if err != nil {
			return fmt.Errorf("open snapshot %s: %w", f.name, err)
		}
		f.handle = handle
	}
	f.users++
	return nil
}

func (s *Store) release(f *file) error {
	s.mu.Lock()
	var err error
	if f.users--; f.users == 0 {
		err = f.handle.Close()
		f.handle = nil
	}
	doomed := f.doomed
	s.mu.Unlock()
	if doomed {
		s.sweep()
	}
	return err
}

// check reads a listed file whole, unless this process has done so before.
func (s *Store) check(f *file) error {
	s.mu.Lock()
	if f.verified {
		s.mu.Unlock()
		return nil
	}
	err := s.hold(f)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	err = f.verify(f.handle)
	s.learn(f, err)
	return errors.Join(err, s.release(f))
}

// learn takes note of what reading f to its end, or to its damage, has shown.
func (s *Store) learn(f *file, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil:
		f.verified = true
	case isDamage(err):
		f.verified = false
		if i := slices.Index(s.files, f); i >= 0 {
			s.files = slices.Delete(s.files, i, i+1)
			s.damaged = append(s.damaged, damagedFile{f, err})
		}
	}
}
