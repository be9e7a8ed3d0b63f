package etcdraft

import (
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// work is what one Ready has for the goroutine that applies.
type work struct {
	entries  []*raftpb.Entry
	snapshot *raftpb.Snapshot
	saved    chan struct{} // readable once the entries before it are on this disk
}

// drive does what etcd's server does with each Ready (etcdserver/raft.go, start): the
// leader sends before it writes, a follower afterwards, and another goroutine applies.
func (m *member) drive(node raft.Node, tick time.Duration) {
	toApply := make(chan work)
	m.all.Go(func() { m.applyAll(toApply) })
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-m.done:
			return
		case <-ticker.C:
			node.Tick()
		case rd := <-node.Ready():
			m.note(rd.SoftState)
			m.reads.confirmed(rd.ReadStates)
			w := work{rd.CommittedEntries, rd.Snapshot, make(chan struct{}, 1)}
			select {
			case toApply <- w:
			case <-m.done:
				return
			}
			leads := m.leads.Load()
			if leads {
				m.peers.send(rd.Messages)
			}
			must(m.storage.save(rd.HardState, rd.Snapshot, rd.Entries))
			w.saved <- struct{}{}
			if !leads {
				m.peers.send(onlyLastAnswer(rd.Messages, m.id))
			}
			node.Advance()
		}
	}
}

func (m *member) applyAll(toApply <-chan work) {
	for {
		select {
		case <-m.done:
			return
		case w := <-toApply:
			if !raft.IsEmptySnap(w.snapshot) {
				m.restore(w.snapshot)
			}
			m.apply(w.entries)
			select { // a snapshot of the state stands behind what is on disk
			case <-w.saved:
			case <-m.done:
				return
			}
			m.handCapture()
		}
	}
}

// onlyLastAnswer drops all answers to another member but the last one, which says what
// the others say, too (etcdserver/raft.go, processMessages).
func onlyLastAnswer(messages []*raftpb.Message, self uint64) (kept []*raftpb.Message) {
	last := map[uint64]int{}
	for i, msg := range messages {
		if isAnswer(msg) {
			last[msg.GetTo()] = i
		}
	}
	for i, msg := range messages {
		if !isAnswer(msg) || msg.GetTo() == self || i == last[msg.GetTo()] {
			kept = append(kept, msg)
		}
	}
	return kept
}

// isAnswer says whether an answer says no more than a later one.
func isAnswer(msg *raftpb.Message) bool {
	return msg.GetType() == raftpb.MsgAppResp && !msg.GetReject()
}
