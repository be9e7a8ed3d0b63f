//go:build !js

package fsys

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// each runs a promise of FS against both implementations of this package.
func each(t *testing.T, promise func(t *testing.T, fs FS)) {
	t.Run("dir", func(t *testing.T) {
		d, err := Dir(filepath.Join(t.TempDir(), "data", "a"))
		if err != nil {
			t.Fatal(err)
		}
		promise(t, d)
	})
	t.Run("memory", func(t *testing.T) { promise(t, NewMemory()) })
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, fs FS, name, text string) {
	t.Helper()
	f, err := fs.Create(name)
	must(t, err)
	_, err = f.WriteAt([]byte(text), 0)
	must(t, err)
	must(t, f.Sync())
	must(t, f.Close())
}

func read(t *testing.T, f File) string {
	t.Helper()
	size, err := f.Size()
	must(t, err)
	b, err := io.ReadAll(io.NewSectionReader(f, 0, size))
	must(t, err)
	return string(b)
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	each(t, func(t *testing.T, fs FS) {
		f, err := fs.Create("x")
		must(t, err)
		defer f.Close()
		for _, step := range []struct {
			text string
			off  int64
			want string
		}{
			{"hello", 0, "hello"},
			{"y", 1, "hyllo"},
			{"end", 7, "hyllo\x00\x00end"},
		} {
			n, err := f.WriteAt([]byte(step.text), step.off)
			if n != len(step.text) || err != nil {
				t.Fatalf("WriteAt(%q, %d) = %d, %v", step.text, step.off, n, err)
			}
			if got := read(t, f); got != step.want {
				t.Errorf("after WriteAt(%q, %d) the file reads %q, want %q", step.text, step.off, got, step.want)
			}
		}
		must(t, f.Truncate(2))
		must(t, f.Truncate(4))
		if got := read(t, f); got != "hy\x00\x00" {
			t.Errorf("after truncating to 2 and then 4 bytes the file reads %q", got)
		}
		p := make([]byte, 9)
		if n, err := f.ReadAt(p, 2); n != 2 || err != io.EOF {
			t.Errorf("ReadAt across the end = %d, %v, want 2, EOF", n, err)
		}
	})
}

func TestCreateEmptiesWhatIsThere(t *testing.T) {
	each(t, func(t *testing.T, fs FS) {
		write(t, fs, "x", "old")
		f, err := fs.Create("x")
		must(t, err)
		defer f.Close()
		if got := read(t, f); got != "" {
			t.Errorf("the file reads %q after Create", got)
		}
	})
}

func TestRenameReplacesAndOpenFilesStayValid(t *testing.T) {
	each(t, func(t *testing.T, fs FS) {
		write(t, fs, "a", "new")
		write(t, fs, "b", "old")
		old, err := fs.Open("b")
		must(t, err)
		defer old.Close()
		must(t, fs.Rename("a", "b"))
		must(t, fs.SyncDir())
		if got := read(t, old); got != "old" {
			t.Errorf("the file that was open and replaced reads %q", got)
		}
		f, err := fs.Open("b")
		must(t, err)
		defer f.Close()
		if got := read(t, f); got != "new" {
			t.Errorf("b reads %q after the rename", got)
		}
		must(t, fs.Remove("b"))
		if got := read(t, f); got != "new" {
			t.Errorf("the file that was open and removed reads %q", got)
		}
	})
}

func TestListIsOrderedAndHidesTheLock(t *testing.T) {
	each(t, func(t *testing.T, fs FS) {
		lock, err := fs.Lock()
		must(t, err)
		defer lock.Close()
		for _, name := range []string{"c", "a", "b"} {
			write(t, fs, name, "")
		}
		names, err := fs.List()
		must(t, err)
		if want := []string{"a", "b", "c"}; !slices.Equal(names, want) {
			t.Errorf("List() = %q, want %q", names, want)
		}
	})
}

func TestSecondLockIsRefusedUntilTheFirstIsClosed(t *testing.T) {
	each(t, func(t *testing.T, fs FS) {
		first, err := fs.Lock()
		must(t, err)
		if _, err := fs.Lock(); !errors.Is(err, ErrLocked) {
			t.Fatalf("the second Lock returned %v, want ErrLocked", err)
		}
		must(t, first.Close())
		second, err := fs.Lock()
		must(t, err)
		must(t, second.Close())
	})
}

func TestErrorsAreNamed(t *testing.T) {
	each(t, func(t *testing.T, d FS) {
		if _, err := d.Open("none"); !errors.Is(err, ErrNotExist) {
			t.Errorf("Open of a missing file: %v", err)
		}
		if err := d.Remove("none"); !errors.Is(err, ErrNotExist) {
			t.Errorf("Remove of a missing file: %v", err)
		}
		if err := d.Rename("none", "x"); !errors.Is(err, ErrNotExist) {
			t.Errorf("Rename of a missing file: %v", err)
		}
		for _, name := range []string{"", ".", "..", "a/b", `a\b`, "LOCK"} {
			if _, err := d.Create(name); !errors.Is(err, fs.ErrInvalid) {
				t.Errorf("Create(%q): %v, want ErrInvalid", name, err)
			}
		}
		f, err := d.Create("x")
		must(t, err)
		must(t, f.Close())
		if _, err := f.WriteAt([]byte("y"), 0); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("WriteAt to a closed file: %v", err)
		}
		if err := f.Sync(); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("Sync of a closed file: %v", err)
		}
	})
}

func TestReadsRunBesideWrites(t *testing.T) {
	each(t, func(t *testing.T, fs FS) {
		f, err := fs.Create("x")
		must(t, err)
		defer f.Close()
		var readers sync.WaitGroup
		for range 3 {
			readers.Go(func() {
				p := make([]byte, 64)
				for range 100 {
					f.ReadAt(p, 0)
				}
			})
		}
		for i := range 100 {
			f.WriteAt(bytes.Repeat([]byte{byte(i)}, 64), int64(i))
		}
		readers.Wait()
	})
}

func TestDirIsForThisUserAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "a")
	d, err := Dir(path)
	must(t, err)
	write(t, d, "x", "")
	for name, want := range map[string]fs.FileMode{path: 0o700, filepath.Join(path, "x"): 0o600} {
		info, err := os.Stat(name)
		must(t, err)
		if info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
			t.Errorf("%s has mode %v, want %v", name, info.Mode(), want)
		}
	}
}

func TestDirRefusesAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	must(t, os.WriteFile(path, nil, 0o600))
	for _, bad := range []string{path, filepath.Join(path, "data"), filepath.Join(path, "data", "a")} {
		if _, err := Dir(bad); !errors.Is(err, ErrNotDirectory) || !strings.Contains(err.Error(), path+" is a file") {
			t.Errorf("Dir(%s): %v, want ErrNotDirectory that names the file", bad, err)
		}
	}
}
