package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestEachFaultFits holds the list together with the code: the text that a fault replaces
// stands in its file exactly once, and the fault says what it is.
func TestEachFaultFits(t *testing.T) {
	for _, f := range faults() {
		if f.row == "" || f.what == "" || f.by == "" || f.old == f.new {
			t.Errorf("%+v: a fault needs a row, what it does, a judge and another text", f)
		}
		if _, err := f.apply(filepath.Join("..", "..", filepath.FromSlash(f.file))); err != nil {
			t.Errorf("%s: %s: %v", f.row, f.what, err)
		}
	}
}

// TestEachFaultCompiles checks the types of the package that a fault is planted in: one that
// does not compile is caught by nobody, and would be found out only when all are planted.
func TestEachFaultCompiles(t *testing.T) {
	of := map[string][]fault{} // by directory
	for _, f := range faults() {
		of[path.Dir(f.file)] = append(of[path.Dir(f.file)], f)
	}
	root := filepath.Join("..", "..")
	known := listed(t, root, slices.Collect(maps.Keys(of)))
	for dir, planted := range of {
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			p := known[dir]
			files := token.NewFileSet()
			parsed := map[string]*ast.File{}
			for _, name := range p.GoFiles {
				parsed[name] = parse(t, files, name, filepath.Join(p.Dir, name), nil)
			}
			exports := importer.ForCompiler(files, "gc", func(path string) (io.ReadCloser, error) {
				if to, mapped := p.ImportMap[path]; mapped {
					path = to
				}
				return os.Open(known[path].Export)
			})
			check := func(all map[string]*ast.File) error {
				config := types.Config{Importer: exports, Error: func(error) {}}
				_, err := config.Check(p.ImportPath, files, slices.Collect(maps.Values(all)), nil)
				return err
			}
			if err := check(parsed); err != nil {
				t.Fatalf("as it is, it does not compile: %v", err)
			}
			for _, f := range planted {
				name := path.Base(f.file)
				if parsed[name] == nil {
					t.Errorf("%s: %s: %s is not compiled on this platform", f.row, f.what, f.file)
					continue
				}
				text, err := f.apply(filepath.Join(root, filepath.FromSlash(f.file)))
				if err != nil {
					t.Error(err)
					continue
				}
				with := maps.Clone(parsed)
				with[name] = parse(t, files, name, name, text)
				if err := check(with); err != nil {
					t.Errorf("%s: %s: it does not compile: %v", f.row, f.what, err)
				}
			}
		})
	}
}

// listing is what the go command says of a package.
type listing struct {
	Dir, ImportPath, Export string
	GoFiles                 []string
	ImportMap               map[string]string
}

// listed are packages by their directory in the module, and all that they import by path.
func listed(t *testing.T, root string, dirs []string) map[string]listing {
	t.Helper()
	args := []string{"list", "-export", "-deps", "-json=Dir,ImportPath,Export,GoFiles,ImportMap"}
	for _, dir := range dirs {
		args = append(args, "./"+dir)
	}
	command := exec.Command("go", args...)
	command.Dir = root
	var said strings.Builder
	command.Stderr = &said
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, &said)
	}
	known := map[string]listing{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var l listing
		err := d.Decode(&l)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		known[l.ImportPath] = l
	}
	for _, dir := range dirs {
		l, found := known[path.Join("github.com/balsaraft/balsa", dir)]
		if !found {
			t.Fatalf("the go command does not know %s", dir)
		}
		known[dir] = l
	}
	return known
}

func parse(t *testing.T, files *token.FileSet, name, path string, text any) *ast.File {
	t.Helper()
	f, err := parser.ParseFile(files, path, text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w", name, err))
	}
	return f
}

// TestSomeFaultsAreCaught plants three of them, for both kinds of judge.
func TestSomeFaultsAreCaught(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the simulator for each")
	}
	p, err := newPlanter()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	b := bench{planter: p, terms: terms{first: 1, seeds: 40}, trusted: map[judge]bool{}}
	for _, what := range []string{
		"a vote is granted before it is durable",
		"the leader counts itself before its own disk has the entries",
		"a record's checksum does not cover its place",
	} {
		chosen := choose(faults(), what)
		if len(chosen) != 1 {
			t.Fatalf("%q: %d faults are like that, not one", what, len(chosen))
		}
		v, err := b.try(context.Background(), chosen[0])
		if err != nil {
			t.Fatal(err)
		}
		if !v.caught {
			t.Errorf("%s: %s: %s", chosen[0].row, what, v)
		}
	}
}
