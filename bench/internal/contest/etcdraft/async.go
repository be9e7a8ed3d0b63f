package etcdraft

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// waiting is how many messages wait for the disk or the state machine at most, before the
// core has to wait, too.
const waiting = 4096

// turned is a raft.RawNode that one goroutine turns: whatever has come while it was busy
// goes in together, and one Ready comes out. raft.Node takes one event at a time and
// makes a Ready of almost each, which costs most of what asynchronous writes win.
type turned struct {
	raw  *raft.RawNode
	wake chan struct{} // readable when there is something
	done <-chan struct{}

	mu        sync.Mutex
	proposals []*raftpb.Entry
	messages  []*raftpb.Message
	calls     []func(*raft.RawNode) // whatever else is to be done to raw
}

func newTurned(cfg *raft.Config, done <-chan struct{}) (*turned, error) {
	raw, err := raft.NewRawNode(cfg)
	return &turned{raw: raw, wake: make(chan struct{}, 1), done: done}, err
}

func (t *turned) put(in func()) {
	t.mu.Lock()
	in()
	t.mu.Unlock()
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// The methods of raft.Node that a member uses.

func (t *turned) Propose(_ context.Context, data []byte) error {
	t.put(func() { t.proposals = append(t.proposals, &raftpb.Entry{Data: data}) })
	return nil
}

func (t *turned) Step(_ context.Context, m *raftpb.Message) error {
	t.put(func() { t.messages = append(t.messages, m) })
	return nil
}

func (t *turned) ReadIndex(_ context.Context, token []byte) error {
	t.put(func() { t.calls = append(t.calls, func(raw *raft.RawNode) { raw.ReadIndex(token) }) })
	return nil
}

func (t *turned) ReportUnreachable(id uint64) {
	t.put(func() { t.calls = append(t.calls, func(raw *raft.RawNode) { raw.ReportUnreachable(id) }) })
}

func (t *turned) ReportSnapshot(id uint64, status raft.SnapshotStatus) {
	t.put(func() { t.calls = append(t.calls, func(raw *raft.RawNode) { raw.ReportSnapshot(id, status) }) })
}

func (t *turned) Stop() {}

// drive hands what is to be written and applied to a goroutine each, and never waits for
// either (raft/doc.go, "Usage with Asynchronous Storage Writes").
func (t *turned) drive(m *member, tick time.Duration) {
	toAppend := make(chan *raftpb.Message, waiting)
	toApply := make(chan *raftpb.Message, waiting)
	m.all.Go(func() { m.appendAsync(toAppend, toApply) })
	m.all.Go(func() { m.applyAsync(toApply) })
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-m.done:
			return
		case <-ticker.C:
			t.raw.Tick()
		case <-t.wake:
			t.takeIn()
		}
		for t.raw.HasReady() {
			if !m.handOut(t.raw.Ready(), toAppend, toApply) {
				return
			}
		}
	}
}

// takeIn gives the core all that has come. Proposals wait until there is a leader.
func (t *turned) takeIn() {
	t.mu.Lock()
	proposals, messages, calls := t.proposals, t.messages, t.calls
	t.proposals, t.messages, t.calls = nil, nil, nil
	t.mu.Unlock()
	for _, msg := range messages {
		_ = t.raw.Step(msg) // of a peer that is not known, or that is late: the core drops it
	}
	for _, call := range calls {
		call(t.raw)
	}
	if len(proposals) == 0 {
		return
	}
	err := raft.ErrProposalDropped
	status := t.raw.BasicStatus()
	if status.Lead != raft.None {
		err = t.raw.Step(&raftpb.Message{Type: raftpb.MsgProp.Enum(), From: new(status.ID), Entries: proposals})
	}
	if errors.Is(err, raft.ErrProposalDropped) {
		t.mu.Lock()
		t.proposals = append(proposals, t.proposals...)
		t.mu.Unlock()
		time.AfterFunc(time.Millisecond, func() { t.put(func() {}) })
	}
}

// handOut sends, and has written and applied, what a Ready says.
func (m *member) handOut(rd raft.Ready, toAppend, toApply chan<- *raftpb.Message) bool {
	m.note(rd.SoftState)
	m.reads.confirmed(rd.ReadStates)
	var out []*raftpb.Message
	for _, msg := range rd.Messages {
		to := toAppend
		switch msg.GetTo() {
		case raft.LocalAppendThread:
		case raft.LocalApplyThread:
			to = toApply
		default:
			out = append(out, msg)
			continue
		}
		select {
		case to <- msg:
		case <-m.done:
			return false
		}
	}
	m.peers.send(out)
	return true
}

// appendAsync writes all that waits with one sync.
func (m *member) appendAsync(toAppend <-chan *raftpb.Message, toApply chan<- *raftpb.Message) {
	for {
		var all []*raftpb.Message
		select {
		case <-m.done:
			return
		case msg := <-toAppend:
			all = append(all, msg)
		}
		for more := true; more && all[len(all)-1].Snapshot == nil; {
			select {
			case msg := <-toAppend:
				all = append(all, msg)
			default:
				more = false
			}
		}
		var groups [][]*raftpb.Entry
		var hard *raftpb.HardState
		for _, msg := range all {
			groups = append(groups, msg.GetEntries())
			if msg.Term != nil {
				hard = &raftpb.HardState{Term: msg.Term, Vote: msg.Vote, Commit: msg.Commit}
			}
		}
		snapshot := all[len(all)-1].GetSnapshot()
		must(m.storage.save(hard, snapshot, groups...))
		if !raft.IsEmptySnap(snapshot) {
			toApply <- &raftpb.Message{Snapshot: snapshot}
		}
		var answers []*raftpb.Message
		for _, msg := range all {
			answers = append(answers, msg.GetResponses()...)
		}
		m.deliver(answers)
	}
}

// applyAsync applies what is committed and on this disk.
func (m *member) applyAsync(toApply <-chan *raftpb.Message) {
	for {
		select {
		case <-m.done:
			return
		case msg := <-toApply:
			if !raft.IsEmptySnap(msg.GetSnapshot()) {
				m.restore(msg.GetSnapshot())
			}
			m.apply(msg.GetEntries())
			m.handCapture()
			m.deliver(msg.GetResponses())
		}
	}
}

// deliver sends answers, some of which are for the core itself.
func (m *member) deliver(messages []*raftpb.Message) {
	var out []*raftpb.Message
	for _, msg := range onlyLastAnswer(messages, m.id) {
		if msg.GetTo() == m.id {
			_ = m.core.Step(context.Background(), msg) // it never fails: see turned
		} else {
			out = append(out, msg)
		}
	}
	m.peers.send(out)
}
