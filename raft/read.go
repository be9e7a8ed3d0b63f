package raft

import (
	"slices"
	"time"

	"github.com/balsaraft/balsa/wire"
)

// leaderReads are reads that wait for the word that this member still leads.
type leaderReads struct {
	waiting []leaderRead // for a round to begin
	started []leaderRead // for their round to be confirmed, in order of rounds
}

type leaderRead struct {
	id    uint64
	from  wire.MemberID // who asked, 0 for this member
	round uint64
	index wire.Index
}

// Read asks for an index that, once applied, lets the state be read as of now or
// later. The answer comes in Orders.Reads under the caller's id: from a round of
// confirmation that serves all reads that wait (thesis §6.4), or with lease at once
// while the leader holds one (§6.4.1). On others than the leader it is asked of the
// leader. An answer may be lost with its message; the caller asks again after a while,
// with another id.
func (r *Raft) Read(now time.Duration, id uint64, lease bool) {
	r.pass(now)
	switch {
	case r.role == Leader:
		r.readAtLeader(leaderRead{id: id}, lease)
	case r.leader == 0:
		r.failRead(id)
	default:
		r.askLeader(id, lease)
	}
	r.check()
}

// readAtLeader answers a read that the lease covers, and lets others wait. A leader
// does not know what is committed before it has committed in its term.
func (r *Raft) readAtLeader(q leaderRead, lease bool) {
	if lease {
		r.wantLease()
		if r.committedInTerm() && r.holdsLease() {
			q.index = r.committed
			r.answerRead(q)
			return
		}
	}
	r.lead.reads.waiting = append(r.lead.reads.waiting, q)
}

func (r *Raft) committedInTerm() bool { return r.committed >= r.lead.began }

// roundPause is how long reads wait for the end of the round that is under way, so that
// one round serves all who come meanwhile. Where members are near, it ends before that;
// where they are far, a read waits no longer than that for a round of its own. A round
// that takes longer is asked of all members.
const roundPause = time.Millisecond

// readRoundDue is when a round for the reads that wait may begin: at once if none is
// under way. It says false if there is none to begin.
func (r *Raft) readRoundDue() (at time.Duration, wanted bool) {
	c := &r.lead.rounds
	switch {
	case len(r.lead.reads.waiting) == 0 || !r.committedInTerm() || c.newest-c.confirmed >= maxUnconfirmed:
		return 0, false
	case c.newest == c.confirmed:
		return r.now, true
	}
	return c.began[len(c.began)-1].at + roundPause, true
}

// readsNeedRound says whether reads wait for a round that may begin now.
func (r *Raft) readsNeedRound() bool {
	at, wanted := r.readRoundDue()
	return wanted && at <= r.now
}

// startReads lets the reads that wait share the round that begins.
func (r *Raft) startReads() {
	reads := &r.lead.reads
	if !r.committedInTerm() {
		return
	}
	for _, q := range reads.waiting {
		q.round, q.index = r.lead.rounds.newest, r.committed
		reads.started = append(reads.started, q)
	}
	clear(reads.waiting)
	reads.waiting = reads.waiting[:0]
}

// releaseReads answers the reads whose round is confirmed.
func (r *Raft) releaseReads() {
	reads := &r.lead.reads
	n := 0
	for n < len(reads.started) && reads.started[n].round <= r.lead.rounds.confirmed {
		r.answerRead(reads.started[n])
		n++
	}
	reads.started = slices.Delete(reads.started, 0, n)
}

func (r *Raft) answerRead(q leaderRead) {
	if q.from == 0 {
		r.out.Reads = append(r.out.Reads, ReadAnswer{ID: q.id, Index: q.index})
		return
	}
	r.tellReader(q)
	r.send(wire.Message{Kind: wire.ReadIndexReply, To: q.from, ID: q.id, Index: q.index})
}

// failLeaderReads says to all that wait that this member cannot answer any more.
func (r *Raft) failLeaderReads() {
	for _, q := range append(r.lead.reads.started, r.lead.reads.waiting...) {
		if q.from == 0 {
			r.failRead(q.id)
			continue
		}
		r.send(wire.Message{Kind: wire.ReadIndexReply, To: q.from, ID: q.id, Reject: true})
	}
}

func (r *Raft) failRead(id uint64) {
	r.out.Reads = append(r.out.Reads, ReadAnswer{ID: id, Failed: true})
}

// maxAsked bounds the reads that wait for the leader's answer. When one more comes,
// the oldest has failed: its message was lost.
const maxAsked = 1024

func (r *Raft) askLeader(id uint64, lease bool) {
	if len(r.asked) == maxAsked {
		r.failRead(r.asked[0])
		r.asked = slices.Delete(r.asked, 0, 1)
	}
	r.asked = append(r.asked, id)
	r.send(wire.Message{Kind: wire.ReadIndex, To: r.leader, ID: id, Lease: lease})
}

// failAsked gives up the reads asked of a leader that is gone.
func (r *Raft) failAsked() {
	for _, id := range r.asked {
		r.failRead(id)
	}
	r.asked = r.asked[:0]
}

func (r *Raft) onReadIndex(m wire.Message) {
	if r.role != Leader {
		r.send(wire.Message{Kind: wire.ReadIndexReply, To: m.From, ID: m.ID, Reject: true})
		return
	}
	r.readAtLeader(leaderRead{id: m.ID, from: m.From}, m.Lease)
}

// onReadIndexReply takes the first answer to a read that is still wanted. One of an
// earlier term was dropped before: its leader may have been deposed when it wrote it.
func (r *Raft) onReadIndexReply(m wire.Message) {
	k := slices.Index(r.asked, m.ID)
	if k < 0 || m.From != r.leader {
		return
	}
	r.asked = slices.Delete(r.asked, k, k+1)
	if m.Reject {
		r.failRead(m.ID)
		return
	}
	r.out.Reads = append(r.out.Reads, ReadAnswer{ID: m.ID, Index: m.Index})
}
