package raft

import (
	"github.com/balsaraft/balsa/raft/tracker"
	"github.com/balsaraft/balsa/wire"
)

// maxProbeBytes bounds the entries that go with a probe: it may well be rejected.
const maxProbeBytes = 64 << 10

// supplyPeers sends every peer what it lacks, so far as its window allows, and the
// newest round and commit index if it has not been told them, the latter if it is to be.
func (r *Raft) supplyPeers() {
	if r.askMore(); r.readsNeedRound() {
		r.beginReadRound()
	}
	tell := r.lead.tell || !r.cfg.LateNews
	r.lead.tell = false
	for _, p := range r.lead.peers {
		r.supply(p, tell)
	}
}

func (r *Raft) supply(p *tracker.Peer, tell bool) {
	if p.State != tracker.Snapshot && p.Next-1 < r.log.start.Index {
		if p.Paused() && p.Asked >= p.Due {
			return // its last transfer failed; the next is ordered in the next round
		}
		r.orderSnapshot(p)
	}
	sent := false
	switch p.State {
	case tracker.Replicate:
		for p.Next <= r.log.last().Index && !p.Window.Full(r.cfg.MaxInflight, r.cfg.MaxInflightBytes) {
			r.sendEntries(p, r.cfg.MaxMessageBytes)
			sent = true
		}
	case tracker.Probe:
		if !p.Paused() && p.Next <= r.log.last().Index {
			r.sendEntries(p, min(maxProbeBytes, r.cfg.MaxMessageBytes))
			sent = true
		} else if !p.Paused() {
			p.Asked = 0 // nothing to send, but the probe must go out
		}
	}
	if !sent && (p.Asked < p.Due || tell && r.lacksNews(p)) {
		r.sendHeartbeat(p)
	}
}

// sendEntries sends the next entries. They are on the way before this member's own
// disk has them (thesis §10.2.1).
func (r *Raft) sendEntries(p *tracker.Peer, limit int) {
	n := len(r.spans)
	r.spans = r.log.read(r.spans, p.Next, limit)
	spans := r.spans[n:len(r.spans):len(r.spans)]
	bytes := 0
	for _, s := range spans {
		bytes += s.Bytes
	}
	r.sendAppend(p, p.Next-1, spans)
	p.Sent(spans[len(spans)-1].Last, bytes)
}

// sendHeartbeat sends an Append without entries. To a peer that is probed it is the
// probe; one that gets a snapshot is not asked where it is.
func (r *Raft) sendHeartbeat(p *tracker.Peer) {
	switch p.State {
	case tracker.Probe:
		r.sendAppend(p, p.Next-1, nil)
		p.Probed()
	case tracker.Snapshot:
		r.sendAppend(p, 0, nil)
	default:
		r.sendAppend(p, p.Next-1, nil)
	}
}

func (r *Raft) sendAppend(p *tracker.Peer, before wire.Index, spans []wire.Span) {
	pos := wire.Pos{}
	if before > 0 {
		term, ok := r.log.term(before)
		if !ok {
			broken("append to %s after entry %d, which the log does not hold", p.ID, before)
		}
		pos = wire.Pos{Term: term, Index: before}
	}
	p.Asked, p.Told = r.lead.rounds.newest, r.committed
	r.send(wire.Message{
		Kind: wire.Append, To: p.ID, Pos: pos, Commit: r.committed, Spans: spans,
		Session: p.Session, Round: r.lead.rounds.newest, Lease: r.lead.lease.asked(),
	})
}

// orderSnapshot asks for a snapshot for a peer that needs entries which the log no
// longer holds.
func (r *Raft) orderSnapshot(p *tracker.Peer) {
	p.AwaitSnapshot(r.log.start.Index)
	r.out.Snapshots = append(r.out.Snapshots, SnapshotOrder{To: p.ID, Least: r.log.start.Index})
}

// onAppendReply hears how far a peer is. An answer to another session is about a
// former life of the peer, or of its membership, and says nothing.
func (r *Raft) onAppendReply(m wire.Message) {
	if r.role != Leader {
		return
	}
	p := r.peer(m.From)
	if p == nil || m.Session != p.Session || m.Round > r.lead.rounds.newest {
		return
	}
	began, _ := r.lead.rounds.start(m.Round)
	p.Heard(m.Round, began)
	r.confirmRounds()
	switch {
	case m.Reject && p.Lacks(m.Round, m.Index):
		r.out.Lost = append(r.out.Lost, LostEntries{p.ID, m.Index})
	case m.Reject:
		p.Rejected(m.Index, r.log.agreement(m.Pos).Index)
	case m.Index <= r.log.last().Index && p.Acked(m.Index, r.lead.rounds.newest):
		r.matchAdvanced(p)
	}
}

// matchAdvanced acts on a peer's log that is known to reach farther.
func (r *Raft) matchAdvanced(p *tracker.Peer) {
	r.advanceCommit()
	if r.role == Leader && r.lead.transfer.to == p.ID {
		r.continueTransfer()
	}
}

// onSnapshotSent ends the transfer of a snapshot. What follows it is found by probing.
func (r *Raft) onSnapshotSent(e SnapshotSent) {
	if r.role != Leader {
		return
	}
	p := r.peer(e.To)
	switch {
	case p == nil:
	case e.Failed || e.Pos.Index > r.log.last().Index:
		p.SnapshotFailed()
	case p.SnapshotArrived(e.Pos.Index):
		r.matchAdvanced(p)
	}
}
