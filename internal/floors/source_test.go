package floors

import (
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/balsaraft/balsa"

// source is one file of this module.
type source struct {
	dir  string // relative to the module, with slashes
	name string
	fset *token.FileSet
	file *ast.File
}

func (s source) isTest() bool { return strings.HasSuffix(s.name, "_test.go") }

// at says where a node stands.
func (s source) at(n ast.Node) string {
	return s.path() + ":" + strconv.Itoa(s.fset.Position(n.Pos()).Line)
}

func (s source) path() string { return path.Join(s.dir, s.name) }

// imports lists the imported paths and the names by which the file knows them.
func (s source) imports() map[string]string {
	known := map[string]string{}
	for _, spec := range s.file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the compiler says so
		}
		known[imported] = path.Base(imported)
		if spec.Name != nil {
			known[imported] = spec.Name.Name
		}
	}
	return known
}

// ours cuts an import path of this module to a room's name.
func ours(imported string) (dir string, ok bool) {
	if imported == module {
		return root, true
	}
	return strings.CutPrefix(imported, module+"/")
}

// standard says whether an import path is the standard library's: those of others
// start with a domain.
func standard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".")
}

// parseModule reads every Go file of the module. It reads files rather than ask the go
// command, because the test cache notices only files that the test itself opens.
func parseModule(t *testing.T) []source {
	t.Helper()
	top := filepath.Join("..", "..")
	var all []source
	err := filepath.WalkDir(top, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return skipped(top, at, d.Name())
		}
		if !strings.HasSuffix(d.Name(), ".go") {
			return nil
		}
		dir, err := filepath.Rel(top, filepath.Dir(at))
		if err != nil {
			return err
		}
		s := source{dir: filepath.ToSlash(dir), name: d.Name(), fset: token.NewFileSet()}
		s.file, err = parser.ParseFile(s.fset, at, nil, parser.ParseComments|parser.SkipObjectResolution)
		all = append(all, s)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// skipped leaves out what is not of this module.
func skipped(top, at, name string) error {
	if at == top {
		return nil
	}
	_, err := os.Stat(filepath.Join(at, "go.mod"))
	if err == nil || name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
		return filepath.SkipDir
	}
	return nil
}

// builtFor says whether the file is a part of the package on a platform.
func (s source) builtFor(t *testing.T, goos, goarch string) bool {
	t.Helper()
	platform := build.Default
	platform.GOOS, platform.GOARCH, platform.CgoEnabled = goos, goarch, false
	match, err := platform.MatchFile(filepath.Join("..", "..", filepath.FromSlash(s.dir)), s.name)
	if err != nil {
		t.Fatal(err)
	}
	return match
}

// exported lists the exported names that the file declares, methods with their type.
func (s source) exported() []string {
	var names []string
	add := func(prefix string, id *ast.Ident) {
		if id.IsExported() {
			names = append(names, prefix+id.Name)
		}
	}
	for _, decl := range s.file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				add("", d.Name)
			} else if of := receiver(d.Recv.List[0].Type); ast.IsExported(of) {
				add(of+".", d.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch sp := spec.(type) {
				case *ast.TypeSpec:
					add("", sp.Name)
				case *ast.ValueSpec:
					for _, id := range sp.Names {
						add("", id)
					}
				}
			}
		}
	}
	return names
}

// receiver is the name of a method's type.
func receiver(e ast.Expr) string {
	switch x := e.(type) {
	case *ast.StarExpr:
		return receiver(x.X)
	case *ast.IndexExpr:
		return receiver(x.X)
	case *ast.IndexListExpr:
		return receiver(x.X)
	case *ast.Ident:
		return x.Name
	}
	return ""
}
