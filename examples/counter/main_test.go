package main

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"
)

// output runs main and returns what it printed.
func output(t *testing.T) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = w
	defer func() { os.Stdout = stdout }()
	main()
	w.Close()
	printed, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(printed)
}

func TestTheNumberSurvivesTheProgram(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, want := range []string{"5 <nil>\n", "10 <nil>\n", "15 <nil>\n"} {
		if got := output(t); got != want {
			t.Fatalf("a run printed %q, want %q", got, want)
		}
	}
}

func TestTheReadmeShowsThisVeryProgram(t *testing.T) {
	program, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(readme, []byte("```go\n"+string(program)+"```\n")) {
		t.Error("README.md does not show examples/counter/main.go as it is: copy it there")
	}
	if lines := strings.Count(string(program), "\n"); lines >= 25 {
		t.Errorf("the program has %d lines; it is shown as one of fewer than 25", lines)
	}
}
