// Command join shows a member that comes to a running cluster, reads, and leaves.
//
//	join                       a cluster of one, which counts; it prints its address
//	join -to 127.0.0.1:7001    becomes a part of it, reads the count, and leaves
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"time"

	"github.com/balsaraft/balsa"
)

// Count is the state machine of all members: the sum of all commands.
type Count = balsa.State[int, int, int]

func newCount() *Count {
	return balsa.Func(0, func(total *int, _ balsa.Entry, add int) int { *total += add; return *total })
}

func main() {
	to := flag.String("to", "", "the address of any member of a running cluster")
	listen := flag.String("listen", "127.0.0.1:0", "the address for other members")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	cfg := balsa.Config{Listen: *listen, Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	var err error
	if *to == "" {
		err = count(ctx, cfg, time.Second, os.Stdout)
	} else {
		cfg.Join = []string{*to}
		err = visit(ctx, cfg, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "join:", err)
		os.Exit(1)
	}
}

// count adds 1 every pause until ctx ends.
func count(ctx context.Context, cfg balsa.Config, pause time.Duration, out io.Writer) error {
	node, err := balsa.Open(ctx, cfg, newCount())
	if err != nil {
		return err
	}
	defer node.Close()
	fmt.Fprintf(out, "counting; join with -to %s\n", node.Status().Addr)
	ticks := time.NewTicker(pause)
	defer ticks.Stop()
	for {
		if _, err := node.Propose(ctx, 1); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// visit joins, reads, follows a few commands, and leaves.
func visit(ctx context.Context, cfg balsa.Config, out io.Writer) (err error) {
	node, err := balsa.Open(ctx, cfg, newCount())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, node.Close()) }()
	// Without options a read is linearizable. It waits until this member has joined
	// and holds all that was acknowledged before.
	var total int
	var at balsa.Index
	if err := node.Read(ctx, func(c *Count) { total = c.Value }); err != nil {
		return err
	}
	at = node.Status().Applied
	fmt.Fprintf(out, "joined: the count is %d\n", total)
	if err := follow(ctx, node, at+1, out); err != nil {
		return err
	}
	// This member's data is in memory and goes with it, so it says goodbye: a voter
	// that is merely gone would still count in every majority.
	if err := node.RemoveMember(ctx, node.Status().ID); err != nil {
		return err
	}
	fmt.Fprintln(out, "left")
	return nil
}

// follow prints the next three commands that are applied.
func follow(ctx context.Context, node *balsa.Node[*Count, int, int], from balsa.Index, out io.Writer) error {
	const enough = 3
	seen := 0
	for c, err := range node.Committed(ctx, from) {
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "entry %d adds %d\n", c.Index, c.Command)
		if seen++; seen == enough {
			break
		}
	}
	return nil
}
