package opfs_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"syscall/js"
	"testing"

	"github.com/balsaraft/balsa/balsatest"
	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/fsys/opfs"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// These tests run where a member does: in a dedicated Worker of a real browser.
func inBrowser(t testing.TB) {
	t.Helper()
	if !opfs.Supported() {
		t.Skip("this is no browser's Worker; run them with GOOS=js GOARCH=wasm go test -exec 'node web/test/go-exec.mjs' ./fsys/opfs")
	}
}

func open(t testing.TB, path ...string) fsys.FS {
	t.Helper()
	files, err := opfs.Open(path...)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestConforms(t *testing.T) {
	inBrowser(t)
	number := 0
	balsatest.TestFiles(t, func(t *testing.T) fsys.FS {
		number++
		return open(t, "test", fmt.Sprint(number))
	})
}

// session opens a directory, does something, and lets go of it, as a Worker does that
// ends in order.
func session(t *testing.T, files fsys.FS, do func()) {
	t.Helper()
	lock, err := files.Lock()
	must(t, err)
	do()
	must(t, lock.Close())
}

func TestNamesOutliveTheWorker(t *testing.T) {
	inBrowser(t)
	first := open(t, "names")
	session(t, first, func() {
		for _, name := range []string{"a", "b", "c"} {
			f, err := first.Create(name)
			must(t, err)
			_, err = f.WriteAt([]byte("this is "+name), 0)
			must(t, err)
			must(t, f.Sync())
			must(t, f.Close())
		}
		must(t, first.Rename("a", "b"))
		must(t, first.Remove("c"))
		must(t, first.SyncDir())
	})
	second := open(t, "names")
	session(t, second, func() {
		names, err := second.List()
		must(t, err)
		if fmt.Sprint(names) != "[b]" {
			t.Fatalf("the names are %q, want b alone", names)
		}
		f, err := second.Open("b")
		must(t, err)
		defer f.Close()
		b := make([]byte, 9)
		if _, err := f.ReadAt(b, 0); err != nil || string(b) != "this is a" {
			t.Errorf("b reads %q, %v", b, err)
		}
	})
}

// entries lists what the browser has in a directory.
func entries(t *testing.T, path ...string) (names []string) {
	t.Helper()
	dir := settle(t, js.Global().Get("navigator").Get("storage").Call("getDirectory"))
	for _, name := range path {
		dir = settle(t, dir.Call("getDirectoryHandle", name))
	}
	keys := dir.Call("keys")
	for {
		next := settle(t, keys.Call("next"))
		if next.Get("done").Bool() {
			return names
		}
		names = append(names, next.Get("value").String())
	}
}

// settle waits for a promise.
func settle(t testing.TB, promise js.Value) js.Value {
	t.Helper()
	done, failed := make(chan js.Value, 1), make(chan js.Value, 1)
	kept := js.FuncOf(func(_ js.Value, args []js.Value) any { done <- args[0]; return nil })
	broken := js.FuncOf(func(_ js.Value, args []js.Value) any { failed <- args[0]; return nil })
	defer kept.Release()
	defer broken.Release()
	promise.Call("then", kept, broken)
	select {
	case v := <-done:
		return v
	case err := <-failed:
		t.Fatal(err.Call("toString").String())
		return err
	}
}

// What was never synced under a name is gone after a crash, and takes no room.
func TestWhatACrashLeavesIsSweptAway(t *testing.T) {
	inBrowser(t)
	files := open(t, "crash")
	session(t, files, func() {})
	dir := settle(t, js.Global().Get("navigator").Get("storage").Call("getDirectory"))
	dir = settle(t, dir.Call("getDirectoryHandle", "crash"))
	settle(t, dir.Call("getFileHandle", "77", map[string]any{"create": true}))
	if before := len(entries(t, "crash")); before != 2 {
		t.Fatalf("%d entries, want the index and the stray file", before)
	}
	session(t, files, func() {})
	if after := entries(t, "crash"); fmt.Sprint(after) != "[index]" {
		t.Errorf("after opening there are %q, want the index alone", after)
	}
}

func TestRemovedFilesGoOnceNobodyNeedsThem(t *testing.T) {
	inBrowser(t)
	files := open(t, "removed")
	session(t, files, func() {
		f, err := files.Create("x")
		must(t, err)
		must(t, files.SyncDir())
		must(t, files.Remove("x"))
		if there := len(entries(t, "removed")); there != 2 {
			t.Errorf("%d entries before SyncDir, want index and file: a crash may bring the name back", there)
		}
		must(t, files.SyncDir())
		if there := len(entries(t, "removed")); there != 2 {
			t.Errorf("%d entries while it is open, want index and file", there)
		}
		must(t, f.Close())
		if there := len(entries(t, "removed")); there != 1 {
			t.Errorf("%d entries after all, want the index alone", there)
		}
	})
}

func TestAFileThatTheBrowserLostIsNoticed(t *testing.T) {
	inBrowser(t)
	files := open(t, "lost")
	session(t, files, func() {
		f, err := files.Create("x")
		must(t, err)
		must(t, f.Close())
		must(t, files.SyncDir())
	})
	dir := settle(t, js.Global().Get("navigator").Get("storage").Call("getDirectory"))
	dir = settle(t, dir.Call("getDirectoryHandle", "lost"))
	settle(t, dir.Call("removeEntry", "1"))
	if _, err := files.Lock(); !errors.Is(err, fsys.ErrDamaged) {
		t.Errorf("opening a directory that lost a file: %v, want ErrDamaged", err)
	}
}

// What is synced is flushed before that returns: nothing else here would notice if it were
// not, for only a machine that loses its power does.
func TestWhatIsSyncedIsFlushed(t *testing.T) {
	inBrowser(t)
	handles := js.Global().Get("FileSystemSyncAccessHandle").Get("prototype")
	honest, flushes := handles.Get("flush"), 0
	counting := js.FuncOf(func(this js.Value, _ []js.Value) any {
		flushes++
		return honest.Call("call", this)
	})
	handles.Set("flush", counting)
	t.Cleanup(func() {
		handles.Set("flush", honest)
		counting.Release()
	})
	flushed := func(what string, do func() error) {
		t.Helper()
		before := flushes
		must(t, do())
		if flushes == before {
			t.Errorf("%s returned, and nothing was flushed", what)
		}
	}
	files := open(t, "flushed")
	session(t, files, func() {
		f, err := files.Create("x")
		must(t, err)
		defer f.Close()
		_, err = f.WriteAt([]byte("kept"), 0)
		must(t, err)
		flushed("Sync", f.Sync)
		flushed("SyncDir", files.SyncDir)
	})
}

// A browser that has no more room says so with a name, and what was synced stays.
func TestAFullBrowserIsNamed(t *testing.T) {
	inBrowser(t)
	quota := js.Global().Get("setQuota")
	if !quota.Truthy() {
		t.Skip("the quota cannot be set from here")
	}
	files := open(t, "full")
	session(t, files, func() {
		f, err := files.Create("x")
		must(t, err)
		defer f.Close()
		_, err = f.WriteAt([]byte("kept"), 0)
		must(t, err)
		must(t, f.Sync())
		settle(t, quota.Invoke(1<<20))
		defer func() { settle(t, quota.Invoke(-1)) }()
		for off := int64(4); err == nil && off < 64<<20; off += 1 << 20 {
			if _, err = f.WriteAt(make([]byte, 1<<20), off); err == nil {
				err = f.Sync()
			}
		}
		if !errors.Is(err, fsys.ErrNoSpace) {
			t.Errorf("writing beyond the quota: %v, want ErrNoSpace", err)
		}
		b := make([]byte, 4)
		if _, err := f.ReadAt(b, 0); err != nil || string(b) != "kept" {
			t.Errorf("the file reads %q, %v", b, err)
		}
	})
}

func BenchmarkAppendAndSync(b *testing.B) {
	inBrowser(b)
	files := open(b, "bench")
	f, err := files.Create("x")
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	p := make([]byte, 4096)
	b.SetBytes(int64(len(p)))
	off := int64(0)
	for b.Loop() {
		if _, err := f.WriteAt(p, off); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
		off = (off + 4096) % (16 << 20)
	}
}

func TestANameThatNoDirectoryCanHaveIsNamed(t *testing.T) {
	inBrowser(t)
	for _, name := range []string{"", ".", "..", "a/b", `a\b`} {
		_, err := opfs.Open("names", name)
		if !errors.Is(err, fs.ErrInvalid) || !strings.Contains(err.Error(), strconv.Quote(name)+" in balsa/names") {
			t.Errorf("%q: %v", name, err)
		}
	}
}
