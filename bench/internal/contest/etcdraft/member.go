// Package etcdraft is go.etcd.io/raft among the contestants, with etcd's log on disk
// (wal, snap) and etcd's settings. It is a core: who uses it brings the goroutines,
// the disk and the network. Open drives it as etcd's server does; OpenAsync as its
// documentation describes under "Usage with Asynchronous Storage Writes".
package etcdraft

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/pkg/v3/wait"
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/balsaraft/balsa/bench/internal/contest"
)

// etcd's own settings (etcdserver/raft.go, embed/config.go).
const (
	maxSizePerMsg   = 1 << 20
	maxInflightMsgs = 512
	heartbeat       = 100 * time.Millisecond
	electionTicks   = 10
)

type member struct {
	id        uint64
	core      core
	storage   *storage
	peers     *peers
	calls     wait.Wait
	reads     reads
	state     contest.State
	keepLog   bool
	confState *raftpb.ConfState
	leads     atomic.Bool

	// What the goroutine that applies owns.
	applied   uint64
	snapshots chan capture // states to be saved, in their order
	captured  uint64       // the last index of them

	nextCall atomic.Uint64
	stop     context.CancelFunc
	done     <-chan struct{} // closed when the member ends
	all      sync.WaitGroup
}

// core is the part of raft.Node that is used beside its driver.
type core interface {
	Propose(ctx context.Context, data []byte) error
	Step(ctx context.Context, m *raftpb.Message) error
	ReadIndex(ctx context.Context, token []byte) error
	ReportUnreachable(id uint64)
	ReportSnapshot(id uint64, status raft.SnapshotStatus)
	Stop()
}

// Open opens a member that etcd's server would drive alike.
func Open(c contest.Config) (contest.Member, error) { return open(c, false) }

// OpenAsync opens a member that writes to its disk beside all else.
func OpenAsync(c contest.Config) (contest.Member, error) { return open(c, true) }

func open(c contest.Config, async bool) (contest.Member, error) {
	s, err := openStorage(c)
	if err != nil {
		return nil, fmt.Errorf("open etcd's log in %s: %w", c.Dir, err)
	}
	snapshot, err := s.memory.Snapshot()
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	m := &member{
		id: uint64(c.ID) + 1, storage: s, calls: wait.New(), keepLog: c.KeepLog, confState: snapshot.GetMetadata().GetConfState(),
		applied: snapshot.GetMetadata().GetIndex(), snapshots: make(chan capture, 1), stop: stop, done: ctx.Done(),
	}
	m.captured = m.applied
	m.reads.init()
	m.nextCall.Store(m.id<<56 | uint64(time.Now().UnixNano())&(1<<56-1)) // of no earlier life
	if err := m.state.UnmarshalBinary(snapshot.GetData()); err != nil {
		return nil, err
	}
	cfg := &raft.Config{
		ID: m.id, ElectionTick: electionTicks, HeartbeatTick: 1, Storage: s.memory, Applied: m.applied,
		MaxSizePerMsg: maxSizePerMsg, MaxInflightMsgs: maxInflightMsgs,
		CheckQuorum: true, PreVote: true, AsyncStorageWrites: async,
		Logger: &raft.DefaultLogger{Logger: log.New(io.Discard, "", 0)},
	}
	tick := heartbeat
	if c.LAN {
		tick, cfg.ElectionTick = contest.LANHeartbeat, int(contest.LANElection/contest.LANHeartbeat)
	}
	if c.LeaseReads {
		cfg.ReadOnlyOption = raft.ReadOnlyLeaseBased
	}
	if m.peers, err = connect(m.id, c.Addrs, m); err != nil {
		return nil, errors.Join(err, s.close())
	}
	if async {
		t, err := newTurned(cfg, m.done)
		if err != nil {
			return nil, errors.Join(err, s.close())
		}
		m.core = t
		m.all.Go(func() { t.drive(m, tick) })
	} else {
		node := raft.RestartNode(cfg)
		m.core = node
		m.all.Go(func() { m.drive(node, tick) })
	}
	m.peers.start()
	m.all.Go(m.reads.run(m))
	m.all.Go(m.saveSnapshots)
	return m, nil
}

// Leads implements contest.Member.
func (m *member) Leads() bool { return m.leads.Load() }

// State implements contest.Member.
func (m *member) State() *contest.State { return &m.state }

// callBytes is the size of the number before each command, by which its caller is found.
const callBytes = 8

// Propose implements contest.Member.
func (m *member) Propose(ctx context.Context, command []byte) error {
	id := m.nextCall.Add(1)
	data := make([]byte, callBytes+len(command))
	binary.LittleEndian.PutUint64(data, id)
	copy(data[callBytes:], command)
	answer := m.calls.Register(id)
	if err := m.core.Propose(ctx, data); err != nil {
		m.calls.Trigger(id, nil)
		if errors.Is(err, raft.ErrProposalDropped) {
			return fmt.Errorf("%w: %w", contest.ErrNotLeader, err)
		}
		return err
	}
	select {
	case <-answer:
		return nil
	case <-ctx.Done():
		m.calls.Trigger(id, nil)
		return context.Cause(ctx)
	case <-m.done:
		return raft.ErrStopped
	}
}

// apply applies committed entries and answers their callers.
func (m *member) apply(entries []*raftpb.Entry) {
	m.state.Lock()
	defer m.state.Unlock()
	for _, e := range entries {
		if e.GetIndex() <= m.applied {
			continue
		}
		if e.GetType() != raftpb.EntryNormal {
			panic(fmt.Sprintf("etcdraft: entry %d changes the members, which nobody asked for", e.GetIndex()))
		}
		m.applied = e.GetIndex()
		if data := e.GetData(); len(data) > 0 { // a new leader's own entry is empty
			m.state.Apply(data[callBytes:])
			m.calls.Trigger(binary.LittleEndian.Uint64(data), nil)
		}
	}
	m.reads.appliedUpTo(m.applied)
}

// restore replaces the state by that of a snapshot from the leader.
func (m *member) restore(s *raftpb.Snapshot) {
	if err := m.state.UnmarshalBinary(s.GetData()); err != nil {
		panic(fmt.Sprintf("etcdraft: a snapshot: %v", err))
	}
	m.applied, m.captured = s.GetMetadata().GetIndex(), s.GetMetadata().GetIndex()
	m.reads.appliedUpTo(m.applied)
}

// note remembers who leads.
func (m *member) note(s *raft.SoftState) {
	if s != nil {
		m.leads.Store(s.RaftState == raft.StateLeader)
	}
}

// must stops the process: a member whose disk fails cannot go on, and no measurement of
// it means anything.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// Close implements contest.Member.
func (m *member) Close() error {
	m.stop()
	m.core.Stop()
	m.peers.close()
	m.all.Wait()
	return m.storage.close()
}
