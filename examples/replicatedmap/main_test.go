package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa"
)

// Command and Result follow from the methods; that they fit is checked here.
var _ balsa.StateMachine[Command, Result] = (*Store)(nil)

func TestThreeMembersInOneProcessAgree(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out bytes.Buffer
	if err := run(ctx, nil, nil, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	const want = `a: put colour red -> ok, it was not there
b: put colour blue -> ok, it was red
c: get colour -> blue
a: del colour -> ok, it was blue
b: get colour -> not there
`
	if out.String() != want {
		t.Errorf("the tour printed\n%s\nwant\n%s", out.String(), want)
	}
}

// process is a run of the program whose input and output the test holds.
type process struct {
	t     *testing.T
	in    *io.PipeWriter
	lines *bufio.Scanner
	ended chan error
}

func start(ctx context.Context, t *testing.T, args ...string) *process {
	inRead, inWrite := io.Pipe()
	outRead, outWrite := io.Pipe()
	p := &process{t: t, in: inWrite, lines: bufio.NewScanner(outRead), ended: make(chan error, 1)}
	go func() {
		err := run(ctx, args, inRead, outWrite, io.Discard)
		outWrite.Close()
		p.ended <- err
	}()
	return p
}

func (p *process) line() string {
	p.t.Helper()
	if !p.lines.Scan() {
		p.t.Fatalf("the program ended: %v", <-p.ended)
	}
	return p.lines.Text()
}

func (p *process) ask(line string) string {
	p.t.Helper()
	fmt.Fprintln(p.in, line)
	return p.line()
}

func (p *process) end() {
	p.t.Helper()
	p.in.Close()
	if err := <-p.ended; err != nil {
		p.t.Errorf("the program ended with %v", err)
	}
}

func TestMembersStartedByFlagsFindEachOther(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dir := t.TempDir()
	a := start(ctx, t, "-name", "a", "-dir", dir+"/a", "-listen", "127.0.0.1:0")
	addr := strings.TrimPrefix(a.line(), "a listens at ")
	b := start(ctx, t, "-name", "b", "-dir", dir+"/b", "-listen", "127.0.0.1:0", "-join", addr)
	b.line()
	if got := b.ask("put a word of many"); got != "ok, it was not there" {
		t.Errorf("put on b: %s", got)
	}
	if got := a.ask("get a"); got != "word of many" {
		t.Errorf("get on a: %s", got)
	}
	if got := a.ask("nonsense"); !strings.HasPrefix(got, "error: say put") {
		t.Errorf("nonsense on a: %s", got)
	}
	b.end()
	a.end()
}

func TestASnapshotHoldsTheStateOfItsMoment(t *testing.T) {
	before := NewStore()
	before.Apply(balsa.Entry{}, Command{Op: Put, Key: "k", Value: "old"})
	snapshot, err := before.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	before.Apply(balsa.Entry{}, Command{Op: Put, Key: "k", Value: "new"})
	var file bytes.Buffer
	if n, err := snapshot.WriteTo(&file); err != nil || n != int64(file.Len()) {
		t.Fatalf("WriteTo said %d bytes, %v, and wrote %d", n, err, file.Len())
	}
	after := NewStore()
	after.Apply(balsa.Entry{}, Command{Op: Put, Key: "gone", Value: "1"})
	if err := after.Restore(&file); err != nil {
		t.Fatal(err)
	}
	if got, _ := after.Get("k"); got != "old" {
		t.Errorf("restored %q, want the value as of the snapshot", got)
	}
	if _, ok := after.Get("gone"); ok {
		t.Error("Restore left a key that the snapshot does not hold")
	}
}
