package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
)

// demoCommand is a cluster to play with.
type demoCommand struct {
	Dir    string `help:"Keep the members' files here. Without it they are temporary and removed at the end." placeholder:"DIR"`
	HTTP   string `name:"http" help:"First of three addresses for HTTP, one a member. Default: 127.0.0.1:8080, or what is free." placeholder:"ADDR"`
	Redis  string `help:"First of three addresses for Redis clients, and for commands by line. Default: 127.0.0.1:6380, or what is free." placeholder:"ADDR"`
	NoOpen bool   `help:"Do not open the first member's page in a browser."`

	logging `embed:""`
}

const (
	demoHTTP  = "127.0.0.1:8080"
	demoRedis = "127.0.0.1:6380"
)

var demoNames = [...]string{"a", "b", "c"}

// demo is the running cluster, with one goroutine that reads the commands.
type demo struct {
	console
	log   *slog.Logger
	dir   string
	stage *stage
}

// Run starts the cluster and does what is typed until it ends.
func (d *demoCommand) Run(ctx context.Context, c console) (err error) {
	run := &demo{console: c, log: d.logger(c, slog.LevelError)}
	if run.dir = d.Dir; d.Dir == "" {
		if run.dir, err = os.MkdirTemp("", "balsa-demo-"); err != nil {
			return fmt.Errorf("make a temporary directory: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(run.dir)) }()
	}
	ctx, cancel := context.WithCancel(ctx)
	if err := run.build(ctx, d.HTTP, d.Redis); err != nil {
		cancel()
		return err
	}
	proving := make(chan struct{})
	go func() { defer close(proving); run.stage.proof.Run(ctx) }()
	defer func() { cancel(); <-proving; err = errors.Join(err, run.stage.close()) }()
	if err := run.stage.startAll(ctx); err != nil {
		return err
	}
	if !run.awaitLeader(ctx) {
		return nil
	}
	run.explain(d.Dir == "")
	if !d.NoOpen && isTerminal(c.stdout) {
		openInBrowser("http://" + run.stage.actors[0].front.addr)
	}
	return run.converse(ctx)
}

// build takes the addresses and sets the stage. The other members' addresses must be known
// before the first one starts, so their ports are found first and taken for good a moment
// later; should another process come between, the member says so.
func (d *demo) build(ctx context.Context, http, redis string) error {
	doors, err := d.ports("--http", http, demoHTTP)
	if err != nil {
		return err
	}
	lines, err := d.ports("--redis", redis, demoRedis)
	if err != nil {
		return errors.Join(err, closeAll(doors))
	}
	if err := closeAll(lines); err != nil {
		return errors.Join(err, closeAll(doors))
	}
	peers, err := findPorts()
	if err != nil {
		return errors.Join(err, closeAll(doors))
	}
	var actors []*actor
	for i, name := range demoNames {
		actors = append(actors, newActor(name, peers[name], lines[i].Addr().String(), d.dir, openFront(doors[i], d.log), d.log))
	}
	d.stage = newStage(ctx, peers, actors)
	return nil
}

func closeAll(listeners []net.Listener) error {
	var errs []error
	for _, l := range listeners {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// ports are listeners at three addresses from a first one on. A default that is taken is
// replaced by what is free; one that was given is not.
func (d *demo) ports(flag, given, fallback string) (all []net.Listener, err error) {
	addrs, err := consecutive(flag, given, fallback)
	if err != nil {
		return nil, err
	}
	for _, addr := range addrs {
		l, err := listenAt(flag, addr)
		if err != nil && given == "" {
			if l, err = listenAnywhere(flag, "127.0.0.1"); err == nil {
				fmt.Fprintf(d.stdout, "%s is taken; using %s instead.\n", addr, l.Addr())
			}
		}
		if err != nil {
			return nil, errors.Join(err, closeAll(all))
		}
		all = append(all, l)
	}
	return all, nil
}

// listenAt listens at an address; with port 0 at one that is free.
func listenAt(flag, addr string) (net.Listener, error) {
	if host, port, err := net.SplitHostPort(addr); err == nil && port == "0" {
		return listenAnywhere(flag, host)
	}
	return listen(flag, addr)
}

func consecutive(flag, given, fallback string) (addrs []string, err error) {
	if given == "" {
		given = fallback
	}
	host, port, err := net.SplitHostPort(given)
	if err != nil {
		return nil, fmt.Errorf("%w: %s %s: %w; it must be HOST:PORT", errUsage, flag, given, err)
	}
	first, err := strconv.ParseUint(port, 10, 16)
	if err != nil || first+uint64(len(demoNames)) > 1<<16 {
		return nil, fmt.Errorf("%w: %s %s: the port must be a number below %d", errUsage, flag, given, 1<<16-len(demoNames)+1)
	}
	for i := range demoNames {
		n := first
		if first > 0 {
			n += uint64(i)
		}
		addrs = append(addrs, net.JoinHostPort(host, strconv.FormatUint(n, 10)))
	}
	return addrs, nil
}

func findPorts() (founders, error) {
	peers := founders{}
	for _, name := range demoNames {
		l, err := listenAnywhere("member "+name, "127.0.0.1")
		if err != nil {
			return nil, err
		}
		defer l.Close() // not before all are found, so that they differ
		peers[name] = l.Addr().String()
	}
	return peers, nil
}

// awaitLeader says whether there is a leader; there is none if a signal came first.
func (d *demo) awaitLeader(ctx context.Context) bool {
	_, err := d.stage.actors[0].last().awaitLeader(ctx)
	return err == nil
}

// explain prints what there is, and what to try.
func (d *demo) explain(temporary bool) {
	say := func(format string, args ...any) { fmt.Fprintf(d.stdout, format+"\n", args...) }
	say("Three members run, their files are in %s.", d.dir)
	if temporary {
		say("They are removed at the end; give --dir to keep them.")
	}
	say("")
	for _, a := range d.stage.actors {
		say("  %s  http://%s  lines at %s", a.name, a.front.addr, a.redis)
	}
	all := d.stage.actors
	host, port, _ := net.SplitHostPort(all[0].redis)
	say("\nOpen http://%s in a browser: it shows the members, and lets you hurt them.", all[0].front.addr)
	say("\nTry in another terminal, on any member:\n")
	say("  nc %s %s", host, port)
	say("  put color red")
	say("  get color")
	say("")
	say("  curl -X PUT --data blue http://%s/kv/color", all[1].front.addr)
	say("  curl http://%s/kv/color", all[2].front.addr)
	say("  curl http://%s/status", all[0].front.addr)
	say("")
	say("Or type here: %s\n", demoHelp)
	say("ready")
}

const demoHelp = "status, stop b, start b, kill b, pause b, resume b, cut a c, heal, slow b, quick b, fill b, empty b, flip b, write 1000, quit"

// converse does what is typed. When the input ends, a person at a terminal has
// finished; a script, which has no more to say, stops the demo with a signal.
func (d *demo) converse(ctx context.Context) error {
	lines := d.lines(ctx)
	for {
		select {
		case line, ok := <-lines:
			switch {
			case !ok && isTerminal(d.stdin):
				return nil
			case !ok:
				lines = nil
			case strings.TrimSpace(line) == "quit":
				return nil
			default:
				d.obey(ctx, strings.Fields(line))
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// lines yields what is typed. Its goroutine ends with the input, or with the process.
func (d *demo) lines(ctx context.Context) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for in := bufio.NewScanner(d.stdin); in.Scan(); {
			select {
			case lines <- in.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	return lines
}
