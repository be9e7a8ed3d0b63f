package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa"
)

func TestAVisitorReadsFollowsAndLeaves(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cfg := balsa.Config{Listen: "127.0.0.1:0", Timing: balsa.LAN, Logger: slog.New(slog.DiscardHandler)}
	r, w := io.Pipe()
	counting := make(chan error, 1)
	counter, stop := context.WithCancel(ctx)
	go func() { counting <- count(counter, cfg, 10*time.Millisecond, w) }()
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	_, addr, ok := strings.Cut(strings.TrimSpace(line), "-to ")
	if !ok {
		t.Fatalf("the first program printed %q", line)
	}

	cfg.Join = []string{addr}
	for range 2 { // the second visitor finds a cluster that the first has left in order
		var out bytes.Buffer
		if err := visit(ctx, cfg, &out); err != nil {
			t.Fatalf("%v, after it printed %q", err, out.String())
		}
		if want := regexp.MustCompile(`^joined: the count is [1-9]\d*\n(entry \d+ adds 1\n){3}left\n$`); !want.MatchString(out.String()) {
			t.Errorf("it printed %q", out.String())
		}
	}
	stop()
	if err := <-counting; err != nil {
		t.Errorf("the count ended with %v", err)
	}
}
