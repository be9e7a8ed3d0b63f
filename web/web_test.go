package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"os/exec"
	"testing"
)

// mostPacked is what a browser may have to load for a member, compressed with gzip, in bytes.
const mostPacked = 1_500_000

// What a browser gets must be complete: a member's program that begins as WebAssembly
// does, the script of its compiler, and the package with all that it imports.
func TestTheSiteHasAllThatABrowserNeeds(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("the go command is not here")
	}
	if testing.Short() {
		t.Skip("building for browsers takes its time")
	}
	site := Pages()
	if err := site.Prepare(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".", "index.html", "sketch/index.html", "sketch/sketch.js", "bench.html", "balsa/balsa.js", "balsa/worker.js", "balsa/wasm_exec.js", "balsa/lib/room.js"} {
		if _, err := fs.Stat(site, name); err != nil {
			t.Error(err)
		}
	}
	packed, err := fs.ReadFile(site, wasmFile)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	head := make([]byte, 4)
	if _, err := io.ReadFull(z, head); err != nil || string(head) != "\x00asm" {
		t.Errorf("the members' program begins with %q, %v", head, err)
	}
	t.Logf("the members' program has %d bytes, compressed", len(packed))
	if len(packed) > mostPacked {
		t.Errorf("these are more than %d: see what the last change imports", mostPacked)
	}
}
