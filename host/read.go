package host

import (
	"time"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

// Level is how new the state must be that a read sees.
type Level uint8

const (
	// Linearizable sees all that was acknowledged before the read began.
	Linearizable Level = iota
	// LeaseRead sees the same as long as clocks do not drift apart by more than a
	// tenth, and asks nobody while the leader holds a lease.
	LeaseRead
	// Stale sees a state that was the newest at most ReadRequest.Age ago.
	Stale
	// AtLeast sees a state that holds ReadRequest.Index.
	AtLeast
)

// ReadRequest asks when the state may be read. Token comes back in Output.Reads.
type ReadRequest struct {
	Token uint64
	Level Level
	Age   time.Duration
	Index wire.Index
}

// reads are those that wait: for a question to be asked, for its answer, and for the
// answer's index to be applied.
type reads struct {
	waiting []ReadRequest
	asked   []question
	granted []grant
	random  func() uint64
}

// question is a read index asked of the leader, for all the reads that waited then.
type question struct {
	id    uint64
	of    []ReadRequest
	lease bool
	asked time.Duration
	again time.Duration
}

// questionPause is how long reads wait for the answer to the question before, so that the
// next is asked for all who come meanwhile. A leader that is near answers sooner; where it
// is far, a read waits no longer than that before it goes on its way.
const questionPause = time.Millisecond

// grant is a read that waits for an index to be applied.
type grant struct {
	token uint64
	index wire.Index
}

func (r *reads) init(random func() uint64) { r.random = random }

// Read asks when the state may be read. It is asked again by itself until it is
// answered or given up with CancelRead.
func (h *Host) Read(q ReadRequest) { h.reads.waiting = append(h.reads.waiting, q) }

// CancelRead gives a read up.
func (h *Host) CancelRead(token uint64) {
	r := &h.reads
	r.waiting = without(r.waiting, token)
	for i := range r.asked {
		r.asked[i].of = without(r.asked[i].of, token)
	}
	for i := range r.granted {
		if r.granted[i].token == token {
			r.granted = append(r.granted[:i], r.granted[i+1:]...)
			return
		}
	}
}

func without(list []ReadRequest, token uint64) []ReadRequest {
	for i := range list {
		if list[i].Token == token {
			return append(list[:i], list[i+1:]...)
		}
	}
	return list
}

func (r *reads) due(now time.Duration) time.Duration {
	due := never
	for _, q := range r.asked {
		due = min(due, q.again)
	}
	if at := r.nextQuestion(); at > now {
		due = min(due, at)
	}
	return due
}

// nextQuestion is from when on a question may be asked while others are not answered.
func (r *reads) nextQuestion() time.Duration {
	if len(r.asked) == 0 {
		return 0
	}
	return r.asked[len(r.asked)-1].asked + questionPause
}

// HoldsReads says that a linearizable read which is asked for now waits for the answer to
// the question before. Until there is one, or Output.Deadline, it is enough to gather
// reads: nothing is won by a turn for each.
func (h *Host) HoldsReads() bool { return h.now < h.reads.nextQuestion() }

// leaderChanged asks all again: the answer may never come.
func (r *reads) leaderChanged() {
	for _, q := range r.asked {
		r.waiting = append(r.waiting, q.of...)
	}
	r.asked = nil
}

// turnReads asks for those that wait, one question for all of a level. A leader's own wait
// inside the algorithm for the round that is under way, together with what others ask;
// another member's wait here.
func (h *Host) turnReads() {
	h.askAgain()
	r := &h.reads
	if len(r.waiting) == 0 {
		return
	}
	waiting := r.waiting
	r.waiting = nil
	var rounds, leases []ReadRequest
	for _, q := range waiting {
		switch {
		case q.Level == AtLeast:
			r.granted = append(r.granted, grant{q.Token, q.Index})
		case q.Level == Stale && h.freshEnough(q.Age):
			r.granted = append(r.granted, grant{q.Token, 0})
		case h.view.Leader == 0 || h.view.Role != raft.Leader && h.HoldsReads():
			r.waiting = append(r.waiting, q)
		case q.Level == LeaseRead:
			leases = append(leases, q)
		default:
			rounds = append(rounds, q)
		}
	}
	h.ask(rounds, false)
	h.ask(leases, true)
	h.releaseReads()
}

func (h *Host) ask(list []ReadRequest, lease bool) {
	if len(list) == 0 {
		return
	}
	id := h.reads.random()
	h.reads.asked = append(h.reads.asked, question{id, list, lease, h.now, h.now + h.retryAfter()})
	h.core.Read(h.now, id, lease)
	h.execute(nil)
}

// askAgain repeats the questions that nobody has answered.
func (h *Host) askAgain() {
	r := &h.reads
	kept := r.asked[:0]
	for _, q := range r.asked {
		if h.now >= q.again {
			r.waiting = append(r.waiting, q.of...)
			continue
		}
		kept = append(kept, q)
	}
	r.asked = kept
}

// answerRead takes the leader's answer to a question. A failed one is repeated a
// heartbeat later.
func (h *Host) answerRead(a raft.ReadAnswer) {
	r := &h.reads
	for i := range r.asked {
		q := &r.asked[i]
		if q.id != a.ID {
			continue
		}
		if a.Failed {
			q.again = min(q.again, h.now+h.cfg.Raft.Heartbeat)
			return
		}
		for _, request := range q.of {
			r.granted = append(r.granted, grant{request.Token, a.Index})
		}
		r.asked = append(r.asked[:i], r.asked[i+1:]...)
		h.releaseReads()
		return
	}
}

// releaseReads lets those reads go whose index is applied.
func (h *Host) releaseReads() {
	r := &h.reads
	kept := r.granted[:0]
	for _, g := range r.granted {
		if g.index > h.applying.at.Index {
			kept = append(kept, g)
			continue
		}
		h.out.Reads = append(h.out.Reads, g.token)
	}
	r.granted = kept
}
