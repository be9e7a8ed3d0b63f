package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/balsaraft/balsa/bench/internal/contest"
)

// A process with one member is asked on its standard input, a word a line, and answers
// each with its status, a line of JSON.
const (
	look       = "look"
	tryPropose = "propose" // until a command is acknowledged, or seen to come from elsewhere
)

// status is what a member says.
type status struct {
	Leads      bool
	Count, Sum uint64 // of its state
	At         int64  // when a command was acknowledged, in nanoseconds of the clock; 0 if none was
	Problem    string
}

// oneMember runs one member until its standard input ends.
func oneMember(ctx context.Context, job Job, _ *meters) (Result, error) {
	who, err := one(job.Contestant)
	if err != nil {
		return nil, err
	}
	config, err := job.config(job.ID)
	if err != nil {
		return nil, err
	}
	m, err := who.open(config)
	if err != nil {
		return nil, err
	}
	command := commands(1, job.Size)[0]
	out := json.NewEncoder(os.Stdout)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var s status
		var err error
		switch in.Text() {
		case tryPropose:
			s.At, err = untilAcknowledged(ctx, m, command)
		}
		if err != nil {
			s.Problem = err.Error()
		}
		s.Leads, s.Count, s.Sum = m.Leads(), m.State().Count(), m.State().Sum()
		if err := out.Encode(s); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

const (
	// nextAttempt is how long after one attempt the next one begins beside it: some
	// libraries lose what was on its way to a leader that died, and do not say so.
	nextAttempt = 5 * time.Millisecond
	attemptTime = 2 * time.Second
	// grace is how long an acknowledgement is waited for once a command was applied.
	grace = 300 * time.Millisecond
)

// untilAcknowledged proposes, again and again, and says when the first was acknowledged.
// Where only a leader takes commands it ends without, once another member's come.
func untilAcknowledged(ctx context.Context, m contest.Member, command []byte) (at int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	acknowledged := make(chan time.Time, 1)
	attempt := func() {
		ctx, cancel := context.WithTimeout(ctx, attemptTime)
		defer cancel()
		if m.Propose(ctx, command) == nil {
			select {
			case acknowledged <- time.Now():
			default:
			}
		}
	}
	wait := nextAttempt
	for before := m.State().Count(); wait == nextAttempt; {
		if m.State().Count() > before {
			wait = grace
		} else {
			go attempt()
		}
		select {
		case at := <-acknowledged:
			return at.UnixNano(), nil
		case <-ctx.Done():
			return 0, errors.New("no command was acknowledged")
		case <-time.After(wait):
		}
	}
	return 0, nil
}

// memberProcess is such a process, seen from outside.
type memberProcess struct {
	cmd *exec.Cmd
	mu  sync.Mutex
	in  io.Writer
	out *json.Decoder
}

func startMember(ctx context.Context, job Job, id int) (*memberProcess, error) {
	job.Kind, job.ID = "member", id
	cmd, err := job.process(ctx)
	if err != nil {
		return nil, err
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	return &memberProcess{cmd: cmd, in: in, out: json.NewDecoder(out)}, cmd.Start()
}

func (m *memberProcess) ask(word string) (s status, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := fmt.Fprintln(m.in, word); err != nil {
		return s, err
	}
	if err := m.out.Decode(&s); err != nil {
		return s, err
	}
	if s.Problem != "" {
		return s, errors.New(s.Problem)
	}
	return s, nil
}

// kill ends the process at once, and returns when it is gone.
func (m *memberProcess) kill() {
	if m == nil {
		return
	}
	m.cmd.Process.Kill()
	m.cmd.Wait()
}
