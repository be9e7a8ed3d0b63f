package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/sim/spec"
	"github.com/balsaraft/balsa/trace"
	"github.com/balsaraft/balsa/wire"
)

// tracing writes the trace of all members of a world, in the order in which things
// happened.
type tracing struct {
	*trace.Recorder
	now time.Duration
}

func newTracing(out io.Writer) *tracing {
	t := &tracing{}
	t.Recorder = trace.NewRecorder(out, func() int64 { return int64(t.now) })
	return t
}

// Started implements world.Witness.
func (t *tracing) Started(at time.Duration, _ string, id wire.MemberID, st raft.State) {
	t.now = at
	t.Recorder.Started(id, st)
}

// Did implements world.Witness.
func (t *tracing) Did(at time.Duration, _ string, s raft.Status, e raft.Event, o raft.Orders) {
	t.now = at
	t.Recorder.Did(s, e, o)
}

// Said implements world.Witness.
func (t *tracing) Said(time.Duration, string, string) {}

// traceTo is a trace in a file, which done completes.
func traceTo(name string) (t *tracing, done func(), err error) {
	f, err := os.Create(name)
	if err != nil {
		return nil, nil, err
	}
	out := bufio.NewWriter(f)
	t = newTracing(out)
	return t, func() {
		if err := errors.Join(t.Err(), out.Flush(), f.Close()); err != nil {
			fmt.Fprintln(os.Stderr, "sim: the trace is not whole:", err)
		}
	}, nil
}

// checkFiles judges traces of one cluster, each of a member or of many.
func checkFiles(names []string) int {
	var files []io.Reader
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			fmt.Fprintln(os.Stderr, "sim:", err)
			return 2
		}
		defer f.Close()
		files = append(files, f)
	}
	n, err := spec.Check(files...)
	if err != nil {
		fmt.Printf("%d events follow the rules, then: %v\n", n, err)
		return 1
	}
	fmt.Printf("%d events follow the rules\n", n)
	return 0
}
