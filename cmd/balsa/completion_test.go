package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

func TestCompletionKnowsTheWholeCommandLine(t *testing.T) {
	root := kong.Must(&commandLine{}, kong.DefaultEnvars("BALSA")).Model.Node
	for _, c := range []struct{ line, want string }{
		{"d", "demo"},
		{"kv ", "get put del cas scan watch lock"},
		{"kv s", "scan"},
		{"kv get --st", "--stale"},
		{"kv get color --js", "--json"},
		{"status --w", "--watch"},
		{"status --server http://h:1 --w", "--watch"},
		{"status --watch --js", "--json"}, // a flag without a value takes no word
		{"serve --timing ", "default lan wan"},
		{"serve --timing = l", "lan"}, // as bash cuts it
		{"serve --timing =", "default lan wan"},
		{"serve --timing=w", "--timing=wan"}, // as others do
		{"serve --dir ", ""},                 // a file's name, which the shell knows
		{"completion ", "bash zsh fish"},
		{"completion bash ", ""},
		{"kv lock jobs -- stat", ""}, // another program's words
		{"frobnicate", ""},
	} {
		var got []string
		for _, f := range complete(root, strings.Split(c.line, " ")) {
			got = append(got, f.word)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("balsa %s: %q, want %q", c.line, got, c.want)
		}
	}
}

// A real shell, and what its function for balsa makes of a line.
func TestShellsCompleteCommandLines(t *testing.T) {
	t.Parallel()
	for shell, script := range map[string]string{
		"bash": `source <(balsa completion bash); COMP_WORDS=(balsa kv s); COMP_CWORD=2; _balsa balsa; echo "${COMPREPLY[@]}"`,
		"zsh":  `compdef() { }; _describe() { echo "${(P)3[1]%%:*}"; }; source <(balsa completion zsh); words=(balsa kv s); CURRENT=3; _balsa`,
		"fish": `balsa completion fish | source; complete --do-complete "balsa kv s" | string split -f 1 \t`,
	} {
		t.Run(shell, func(t *testing.T) {
			if _, err := exec.LookPath(shell); err != nil {
				t.Skipf("%s is not here", shell)
			}
			out, err := exec.CommandContext(t.Context(), shell, "-c", script).CombinedOutput()
			if got := strings.TrimSpace(string(out)); err != nil || got != "scan" {
				t.Errorf("it completes %q, %v", got, err)
			}
		})
	}
}
