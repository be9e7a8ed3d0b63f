package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
)

func TestExitCodesTellWhatHasHappened(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, exitDone},
		{errors.New("any"), exitFailed},
		{balsa.ErrNotCommitted, exitFailed},
		{fmt.Errorf("%w: --server", errUsage), exitUsage},
		{balsa.ErrConfig, exitUsage},
		{fmt.Errorf("color: %w", kv.ErrNotFound), exitNo},
		{&kv.DifferentError{}, exitNo},
		{kv.ErrLocked, exitNo},
		{fmt.Errorf("put: %w", balsa.ErrUnknown), exitUnknown},
		{fmt.Errorf("%w: %w", balsa.ErrUnknown, context.DeadlineExceeded), exitUnknown},
		{exitError{7}, 7},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("%v: exit code %d, want %d", c.err, got, c.want)
		}
	}
}

// docs/command.md has a row for each.
func TestThePageSaysWhatExitCodesMean(t *testing.T) {
	page, err := os.ReadFile("../../docs/command.md")
	if err != nil {
		t.Fatal(err)
	}
	for code := exitDone; code <= exitUnknown; code++ {
		if !strings.Contains(string(page), fmt.Sprintf("\n| %d | ", code)) {
			t.Errorf("docs/command.md has no row of exit code %d", code)
		}
	}
}
