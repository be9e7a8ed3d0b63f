// Package logs holds the keys of all log records to those that docs/metrics.md lists. It
// has no code, only the test.
package logs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const top = "../.."

// before are the methods that write a record or make a logger, and how many arguments stand
// before the keys.
var before = map[string]int{"Debug": 1, "Info": 1, "Warn": 1, "Error": 1, "Log": 3, "Complain": 3, "With": 0}

// TestTheKeysOfLogRecordsAreThoseOfTheDocumentation: whoever searches logs relies on them.
func TestTheKeysOfLogRecordsAreThoseOfTheDocumentation(t *testing.T) {
	used, documented := keysInUse(t), documentedKeys(t)
	for _, key := range slices.Sorted(maps.Keys(used)) {
		if !documented[key] {
			t.Errorf("%s: the key %q is not in docs/metrics.md; use one that is, or say there what it means", used[key], key)
		}
		if !regexp.MustCompile(`^[a-z][a-z_]*$`).MatchString(key) {
			t.Errorf("%s: the key %q: keys are of small letters and _", used[key], key)
		}
	}
	for key := range documented {
		if used[key] == "" {
			t.Errorf("docs/metrics.md has the key %q, which no record has", key)
		}
	}
}

func documentedKeys(t *testing.T) map[string]bool {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(top, "docs", "metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Logs\n")
	section, _, _ = strings.Cut(section, "\n## ")
	keys := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| (`[a-z_`, ]+`) \\|").FindAllStringSubmatch(section, -1) {
		for key := range strings.SplitSeq(row[1], ", ") {
			keys[strings.Trim(key, "`")] = true
		}
	}
	return keys
}

// keysInUse says of each key where it is used.
func keysInUse(t *testing.T) map[string]string {
	t.Helper()
	used, files := map[string]string{}, token.NewFileSet()
	err := filepath.WalkDir(top, func(at string, d fs.DirEntry, err error) error {
		name := d.Name()
		switch {
		case err != nil:
			return err
		case d.IsDir() && (slices.Contains([]string{"testdata", "node_modules", "sim", "bench", "examples"}, name) || strings.HasPrefix(name, ".") && at != top):
			return filepath.SkipDir
		case !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(files, at, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			for _, key := range keysOf(call) {
				used[key] = files.Position(call.Pos()).String()
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return used
}

// keysOf are the keys in a call, if it is one of a logger.
func keysOf(call *ast.CallExpr) (keys []string) {
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	skip, known := before[method.Sel.Name]
	if !known || method.Sel.Name != "Complain" && !isLogger(method.X) {
		return nil
	}
	for i := skip; i < len(call.Args); i += 2 {
		if text, ok := call.Args[i].(*ast.BasicLit); ok && text.Kind == token.STRING {
			key, _ := strconv.Unquote(text.Value)
			keys = append(keys, key)
		}
	}
	return keys
}

// isLogger says whether an expression is called like a logger, or makes one.
func isLogger(e ast.Expr) bool {
	switch x := e.(type) {
	case *ast.Ident:
		return strings.HasSuffix(strings.ToLower(x.Name), "log") || strings.HasSuffix(strings.ToLower(x.Name), "logger")
	case *ast.SelectorExpr:
		return isLogger(x.Sel)
	case *ast.CallExpr:
		f, ok := x.Fun.(*ast.SelectorExpr)
		return ok && f.Sel.Name == "Default"
	}
	return false
}
