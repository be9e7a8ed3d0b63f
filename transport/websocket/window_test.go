package websocket

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/balsaraft/balsa/introducer"
	"github.com/balsaraft/balsa/room"
	"github.com/balsaraft/balsa/transport/internal/stream"
)

// echo is an owner that gives back what comes on a stream.
type echo struct{ running sync.WaitGroup }

func (e *echo) Go(f func()) bool { e.running.Go(f); return true }

func (e *echo) Serve(a stream.Accepted) {
	defer a.Close()
	_, _ = io.Copy(writer{a}, a.In())
}

func (e *echo) Here(string)                                 {}
func (e *echo) Doors() room.Doors                           { return nil }
func (e *echo) Learn(room.Doors)                            {}
func (e *echo) Complain(slog.Level, string, string, ...any) {}

type writer struct{ stream.Conn }

func (w writer) Write(b []byte) (int, error) { return len(b), w.Conn.Write([][]byte{b}) }

// A window's scripts and this package were written apart, by one page of words: here they
// talk to each other, sealed and relayed, in streams that either side opens.
func TestAWindowsScriptsAndAProgramUnderstandEachOther(t *testing.T) {
	script := filepath.Join("..", "..", "web", "test", "relay-echo.mjs")
	if err := exec.Command("node", "--experimental-websocket", "-e", "new WebSocket('ws://127.0.0.1:1')").Run(); err != nil {
		t.Skip("node is not here, or has no WebSocket: ", err)
	}
	url := introduce(t, introducer.Options{})
	opts, err := Options{Introducer: url, Room: "kitchen", Secret: []byte(secret), Member: "program", Logger: slog.New(slog.DiscardHandler)}.prepare()
	if err != nil {
		t.Fatal(err)
	}
	s, e := newSeat(opts, opts.urls[0]), &echo{}
	ctx, cancel := context.WithCancel(t.Context())
	e.Go(func() { s.keep(ctx, e) })
	t.Cleanup(func() { cancel(); e.running.Wait() })

	window := exec.Command("node", "--experimental-websocket", "--no-warnings", script, "ws"+url[len("http"):], "kitchen", secret, "window", "program")
	window.Stderr = os.Stderr
	stdin, err := window.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := window.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := window.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stdin.Close(); window.Wait() })
	time.AfterFunc(patience, func() { window.Process.Kill() })

	if said, err := bufio.NewReader(stdout).ReadString('\n'); said != "all came back\n" {
		t.Fatalf("of what the window sent: %q, %v", said, err)
	}
	c, err := carrier{&seats{opts: opts, all: []*seat{s}}}.Dial(ctx, "room:window")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	sent := bytes.Repeat([]byte("and of what this program sends, "), 1<<15)
	go c.Write([][]byte{sent[:1], sent[1:100_000], sent[100_000:]})
	back := make([]byte, len(sent))
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if n, err := io.ReadFull(c.In(), back); err != nil || !bytes.Equal(back, sent) {
		t.Errorf("%d of %d bytes came back, %v", n, len(sent), err)
	}
}
