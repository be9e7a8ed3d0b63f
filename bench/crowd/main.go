// Command crowd measures what callers cost a member who only are there: ten thousand idle
// connections to the Redis port, then a thousand watches over HTTP, without and with a key
// that changes. It tells memory and processor, and, once all have left, what is left of
// them.
//
//	cd bench && go run ./crowd
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/balsaraft/balsa/bench/internal/cluster"
)

type settings struct {
	conns, watches int
	changes        int
	seconds        float64
	place          cluster.Place
}

func main() {
	var s settings
	flag.IntVar(&s.conns, "conns", 10_000, "how many idle connections; each needs a file descriptor here and one in the member")
	flag.IntVar(&s.watches, "watches", 1000, "how many watches")
	flag.IntVar(&s.changes, "changes", 20, "how many changes a second the watches see")
	flag.Float64Var(&s.seconds, "seconds", 5, "how long each state is looked at")
	s.place.Flags("the member's files")
	cluster.Main("crowd", func(ctx context.Context) error { return run(ctx, s) })
}

func run(ctx context.Context, s settings) error {
	dir, program, err := s.place.Prepare(ctx)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Printf("%s; %s\n%d connections, %d watches, one member\n\n",
		time.Now().UTC().Format("2 January 2006 15:04 UTC"), cluster.Machine(), s.conns, s.watches)
	balsa, err := cluster.StartBalsa(ctx, program, dir, 1)
	if err != nil {
		return err
	}
	defer balsa.Stop()
	c := crowd{settings: s, member: balsa.Members[0]}
	for _, step := range []func(context.Context) error{c.alone, c.idle, c.watched} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// crowd is a member and who is there.
type crowd struct {
	settings
	member *cluster.Member
}

func (c *crowd) alone(ctx context.Context) error { return c.look(ctx, "nobody is there") }

// idle is connections that have said one thing and then nothing.
func (c *crowd) idle(ctx context.Context) error {
	all, err := c.open(ctx, c.conns, c.member.Redis, "PING\r\n", "+PONG")
	defer closeAll(all)
	if err != nil {
		return err
	}
	if err := c.look(ctx, fmt.Sprintf("%d idle connections", len(all))); err != nil {
		return err
	}
	closeAll(all)
	return c.look(ctx, "they have left")
}

// watched is watches of a prefix, while nothing in it changes, then while it does.
func (c *crowd) watched(ctx context.Context) error {
	request := "GET /watch?prefix=seen/ HTTP/1.1\r\nHost: " + c.member.HTTP + "\r\n\r\n"
	all, err := c.open(ctx, c.watches, c.member.HTTP, request, "HTTP/1.1 200")
	defer closeAll(all)
	if err != nil {
		return err
	}
	var events atomic.Int64
	for _, w := range all {
		go func() {
			for {
				line, err := w.in.ReadString('\n')
				if err != nil {
					return // it was closed
				}
				if strings.HasPrefix(line, "id:") {
					events.Add(1)
				}
			}
		}()
	}
	if err := c.look(ctx, fmt.Sprintf("%d watches, nothing changes", len(all))); err != nil {
		return err
	}
	writer, err := c.open(ctx, 1, c.member.Redis, "PING\r\n", "+PONG")
	defer closeAll(writer)
	if err != nil {
		return err
	}
	for _, prefix := range []string{"other/", "seen/"} {
		end := make(chan struct{})
		done := make(chan int)
		go func() { done <- change(writer[0], prefix, c.changes, end) }()
		events.Store(0)
		err := c.look(ctx, fmt.Sprintf("%d watches, %d changes a second of %sKEY", len(all), c.changes, prefix))
		close(end)
		fmt.Printf("  %d changes were written, %d events came\n", <-done, events.Load())
		if err != nil {
			return err
		}
	}
	closeAll(all)
	return c.look(ctx, "they have left")
}

// change writes a key now and then, and says how often it did.
func change(w *line, prefix string, aSecond int, end <-chan struct{}) (done int) {
	ticks := time.NewTicker(time.Second / time.Duration(aSecond))
	defer ticks.Stop()
	for {
		select {
		case <-end:
			return done
		case <-ticks.C:
		}
		fmt.Fprintf(w, "SET %skey %d\r\n", prefix, done)
		if _, err := w.in.ReadString('\n'); err != nil {
			return done
		}
		done++
	}
}

// look says what the member takes while nobody but those who are there does anything.
func (c *crowd) look(ctx context.Context, when string) error {
	select {
	case <-time.After(time.Second): // what has just happened is done with
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	before, err := c.member.Usage()
	if err != nil {
		return err
	}
	began := time.Now()
	select {
	case <-time.After(time.Duration(c.seconds * float64(time.Second))):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	after, err := c.member.Usage()
	if err != nil {
		return err
	}
	fmt.Printf("%-48s %5d MiB of memory, %5.1f%% of a core, %d open files, %d threads\n", when, after.Resident>>20,
		100*float64(after.CPU-before.CPU)/float64(time.Since(began)), after.Files, after.Threads)
	return nil
}

// line is a connection that is read by lines.
type line struct {
	net.Conn
	in *bufio.Reader
}

// open makes connections, says something on each, and waits for what the answer begins with.
func (c *crowd) open(ctx context.Context, n int, addr, say, want string) (all []*line, err error) {
	var d net.Dialer
	for range n {
		conn, err := d.DialContext(ctx, "tcp", addr)
		if err != nil {
			return all, err
		}
		l := &line{conn, bufio.NewReaderSize(conn, 512)}
		all = append(all, l)
		if _, err := l.Write([]byte(say)); err != nil {
			return all, err
		}
		answer, err := l.in.ReadString('\n')
		if err != nil || !strings.HasPrefix(answer, want) {
			return all, fmt.Errorf("connection %d to %s: answered %q, %v", len(all), addr, answer, err)
		}
	}
	return all, nil
}

func closeAll(all []*line) {
	for _, l := range all {
		l.Close()
	}
}
