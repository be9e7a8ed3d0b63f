package redis

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestEachCommandHasItsTimeAndAQuarterMoreAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const long = 4 * time.Second
		var own term
		defer own.end()
		made := map[context.Context]bool{}
		for range 100 {
			ctx := own.of(t.Context(), long)
			made[ctx] = true
			ends, _ := ctx.Deadline()
			if left := time.Until(ends); left < long || left > long+long/4 {
				t.Fatalf("a command has %v", left)
			}
			time.Sleep(long / 40)
		}
		if n := len(made); n < 10 || n > 20 {
			t.Errorf("%d contexts were made for 100 commands in 10 s", n)
		}
		ctx := own.of(t.Context(), long)
		<-ctx.Done()
		if own.of(t.Context(), long).Err() != nil {
			t.Error("after one has ended, the next command has no time")
		}
	})
}
