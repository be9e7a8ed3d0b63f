package snapshot

import (
	"errors"
	"fmt"
	"slices"

	"github.com/balsaraft/balsa/fsys"
)

// syncEvery is how many bytes are written between two syncs of a file that grows. A
// single sync at the end would have the disk busy for so long that the log's own wait.
const syncEvery = 16 << 20

// begin reserves a title for who changes its files.
func (s *Store) begin(t title, how string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if other, taken := s.writing[t]; taken {
		return fmt.Errorf("snapshot at %s is being %s already", t.pos, other)
	}
	s.writing[t] = how
	return nil
}

func (s *Store) end(t title) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.writing, t)
}

// publish makes a file that is written and synced the snapshot of that title. It reads
// it whole first. It closes handle, whatever it returns; after nil the snapshot is
// durable, listed, and what it makes superfluous is gone.
func (s *Store) publish(handle fsys.File, temp string, t title) error {
	f, err := inspect(handle, temp, t)
	if err == nil {
		err = f.verify(handle)
	}
	// It is closed before it is renamed: not every system renames an open file.
	if err := errors.Join(err, handle.Close()); err != nil {
		return err
	}
	name := t.String()
	if err := s.fs.Rename(temp, name); err != nil {
		return fmt.Errorf("publish snapshot %s: %w", name, err)
	}
	if err := s.syncDir(); err != nil {
		return fmt.Errorf("publish snapshot %s: %w", name, err)
	}
	f.name, f.verified = name, true
	s.list(f)
	s.prune()
	return nil
}

// syncDir makes the names durable.
func (s *Store) syncDir() error {
	if err := s.fs.SyncDir(); err != nil {
		return fmt.Errorf("%w: %w", ErrDirectory, err)
	}
	return nil
}

// list adds a file, which replaces those of its position.
func (s *Store) list(f *file) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// The rename has replaced what had its name.
	s.files = slices.DeleteFunc(s.files, func(old *file) bool { return old.title == f.title })
	s.doomed = slices.DeleteFunc(s.doomed, func(old *file) bool { return old.title == f.title })
	s.damaged = slices.DeleteFunc(s.damaged, func(old damagedFile) bool { return old.title == f.title })
	for _, old := range slices.Clone(s.files) {
		if old.title.pos == f.title.pos {
			s.doomLocked(old)
		}
	}
	s.insert(f)
}

// prune applies the keep rule: it removes what is older than the newest s.keep
// snapshots that are whole, damaged files and broken-off transfers included. Rot comes
// unnoticed, so those that stay are read first if this process has not done so yet;
// what turns out damaged makes room for an older one.
func (s *Store) prune() {
	s.pruning.Lock()
	defer s.pruning.Unlock()
	kept := 0
	for _, f := range s.newestFirst() {
		if kept == s.keep {
			s.doom(f)
		} else if err := s.check(f); err == nil {
			kept++
		} else if !isDamage(err) {
			return // not known: the next snapshot tries again
		}
	}
	s.doomDamaged()
	s.sweep()
	s.removeParts()
}

func (s *Store) newestFirst() []*file {
	s.mu.Lock()
	defer s.mu.Unlock()
	files := slices.Clone(s.files)
	slices.Reverse(files)
	return files
}

// doom takes a file from the list, so that nobody opens it any more; sweep removes it.
func (s *Store) doom(f *file) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doomLocked(f)
}

func (s *Store) doomLocked(f *file) {
	if i := slices.Index(s.files, f); i >= 0 {
		f.doomed = true
		s.files = slices.Delete(s.files, i, i+1)
		s.doomed = append(s.doomed, f)
	}
}

// doomDamaged dooms the damaged files that as many newer snapshots as are kept have
// made superfluous.
func (s *Store) doomDamaged() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.files) < s.keep {
		return
	}
	oldest := s.files[0].title
	s.damaged = slices.DeleteFunc(s.damaged, func(d damagedFile) bool {
		old := d.title.pos.Index <= oldest.pos.Index
		if old {
			d.doomed = true
			s.doomed = append(s.doomed, d.file)
		}
		return old
	})
}

// sweep removes doomed files that nobody reads. One that cannot be removed stays for
// the next time; it is in nobody's way but the disk's.
func (s *Store) sweep() {
	for _, f := range s.takeFree() {
		err := s.fs.Remove(f.name)
		s.end(f.title)
		if err != nil && !errors.Is(err, fsys.ErrNotExist) {
			s.mu.Lock()
			s.doomed = append(s.doomed, f)
			s.mu.Unlock()
		}
	}
}

// takeFree takes doomed files that nobody reads, and reserves their titles, so that no
// new file of the same name comes under the removal.
func (s *Store) takeFree() (free []*file) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doomed = slices.DeleteFunc(s.doomed, func(f *file) bool {
		_, taken := s.writing[f.title]
		if f.users > 0 || taken {
			return false
		}
		s.writing[f.title] = "removed"
		free = append(free, f)
		return true
	})
	return free
}

// removeParts removes what came in of snapshots that are not newer than the newest.
func (s *Store) removeParts() {
	latest, ok := s.Latest()
	names, err := s.fs.List()
	if !ok || err != nil {
		return // as with sweep: the next snapshot tries again
	}
	for _, name := range names {
		t, ending, ok := parseName(name)
		if ok && ending == partEnding && t.pos.Index <= latest.Pos.Index && !s.isWriting(t) {
			s.fs.Remove(name)
		}
	}
}

func (s *Store) isWriting(t title) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.writing[t]
	return ok
}
