package pages

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Whoever opens a folder finds on the map what lives there: each folder at the top, and each
// of those that hold several rooms.
func TestTheArchitectureNamesEachFolder(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(top, "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	made := []string{"build", "node_modules", "testdata"}
	for _, of := range []string{"", "sim", "internal", "kv", "transport", "storage", "raft", "fsys", "rpc", "pki"} {
		folders, err := os.ReadDir(filepath.Join(top, of))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range folders {
			if !f.IsDir() || strings.HasPrefix(f.Name(), ".") || slices.Contains(made, f.Name()) || f.Name() == "internal" && of != "" {
				continue
			}
			path := filepath.ToSlash(filepath.Join(of, f.Name()))
			named := []string{"`" + path + "`", "`" + path + "/"}
			if of == "sim" {
				named = append(named, "`"+f.Name()+"`") // they stand behind sim
			}
			if !slices.ContainsFunc(named, func(name string) bool { return strings.Contains(string(text), name) }) && hasSources(t, path) {
				t.Errorf("ARCHITECTURE.md does not say what lives in %s", path)
			}
		}
	}
}

// hasSources says whether a folder is part of the project, and not what somebody has made there.
func hasSources(t *testing.T, path string) (has bool) {
	sources := []string{".go", ".js", ".mjs", ".md", ".yml", ".yaml"}
	err := filepath.WalkDir(filepath.Join(top, path), func(name string, d fs.DirEntry, err error) error {
		has = has || err == nil && !d.IsDir() && slices.Contains(sources, filepath.Ext(name))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return has
}
