package balsatest

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"slices"
	"sync"
	"testing"

	"github.com/balsaraft/balsa/fsys"
)

// TestFiles checks a file system: what fsys.FS promises, as far as it shows without a
// crash. It calls open once for each of its tests, for an empty directory.
func TestFiles(t *testing.T, open func(t *testing.T) fsys.FS) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, files fsys.FS)
	}{
		{"what is written is read", testWritten},
		{"large writes arrive whole", testLargeWrites},
		{"Create empties what is there", testCreateEmpties},
		{"Rename replaces, and open files stay valid", testRename},
		{"a removed name is free at once", testRemoved},
		{"List is ordered and hides the lock", testList},
		{"a second lock is refused until the first is closed", testLock},
		{"errors are named", testFileErrors},
		{"reads run beside writes", testReadsBesideWrites},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func writeFile(t *testing.T, files fsys.FS, name, text string) {
	t.Helper()
	f, err := files.Create(name)
	must(t, err)
	_, err = f.WriteAt([]byte(text), 0)
	must(t, err)
	must(t, f.Sync())
	must(t, f.Close())
}

func readFile(t *testing.T, f fsys.File) string {
	t.Helper()
	size, err := f.Size()
	must(t, err)
	b, err := io.ReadAll(io.NewSectionReader(f, 0, size))
	must(t, err)
	return string(b)
}

func testWritten(t *testing.T, files fsys.FS) {
	f, err := files.Create("x")
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
		if got := readFile(t, f); got != step.want {
			t.Errorf("after WriteAt(%q, %d) the file reads %q, want %q", step.text, step.off, got, step.want)
		}
	}
	must(t, f.Truncate(2))
	must(t, f.Truncate(4))
	if got := readFile(t, f); got != "hy\x00\x00" {
		t.Errorf("after truncating to 2 and then 4 bytes the file reads %q", got)
	}
	p := make([]byte, 9)
	if n, err := f.ReadAt(p, 2); n != 2 || err != io.EOF {
		t.Errorf("ReadAt across the end = %d, %v, want 2, EOF", n, err)
	}
}

func testLargeWrites(t *testing.T, files fsys.FS) {
	f, err := files.Create("x")
	must(t, err)
	defer f.Close()
	var want bytes.Buffer
	for i := 0; want.Len() < 3<<20; i++ {
		want.Write(bytes.Repeat([]byte{byte(i)}, 1000+i))
	}
	_, err = f.WriteAt(want.Bytes(), 5)
	must(t, err)
	must(t, f.Sync())
	got := make([]byte, want.Len())
	if n, err := f.ReadAt(got, 5); n != len(got) || err != nil && err != io.EOF {
		t.Fatalf("ReadAt = %d, %v, want %d bytes", n, err, len(got))
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Error("other bytes were read than were written")
	}
}

func testCreateEmpties(t *testing.T, files fsys.FS) {
	writeFile(t, files, "x", "old")
	f, err := files.Create("x")
	must(t, err)
	defer f.Close()
	if got := readFile(t, f); got != "" {
		t.Errorf("the file reads %q after Create", got)
	}
}

func testRename(t *testing.T, files fsys.FS) {
	writeFile(t, files, "a", "new")
	writeFile(t, files, "b", "old")
	old, err := files.Open("b")
	must(t, err)
	defer old.Close()
	must(t, files.Rename("a", "b"))
	must(t, files.SyncDir())
	if got := readFile(t, old); got != "old" {
		t.Errorf("the file that was open and replaced reads %q", got)
	}
	f, err := files.Open("b")
	must(t, err)
	defer f.Close()
	if got := readFile(t, f); got != "new" {
		t.Errorf("b reads %q after the rename", got)
	}
	must(t, files.Remove("b"))
	must(t, files.SyncDir())
	if got := readFile(t, f); got != "new" {
		t.Errorf("the file that was open and removed reads %q", got)
	}
}

func testRemoved(t *testing.T, files fsys.FS) {
	writeFile(t, files, "x", "old")
	old, err := files.Open("x")
	must(t, err)
	defer old.Close()
	must(t, files.Remove("x"))
	writeFile(t, files, "x", "new")
	must(t, files.SyncDir())
	f, err := files.Open("x")
	must(t, err)
	defer f.Close()
	if before, now := readFile(t, old), readFile(t, f); before != "old" || now != "new" {
		t.Errorf("the file that was removed reads %q, the new one of its name %q", before, now)
	}
}

func testList(t *testing.T, files fsys.FS) {
	lock, err := files.Lock()
	must(t, err)
	defer lock.Close()
	for _, name := range []string{"c", "a", "b"} {
		writeFile(t, files, name, "")
	}
	names, err := files.List()
	must(t, err)
	if want := []string{"a", "b", "c"}; !slices.Equal(names, want) {
		t.Errorf("List() = %q, want %q", names, want)
	}
}

func testLock(t *testing.T, files fsys.FS) {
	first, err := files.Lock()
	must(t, err)
	if _, err := files.Lock(); !errors.Is(err, fsys.ErrLocked) {
		t.Fatalf("the second Lock returned %v, want ErrLocked", err)
	}
	writeFile(t, files, "x", "kept")
	must(t, first.Close())
	second, err := files.Lock()
	must(t, err)
	f, err := files.Open("x")
	must(t, err)
	if got := readFile(t, f); got != "kept" {
		t.Errorf("what was written under the first lock reads %q under the second", got)
	}
	must(t, f.Close())
	must(t, second.Close())
}

func testFileErrors(t *testing.T, files fsys.FS) {
	if _, err := files.Open("none"); !errors.Is(err, fsys.ErrNotExist) {
		t.Errorf("Open of a missing file: %v", err)
	}
	if err := files.Remove("none"); !errors.Is(err, fsys.ErrNotExist) {
		t.Errorf("Remove of a missing file: %v", err)
	}
	if err := files.Rename("none", "x"); !errors.Is(err, fsys.ErrNotExist) {
		t.Errorf("Rename of a missing file: %v", err)
	}
	for _, name := range []string{"", ".", "..", "a/b", `a\b`, "LOCK"} {
		if _, err := files.Create(name); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("Create(%q): %v, want ErrInvalid", name, err)
		}
	}
	f, err := files.Create("x")
	must(t, err)
	must(t, f.Close())
	if _, err := f.WriteAt([]byte("y"), 0); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("WriteAt to a closed file: %v", err)
	}
	if err := f.Sync(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Sync of a closed file: %v", err)
	}
}

func testReadsBesideWrites(t *testing.T, files fsys.FS) {
	f, err := files.Create("x")
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
}
