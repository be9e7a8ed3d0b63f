package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the test binary stand in for the command, in scripts and in processes
// of their own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"balsa": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script"})
}
