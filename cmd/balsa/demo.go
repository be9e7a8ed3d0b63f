package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/transport/tcp"
)

// demoCommand is a cluster to play with.
type demoCommand struct {
	Dir    string `help:"Keep the members' files here. Without it they are temporary and removed at the end." placeholder:"DIR"`
	HTTP   string `name:"http" help:"First of three addresses for HTTP, one a member. Default: 127.0.0.1:8080, or what is free." placeholder:"ADDR"`
	Redis  string `help:"First of three addresses for commands by line. Default: 127.0.0.1:6380, or what is free." placeholder:"ADDR"`
	NoOpen bool   `help:"Do not open the first member's status in a browser."`
}

const (
	demoHTTP  = "127.0.0.1:8080"
	demoRedis = "127.0.0.1:6380"
)

var demoNames = [...]string{"a", "b", "c"}

// demo is the running cluster. One goroutine owns it, which reads the commands.
type demo struct {
	console
	log     *slog.Logger
	dir     string
	peers   founders
	http    []string
	redis   []string
	members [len(demoNames)]*demoMember // nil while stopped
}

type demoMember struct {
	*member
	net *cuttable
}

// Run starts the cluster and does what is typed until it ends.
func (d *demoCommand) Run(ctx context.Context, c console) (err error) {
	run := &demo{console: c, log: slog.New(slog.NewTextHandler(c.stderr, &slog.HandlerOptions{Level: slog.LevelError}))}
	if run.http, err = run.ports("--http", d.HTTP, demoHTTP); err != nil {
		return err
	}
	if run.redis, err = run.ports("--redis", d.Redis, demoRedis); err != nil {
		return err
	}
	if run.dir = d.Dir; d.Dir == "" {
		if run.dir, err = os.MkdirTemp("", "balsa-demo-"); err != nil {
			return fmt.Errorf("make a temporary directory: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(run.dir)) }()
	}
	defer func() { err = errors.Join(err, run.stopAll()) }()
	if err := run.startAll(ctx); err != nil {
		return err
	}
	if !run.awaitLeader(ctx) {
		return nil
	}
	run.explain(d.Dir == "")
	if !d.NoOpen && isTerminal(c.stdout) {
		openInBrowser("http://" + run.http[0] + "/status")
	}
	return run.converse(ctx)
}

// ports are three addresses from a first one on. A default that is taken is replaced
// by what is free; one that was given is not.
func (d *demo) ports(flag, given, fallback string) ([]string, error) {
	addrs, err := consecutive(flag, given, fallback)
	if err != nil {
		return nil, err
	}
	for i, addr := range addrs {
		l, err := listen(flag, addr)
		switch {
		case err == nil:
			addrs[i] = l.Addr().String() // a port that was 0 is chosen now
			defer l.Close()
		case given != "":
			return nil, err
		default:
			l, err := listen(flag, "127.0.0.1:0")
			if err != nil {
				return nil, err
			}
			defer l.Close()
			addrs[i] = l.Addr().String()
			fmt.Fprintf(d.stdout, "%s is taken; using %s instead.\n", addr, addrs[i])
		}
	}
	return addrs, nil
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

// startAll starts the members. Their addresses must be known before the first one
// starts, so ports are found first and taken for good a moment later; should another
// process come between, the member says so.
func (d *demo) startAll(ctx context.Context) error {
	peers, err := findPorts()
	if err != nil {
		return err
	}
	d.peers = peers
	for i := range demoNames {
		if err := d.start(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

func findPorts() (founders, error) {
	peers := founders{}
	for _, name := range demoNames {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a port for member %s: %w", name, err)
		}
		defer l.Close() // not before all are found, so that they differ
		peers[name] = l.Addr().String()
	}
	return peers, nil
}

func (d *demo) start(ctx context.Context, i int) error {
	name := demoNames[i]
	log := d.log.With("member", name)
	transport, err := tcp.Listen(d.peers[name], tcp.Options{Logger: log})
	if err != nil {
		return err
	}
	net := &cuttable{Transport: transport}
	m, err := startMember(ctx, balsa.Config{
		Name: name, Dir: filepath.Join(d.dir, name), Cluster: d.peers, Transport: net, Logger: log,
	}, faces{http: d.http[i], redis: d.redis[i]})
	if err != nil {
		transport.Close()
		return fmt.Errorf("start member %s: %w", name, err)
	}
	d.members[i] = &demoMember{m, net}
	return nil
}

func (d *demo) stop(i int) error {
	m := d.members[i]
	d.members[i] = nil
	return m.Close(d.log)
}

func (d *demo) stopAll() error {
	var errs []error
	for i, m := range d.members {
		if m != nil {
			errs = append(errs, d.stop(i))
		}
	}
	return errors.Join(errs...)
}

// awaitLeader says whether there is a leader; there is none if a signal came first.
func (d *demo) awaitLeader(ctx context.Context) bool {
	_, err := d.members[0].awaitLeader(ctx)
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
	for i, name := range demoNames {
		say("  %s  http://%s  lines at %s", name, d.http[i], d.redis[i])
	}
	host, port, _ := net.SplitHostPort(d.redis[0])
	say("\nTry in another terminal, on any member:\n")
	say("  nc %s %s", host, port)
	say("  put color red")
	say("  get color")
	say("")
	say("  curl -X PUT --data blue http://%s/kv/color", d.http[1])
	say("  curl http://%s/kv/color", d.http[2])
	say("  curl http://%s/status", d.http[0])
	say("")
	say("Or type here: %s\n", demoHelp)
	say("ready")
}

const demoHelp = "status, stop b, start b, cut a c, heal, write 1000, quit"

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

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	// /dev/null is a character device, too, and no terminal.
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}
