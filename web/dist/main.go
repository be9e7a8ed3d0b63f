// Command dist writes what a browser loads and a checkout does not hold, plain and
// compressed: for the npm package the members' program and the script of its compiler, or
// any other Go program, built as small as that one.
//
//	go run ./web/dist DIR
//	go run ./web/dist DIR PACKAGE
package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/balsaraft/balsa/web"
)

func main() {
	var err error
	switch len(os.Args) {
	case 2:
		err = writePackage(os.Args[1])
	case 3:
		err = writeProgram(os.Args[1], os.Args[2])
	default:
		fmt.Fprintln(os.Stderr, "usage: dist DIR [PACKAGE]")
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

func writePackage(dir string) error {
	site := web.Pages()
	if err := site.Prepare(); err != nil {
		return err
	}
	support, err := fs.ReadFile(site, "balsa/wasm_exec.js")
	if err != nil {
		return err
	}
	packed, err := fs.ReadFile(site, "balsa/member.wasm.gz")
	if err != nil {
		return err
	}
	if err := write(dir, "member", packed); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "wasm_exec.js"), support, 0o644)
}

func writeProgram(dir, name string) error {
	packed, err := web.Program(name)
	if err != nil {
		return err
	}
	return write(dir, path.Base(name), packed)
}

// write writes a program as it is and as it is sent.
func write(dir, name string, packed []byte) error {
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return err
	}
	program, err := io.ReadAll(unpacked)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for ending, content := range map[string][]byte{".wasm.gz": packed, ".wasm": program} {
		if err := os.WriteFile(filepath.Join(dir, name+ending), content, 0o644); err != nil {
			return err
		}
	}
	fmt.Printf("%s.wasm: %d bytes, %d compressed\n", name, len(program), len(packed))
	return nil
}
