package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/balsaraft/balsa/bench/internal/cluster"
)

const (
	writers  = 4
	together = 100 // keys of one command
	pipeline = 8   // commands on their way at a time
)

func keyName(i int) string { return fmt.Sprintf("key:%012d", i) }

// writeAll writes the keys from 0 on, each writer a part of them.
func writeAll(ctx context.Context, addr string, keys, size int) error {
	part := (keys + writers - 1) / writers
	return write(ctx, addr, size, func(writer, i int) (int, bool) {
		return writer*part + i, i < part && writer*part+i < keys
	})
}

// writeSome writes so many keys, in no order.
func writeSome(ctx context.Context, addr string, keys, size, writes int) error {
	return write(ctx, addr, size, func(_, i int) (int, bool) { return rand.IntN(keys), i < writes/writers })
}

// write writes what next names, from several connections, many keys a command.
func write(ctx context.Context, addr string, size int, next func(writer, i int) (key int, ok bool)) (err error) {
	var mu sync.Mutex
	var all sync.WaitGroup
	for writer := range writers {
		all.Go(func() {
			if failed := writeOne(ctx, addr, size, func(i int) (int, bool) { return next(writer, i) }); failed != nil {
				mu.Lock()
				defer mu.Unlock()
				err = failed
			}
		})
	}
	all.Wait()
	return err
}

func writeOne(ctx context.Context, addr string, size int, next func(i int) (int, bool)) error {
	c, err := dial(ctx, addr)
	if err != nil {
		return err
	}
	defer c.Close()
	value := make([]byte, size)
	for i, more := 0, true; more; {
		sent := 0
		for sent < pipeline && more {
			args := []string{"MSET"}
			for len(args) < 2*together {
				var key int
				if key, more = next(i); !more {
					break
				}
				i++
				fillValue(value)
				args = append(args, keyName(key), string(value))
			}
			if len(args) > 1 {
				c.send(args...)
				sent++
			}
		}
		for range sent {
			if err := c.ok(); err != nil {
				return err
			}
		}
	}
	return nil
}

// fillValue makes bytes that compress by half, as much of what people store does.
func fillValue(b []byte) {
	for i := range b[:len(b)/2] {
		b[i] = byte(rand.Uint32())
	}
}

// pulse writes one small command after the other and keeps how long each took. One
// goroutine runs it; the others look once it has stopped.
type pulse struct {
	c               *conn
	dir             string // of the member
	end             chan struct{}
	ended           chan struct{}
	without, during []time.Duration // a snapshot was not being written when it began, or was
	failed          error
}

func startPulse(ctx context.Context, m *cluster.Member) (*pulse, error) {
	c, err := dial(ctx, m.Redis)
	if err != nil {
		return nil, err
	}
	p := &pulse{c: c, dir: m.Dir, end: make(chan struct{}), ended: make(chan struct{})}
	go p.run()
	return p, nil
}

func (p *pulse) run() {
	defer close(p.ended)
	defer p.c.Close()
	ticks := time.NewTicker(5 * time.Millisecond)
	defer ticks.Stop()
	for {
		select {
		case <-p.end:
			return
		case <-ticks.C:
		}
		into := &p.without
		if begun, _ := filepath.Glob(filepath.Join(p.dir, "snap-*.tmp")); len(begun) > 0 {
			into = &p.during
		}
		began := time.Now()
		p.c.send("SET", "pulse", "beats")
		if p.failed = p.c.ok(); p.failed != nil {
			return
		}
		*into = append(*into, time.Since(began))
	}
}

// stop ends it, and returns why it could not go on.
func (p *pulse) stop() error {
	close(p.end)
	<-p.ended
	return p.failed
}

// times says how long things took.
func times(took []time.Duration) string {
	all := slices.Sorted(slices.Values(took))
	if len(all) == 0 {
		return "no time, as there was none"
	}
	at := func(permille int) time.Duration { return all[(len(all)-1)*permille/1000].Round(100 * time.Microsecond) }
	return fmt.Sprintf("%s at the median, %s at the 99th percentile, %s at the 99.9th, %s at most", at(500), at(990), at(999), at(1000))
}

// conn is a connection to the Redis port, for one goroutine.
type conn struct {
	net.Conn
	in  *bufio.Reader
	out *bufio.Writer
}

func dial(ctx context.Context, addr string) (*conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &conn{c, bufio.NewReader(c), bufio.NewWriterSize(c, 64<<10)}, nil
}

// send puts a command behind the others; errors show in the answer.
func (c *conn) send(args ...string) {
	fmt.Fprintf(c.out, "*%d\r\n", len(args))
	for _, a := range args {
		c.out.WriteString("$" + strconv.Itoa(len(a)) + "\r\n")
		c.out.WriteString(a)
		c.out.WriteString("\r\n")
	}
}

// line flushes, and reads an answer's first line.
func (c *conn) line() (string, error) {
	if err := c.out.Flush(); err != nil {
		return "", err
	}
	line, err := c.in.ReadString('\n')
	return strings.TrimSpace(line), err
}

// late counts commands that were given up, since they took longer than a member waits.
var late atomic.Int64

// ok reads an answer that must be OK, or say that the command took too long.
func (c *conn) ok() error {
	line, err := c.line()
	switch {
	case err != nil || line == "+OK":
		return err
	case strings.HasSuffix(line, context.DeadlineExceeded.Error()):
		late.Add(1)
		return nil
	}
	return fmt.Errorf("the member answered %q", line)
}

// awaitKey asks a member that starts until it knows a key.
func awaitKey(ctx context.Context, m *cluster.Member, key string) error {
	for {
		if err := m.Err(); err != nil {
			return err
		}
		if known(ctx, m.Redis, key) {
			return nil
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func known(ctx context.Context, addr, key string) bool {
	c, err := dial(ctx, addr)
	if err != nil {
		return false
	}
	defer c.Close()
	c.send("GET", key)
	line, err := c.line()
	if err != nil || !strings.HasPrefix(line, "$") || line == "$-1" {
		return false
	}
	n, err := strconv.Atoi(line[1:])
	if err != nil {
		return false
	}
	_, err = io.CopyN(io.Discard, c.in, int64(n))
	return err == nil
}
