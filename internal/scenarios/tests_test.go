package scenarios

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// bearer is a test, by what it says of itself.
type bearer struct {
	function string // its name; "" for a scenario file
	comment  string // or the name of the file
}

// name says whether the test bears the name of a scenario: in its comment, or in camel
// case as its own name.
func (b bearer) name(scenario string) bool {
	camel := "Test"
	for part := range strings.SplitSeq(scenario, "-") {
		camel += strings.ToUpper(part[:1]) + part[1:]
	}
	if b.function == camel {
		return true
	}
	at := regexp.MustCompile(`(^|[^\w-])` + regexp.QuoteMeta(scenario) + `($|[^\w-])`)
	return at.MatchString(b.comment)
}

var saysScenario = regexp.MustCompile(`\bScenarios? ([a-z]+(?:-[a-z]+)+)(?: and ([a-z]+(?:-[a-z]+)+))?`)

// scenarios are the names that a comment begins with: Scenario NAME, Scenarios A and B.
func (b bearer) scenarios() (names []string) {
	for _, m := range saysScenario.FindAllStringSubmatch(b.comment, -1) {
		for _, name := range m[1:] {
			if name != "" && b.function != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

// parseTests reads all tests of the module, by the names that the page uses for them.
// Those of the root package are balsa.Test….
func parseTests(t *testing.T) map[string]bearer {
	t.Helper()
	all := map[string]bearer{}
	err := filepath.WalkDir(top, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if at != top && (strings.HasPrefix(d.Name(), ".") || otherModule(at)) {
				return filepath.SkipDir
			}
			return nil
		}
		dir, err := filepath.Rel(top, filepath.Dir(at))
		if err != nil {
			return err
		}
		dir = filepath.ToSlash(dir)
		switch {
		case dir == "raft/testdata" && strings.HasSuffix(at, ".txt"):
			all[dir+"/"+d.Name()] = bearer{comment: strings.TrimSuffix(d.Name(), ".txt")}
		case strings.HasSuffix(at, "_test.go"):
			if dir == "." {
				dir = "balsa"
			}
			return parseFile(at, dir, all)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func otherModule(at string) bool {
	_, err := os.Stat(filepath.Join(at, "go.mod"))
	return err == nil
}

func parseFile(at, pkg string, into map[string]bearer) error {
	file, err := parser.ParseFile(token.NewFileSet(), at, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
			into[pkg+"."+f.Name.Name] = bearer{f.Name.Name, strings.Join(strings.Fields(f.Doc.Text()), " ")}
		}
	}
	return nil
}

// plantedRows are the rows of sim/bite's faults.
func plantedRows(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(top, "sim", "bite", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	planted := map[string]bool{}
	for _, at := range files {
		file, err := parser.ParseFile(token.NewFileSet(), at, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if pair, ok := n.(*ast.KeyValueExpr); ok {
				if key, ok := pair.Key.(*ast.Ident); ok && key.Name == "row" {
					if value, ok := pair.Value.(*ast.BasicLit); ok {
						if name, err := strconv.Unquote(value.Value); err == nil {
							planted[name] = true
						}
					}
				}
			}
			return true
		})
	}
	if len(planted) < 20 {
		t.Fatalf("sim/bite has faults of %d kinds: has its form changed?", len(planted))
	}
	return planted
}
