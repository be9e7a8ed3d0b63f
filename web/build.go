package web

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
)

const (
	module  = "github.com/balsaraft/balsa"
	program = module + "/web/member"
)

// flags make the members' program small: without inlining it is a tenth smaller, but for
// packages where a call is larger than what it calls. Inlining the runtime alone would save
// a lone write a quarter of its time, and takes 45 kB.
var flags = []string{
	"-buildvcs=false", "-trimpath", "-ldflags=-s -w", "-gcflags=all=-l",
	"-gcflags=" + module + "/raft/tracker=", "-gcflags=" + module + "/internal/unzeroed=", "-gcflags=context=", "-gcflags=unicode/utf8=",
}

// build makes the members' program, compressed, and what its compiler has for browsers.
func build() (map[string][]byte, error) {
	if _, err := exec.LookPath("go"); err != nil {
		return nil, errors.New("the go command is missing, which builds the members' program for browsers: install Go from https://go.dev/dl/")
	}
	packed, err := Program(program)
	if err != nil {
		return nil, err
	}
	support, err := runtimeSupport()
	if err != nil {
		return nil, fmt.Errorf("find what the compiler has for browsers: %w", err)
	}
	return map[string][]byte{wasmFile: packed, execFile: support}, nil
}

// Program builds a Go program for browsers, small as the members' own, and compresses it as
// a server sends it (Content-Encoding: gzip). It is named like a package for the go command,
// which it runs in the working directory.
func Program(name string) (packed []byte, err error) {
	wasm, err := compile(name)
	if err != nil {
		return nil, fmt.Errorf("build %s for browsers: %w", name, err)
	}
	if wasm, err = joinSegments(wasm); err != nil {
		return nil, err
	}
	return pack(wasm)
}

// inBinary has the members' program, whose commands marshal themselves, do without what
// makes JSON of others.
const inBinary = "-tags=balsa_binary"

func compile(name string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "balsa-build-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "member.wasm")
	flags := flags
	if name == program {
		flags = append(slices.Clip(flags), inBinary)
	}
	args := append(append([]string{"build"}, flags...), "-o", out, name)
	env := append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	if version, installed := installedVersion(); installed && name == program {
		// Outside of a checkout: the sources of the version that this program is. What is
		// built for another system cannot be given another name, so it goes to a GOPATH
		// of its own.
		args = append(append([]string{"install"}, flags...), name+"@"+version)
		env = append(env, "GOPATH="+dir, "GOFLAGS=-modcacherw")
		out = filepath.Join(dir, "bin", "js_wasm", "member")
	}
	command := exec.Command("go", args...)
	command.Env = env
	var problems bytes.Buffer
	command.Stderr = &problems
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, problems.Bytes())
	}
	return os.ReadFile(out)
}

// installedVersion says whether the go command finds no checkout here, and of which
// version this program is then.
func installedVersion() (version string, installed bool) {
	if exec.Command("go", "list", program).Run() == nil {
		return "", false
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "", false
	}
	version = info.Main.Version
	return version, info.Main.Path == module && version != "" && version != "(devel)"
}

// runtimeSupport is the script that comes with the compiler, and must be of its version.
func runtimeSupport() ([]byte, error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js"))
}

// pack compresses as all browsers take it. The gzip command, where there is one, packs
// almost a hundredth tighter than Go's own package.
func pack(data []byte) ([]byte, error) {
	command := exec.Command("gzip", "-9nc")
	command.Stdin = bytes.NewReader(data)
	if packed, err := command.Output(); err == nil {
		return packed, nil
	}
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(data); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
