package main

import (
	"context"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestAMemberThatCatchesUpSaysHowFarItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out safeBuffer
		ctx, cancel := context.WithTimeout(t.Context(), 47*time.Second+time.Millisecond)
		defer cancel()
		begun := time.Now()
		catchUp(ctx, logLines{slog.New(slog.NewTextHandler(&out, nil))}, func() (intake, bool) {
			since := time.Since(begun)
			switch {
			case since < 3*time.Second:
				return intake{}, false // nobody leads yet
			case since < 25*time.Second:
				return intake{"receiving the state", inBytes, int64(since/time.Second) << 20, 100 << 20}, true
			}
			return intake{"catching up", counted("entries"), int64(since/time.Second) * 100, 5000}, true
		})
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		// What is told at a moment is what was asked for at the same one, or a second before.
		for i, want := range []string{` of 100 MiB \(1[23]%\).* left"`, ` of 100 MiB \(2[23]%\).* left"`, ` of 5000 entries \(.* left"`, ` of 5000 entries \(.* left"`} {
			if i >= len(lines) || !regexp.MustCompile(want).MatchString(lines[i]) {
				t.Fatalf("line %d has no %q: %q", i, want, lines)
			}
		}
	})
}
