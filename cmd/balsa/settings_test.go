package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// Whoever reads balsa serve --help learns what each setting is, what it is if nobody says
// so, and the variable that sets it; a file may set it, too.
func TestEachSettingIsExplained(t *testing.T) {
	model := kong.Must(&commandLine{}, kong.DefaultEnvars("BALSA")).Model
	i := slices.IndexFunc(model.Children, func(n *kong.Node) bool { return n.Name == "serve" })
	serve := model.Children[i]
	inFiles := flagNames(serve)
	if len(inFiles) < 20 {
		t.Fatalf("there are %d settings", len(inFiles))
	}
	for _, f := range serve.Flags {
		if f.Name == "help" {
			continue
		}
		if !strings.HasSuffix(f.Help, ".") && !strings.HasSuffix(f.Help, "…") {
			t.Errorf("--%s is explained by %q, want a sentence", f.Name, f.Help)
		}
		if f.Default != "" && !strings.Contains(f.Help, f.Default) {
			t.Errorf("--%s is explained by %q, which has not its default, %s", f.Name, f.Help, f.Default)
		}
		if want := "BALSA_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_")); !slices.Equal(f.Envs, []string{want}) {
			t.Errorf("--%s is set by %v, want %s", f.Name, f.Envs, want)
		}
		if f.Name != "config" && !slices.Contains(inFiles, f.Name) {
			t.Errorf("no file sets --%s", f.Name)
		}
	}
}
