package main

import (
	"bytes"
	"os/exec"
	"testing"
)

// stdoutOf runs the command, which must succeed.
func stdoutOf(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "balsa", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("balsa %v: %v: %s", args, err, stderr.String())
	}
	return string(out)
}
