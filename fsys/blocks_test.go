//go:build !js

package fsys_test

import (
	"bytes"
	"errors"
	"io/fs"
	"slices"
	"testing"
	"unsafe"

	"github.com/balsaraft/balsa/fsys"
)

func blocks(letters string) []byte {
	b := fsys.Blocks(nil, len(letters)*fsys.BlockSize)
	for _, l := range []byte(letters) {
		b = append(b, bytes.Repeat([]byte{l}, fsys.BlockSize)...)
	}
	return b
}

// letters undoes blocks: a letter for each block.
func letters(t *testing.T, f fsys.File) string {
	t.Helper()
	size, err := f.Size()
	must(t, err)
	b := make([]byte, size)
	if n, err := f.ReadAt(b, 0); n < len(b) {
		t.Fatal(err)
	}
	var all []byte
	for block := range slices.Chunk(b, fsys.BlockSize) {
		all = append(all, block[0])
		if bytes.Count(block, block[:1]) != fsys.BlockSize {
			t.Errorf("block %d is mixed", len(all)-1)
		}
	}
	return string(all)
}

// TestBlocksAreReadAsTheyWereWritten, whether they were written past a cache or through it,
// and whatever of them was read before.
func TestBlocksAreReadAsTheyWereWritten(t *testing.T) {
	dir, err := fsys.Dir(t.TempDir())
	must(t, err)
	for name, files := range map[string]fsys.FS{"dir": dir, "memory": fsys.NewMemory()} {
		t.Run(name, func(t *testing.T) {
			f, err := files.Create("x")
			must(t, err)
			defer f.Close()
			shows := func(want string) {
				t.Helper()
				if got := letters(t, f); got != want {
					t.Errorf("the file holds %q, want %q", got, want)
				}
			}
			must(t, fsys.WriteBlocks(f, blocks("abcd"), 0, false))
			shows("abcd")
			must(t, fsys.WriteBlocks(f, blocks("xy"), fsys.BlockSize, true))
			shows("axyd")
			_, err = f.WriteAt(blocks("z"), 2*fsys.BlockSize)
			must(t, err)
			must(t, fsys.WriteBlocks(f, blocks("b"), fsys.BlockSize, true))
			shows("abzd")
			must(t, files.Rename("x", "y"))
			must(t, fsys.WriteBlocks(f, blocks("w"), 0, true))
			must(t, f.Sync())
			shows("wbzd")
			again, err := files.Open("y")
			must(t, err)
			defer again.Close()
			if got := letters(t, again); got != "wbzd" {
				t.Errorf("the file holds %q for who opens it now", got)
			}
		})
	}
}

func TestBlocksOfAClosedFileAreNotWritten(t *testing.T) {
	dir, err := fsys.Dir(t.TempDir())
	must(t, err)
	f, err := dir.Create("x")
	must(t, err)
	must(t, fsys.WriteBlocks(f, blocks("a"), 0, true))
	must(t, f.Close())
	if err := fsys.WriteBlocks(f, blocks("b"), 0, true); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("%v, want fs.ErrClosed", err)
	}
}

func TestBlocksGrowWhereBlocksMayBegin(t *testing.T) {
	var b []byte
	for n := 1; n < 1<<20; n = 2*n + 1 {
		before := append([]byte{}, b...)
		b = fsys.Blocks(b, n)
		if cap(b)-len(b) < n {
			t.Fatalf("%d bytes have room for %d more, want %d", len(b), cap(b)-len(b), n)
		}
		if !bytes.Equal(b, before) {
			t.Fatal("growing changes what is there")
		}
		if uintptr(unsafe.Pointer(unsafe.SliceData(b)))%fsys.BlockSize != 0 {
			t.Fatalf("room for %d bytes does not begin where a block may", n)
		}
		if same := fsys.Blocks(b, n); unsafe.SliceData(same) != unsafe.SliceData(b) {
			t.Fatal("memory that has room is left for other memory")
		}
		b = b[:len(b)+n]
		for i := range b {
			b[i] = byte(i)
		}
	}
}
