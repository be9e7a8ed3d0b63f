// Package balsa is the library of this repository among the contestants, used as any
// program would use it.
package balsa

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"time"

	"github.com/balsaraft/balsa"

	"github.com/balsaraft/balsa/bench/internal/contest"
)

// Open opens a member with the library's defaults.
func Open(c contest.Config) (contest.Member, error) {
	founders := map[string]string{}
	for i, addr := range c.Addrs {
		founders[name(i)] = addr
	}
	cfg := balsa.Config{
		Name: name(c.ID), Dir: c.Dir, Listen: c.Addrs[c.ID], Cluster: founders,
		MaxVoters: max(5, len(c.Addrs)), Logger: slog.New(slog.DiscardHandler),
	}
	if c.LAN {
		cfg.Timing = balsa.LAN
	}
	if c.KeepLog {
		cfg.SnapshotBytes = math.MaxInt64
	}
	m := &machine{}
	node, err := balsa.Open(context.Background(), cfg, m)
	if err != nil {
		return nil, err
	}
	return member{node, &m.State}, nil
}

func name(i int) string { return fmt.Sprintf("m%d", i) }

type member struct {
	node  *balsa.Node[*machine, []byte, uint64]
	state *contest.State
}

func (m member) Leads() bool { return m.node.Status().Role == "leader" }

func (m member) Propose(ctx context.Context, command []byte) error {
	_, err := m.node.Propose(ctx, command)
	if errors.Is(err, balsa.ErrNoLeader) {
		return fmt.Errorf("%w: %w", contest.ErrNotLeader, err)
	}
	return err
}

func (m member) Read(ctx context.Context, level contest.Level) error {
	return m.node.Read(ctx, func(m *machine) { m.Count() }, options[level]...)
}

var options = map[contest.Level][]balsa.ReadOption{
	contest.Lease: {balsa.Lease()},
	contest.Stale: {balsa.Stale(time.Second)},
}

// ProposeAll proposes a command many times without waiting for the one before, and calls
// each for every answer.
func (m member) ProposeAll(ctx context.Context, command []byte, each func() bool) error {
	commands := func(yield func([]byte) bool) {
		for yield(command) {
		}
	}
	for _, err := range m.node.ProposeAll(ctx, commands) {
		if err != nil || !each() {
			return err
		}
	}
	return nil
}

func (m member) State() *contest.State { return m.state }

func (m member) Close() error { return m.node.Close() }

// machine makes a contest.State a balsa.StateMachine.
type machine struct{ contest.State }

func (m *machine) Apply(_ balsa.Entry, command []byte) uint64 {
	m.State.Apply(command)
	return m.Count()
}

func (m *machine) Snapshot() (io.WriterTo, error) {
	b, err := m.MarshalBinary()
	return bytes.NewReader(b), err
}

func (m *machine) Restore(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	return m.UnmarshalBinary(b)
}
