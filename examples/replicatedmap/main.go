// Command replicatedmap is a map on three members: a state machine with typed commands
// and snapshots of its own. Without flags, three members in this process show what it
// does. With flags it is one member, which takes commands from standard input:
//
//	replicatedmap -name a -dir data/a -listen 127.0.0.1:7001
//	replicatedmap -name b -dir data/b -listen 127.0.0.1:7002 -join 127.0.0.1:7001
//	replicatedmap -name c -dir data/c -listen 127.0.0.1:7003 -join 127.0.0.1:7001
//
//	put KEY VALUE
//	get KEY
//	del KEY
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
	"strings"

	"github.com/balsaraft/balsa"
)

// Member is a member whose state is a Store.
type Member = balsa.Node[*Store, Command, Result]

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "replicatedmap:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, in io.Reader, out, problems io.Writer) error {
	flags := flag.NewFlagSet("replicatedmap", flag.ContinueOnError)
	flags.SetOutput(problems)
	cfg := balsa.Config{Logger: slog.New(slog.NewTextHandler(problems, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	flags.StringVar(&cfg.Name, "name", "", "what people call this member")
	flags.StringVar(&cfg.Dir, "dir", "", "where its data lives; without it, in memory")
	flags.StringVar(&cfg.Listen, "listen", "", "the address for other members; without it, three members run here")
	join := flags.String("join", "", "addresses of members that run already, with commas")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if cfg.Listen == "" {
		return tour(ctx, cfg.Logger, out)
	}
	if *join != "" {
		cfg.Join = strings.Split(*join, ",")
	}
	return serve(ctx, cfg, in, out)
}

// tour runs three members and uses each.
func tour(ctx context.Context, logger *slog.Logger, out io.Writer) (err error) {
	var members []*Member
	defer func() {
		for _, m := range members {
			err = errors.Join(err, m.Close())
		}
	}()
	var first []string // where the first member listens
	for _, name := range []string{"a", "b", "c"} {
		cfg := balsa.Config{Name: name, Listen: "127.0.0.1:0", Join: first, Timing: balsa.LAN, Logger: logger}
		m, err := balsa.Open(ctx, cfg, NewStore())
		if err != nil {
			return err
		}
		members = append(members, m)
		first = []string{members[0].Status().Addr}
	}
	for i, line := range []string{"put colour red", "put colour blue", "get colour", "del colour", "get colour"} {
		m := members[i%len(members)]
		answer, err := execute(ctx, m, line)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s: %s -> %s\n", m.Status().Name, line, answer)
	}
	return nil
}

// serve runs one member until its input ends.
func serve(ctx context.Context, cfg balsa.Config, in io.Reader, out io.Writer) error {
	m, err := balsa.Open(ctx, cfg, NewStore())
	if err != nil {
		return err
	}
	status := m.Status()
	fmt.Fprintf(out, "%s listens at %s\n", status.Name, status.Addr)
	return errors.Join(answerLines(ctx, m, in, out), m.Close())
}

// answerLines answers until the input or ctx ends.
func answerLines(ctx context.Context, m *Member, in io.Reader, out io.Writer) error {
	lines := make(chan string)
	go func() { // ends with the input, which the process's end closes
		defer close(lines)
		for line := range linesOf(in) {
			select {
			case lines <- line:
			case <-ctx.Done():
				return
			}
		}
	}()
	for {
		select {
		case line, more := <-lines:
			if !more {
				return nil
			}
			answer, err := execute(ctx, m, line)
			if err != nil {
				answer = "error: " + err.Error()
			}
			fmt.Fprintln(out, answer)
		case <-ctx.Done():
			return nil
		case <-m.Done():
			return m.Err()
		}
	}
}
