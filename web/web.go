// Package web is what browsers get: the package balsa in JavaScript, and the pages that
// show what it does. The scripts run as they lie; types are in their comments.
//
// The program of a member, which the scripts load, is web/member built for js/wasm. It is
// not kept among the sources: whoever has them has the go command, too, which makes it
// when the first browser asks for it.
package web

import (
	"bytes"
	"embed"
	"io/fs"
	"strings"
	"sync"
	"time"
)

//go:embed balsa.js client.js worker.js lib/*.js pages
var scripts embed.FS

// Site is all that a server hands to browsers: pages at the root, the package under
// balsa/. Any goroutine may use it.
type Site struct {
	build func() (map[string][]byte, error)
}

// Pages makes the site of this program. The first who asks for what has to be built waits
// for the go command, some seconds, or half a minute if it has not built anything before.
func Pages() *Site { return &Site{build: sync.OnceValues(build)} }

const (
	packageDir = "balsa/"
	wasmFile   = packageDir + "member.wasm.gz"
	execFile   = packageDir + "wasm_exec.js"
)

// Prepare builds what has to be built. Errors say what is missing: the go command, or the
// sources of a program that was installed without a version.
func (s *Site) Prepare() error {
	_, err := s.build()
	return err
}

// Open implements fs.FS.
func (s *Site) Open(name string) (fs.File, error) {
	if name == wasmFile || name == execFile {
		files, err := s.build()
		if err != nil {
			return nil, &fs.PathError{Op: "build", Path: name, Err: err}
		}
		return &builtFile{bytes.NewReader(files[name]), name, int64(len(files[name]))}, nil
	}
	if script, ok := strings.CutPrefix(name, packageDir); ok {
		return scripts.Open(script)
	}
	if name == "." {
		return scripts.Open("pages")
	}
	return scripts.Open("pages/" + name)
}

// builtFile is a file in memory, and its own fs.FileInfo.
type builtFile struct {
	*bytes.Reader
	name   string
	length int64
}

func (f *builtFile) Stat() (fs.FileInfo, error) { return builtInfo{f}, nil }
func (f *builtFile) Close() error               { return nil }

type builtInfo struct{ f *builtFile }

func (i builtInfo) Name() string       { return strings.TrimPrefix(i.f.name, packageDir) }
func (i builtInfo) Size() int64        { return i.f.length }
func (i builtInfo) Mode() fs.FileMode  { return 0o444 }
func (i builtInfo) ModTime() time.Time { return time.Time{} }
func (i builtInfo) IsDir() bool        { return false }
func (i builtInfo) Sys() any           { return nil }
