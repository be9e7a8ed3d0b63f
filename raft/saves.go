package raft

import (
	"slices"
	"time"

	"github.com/balsaraft/balsa/wire"
)

// saves is what the disk was asked to do and has not done yet, and what waits for it.
type saves struct {
	seq     uint64     // of the newest save
	durable wire.Index // entries up to here are durable and still in the log
	hard    uint64     // the save with the newest hard state
	queue   []unsaved  // ordered by seq
	held    []heldBack // ordered by seq
	open    bool       // the newest save is still in Raft.out and may grow
}

// unsaved is a save that is not durable yet.
type unsaved struct {
	seq  uint64
	last wire.Index // of its entries, so far as they were not truncated; 0 for none
	at   time.Duration
}

// heldBack is a message that says something which is only true once save seq is
// durable.
type heldBack struct {
	seq     uint64
	message wire.Message
}

// push starts a new save.
func (s *saves) push(now time.Duration) uint64 {
	s.seq++
	s.queue = append(s.queue, unsaved{seq: s.seq, at: now})
	s.open = true
	return s.seq
}

// taken closes the newest save: the disk has it now.
func (s *saves) taken() { s.open = false }

// done drops the saves up to seq and counts what they made durable.
func (s *saves) done(seq uint64) {
	n := 0
	for n < len(s.queue) && s.queue[n].seq <= seq {
		s.durable = max(s.durable, s.queue[n].last)
		n++
	}
	s.queue = slices.Delete(s.queue, 0, n)
}

// hardDurable says whether the newest hard state is on the disk.
func (s *saves) hardDurable() bool { return len(s.queue) == 0 || s.hard < s.queue[0].seq }

// truncate forgets entries after index i. Saves of theirs that are still under way
// bring nothing any more: the same indexes will hold other entries.
func (s *saves) truncate(i wire.Index) {
	s.durable = min(s.durable, i)
	for k := range s.queue {
		s.queue[k].last = min(s.queue[k].last, i)
	}
}

// reset says that the log now is what a durable snapshot holds, and nothing else.
func (s *saves) reset(i wire.Index) {
	s.truncate(0)
	s.durable = i
}

// since is when the oldest save that is under way was asked for.
func (s *saves) since() (time.Duration, bool) {
	if len(s.queue) == 0 {
		return 0, false
	}
	return s.queue[0].at, true
}

// setHardState saves a new term, vote or promise. What was promised before holds in a later
// term, too, for as long as it lasts.
func (r *Raft) setHardState(h wire.HardState) {
	h.Promised = r.promised()
	if h.Term < r.hard.Term || h.Term == r.hard.Term && r.hard.Vote != 0 && h.Vote != r.hard.Vote {
		broken("vote for %s in term %d after one for %s in term %d", h.Vote, h.Term, r.hard.Vote, r.hard.Term)
	}
	r.out.Changed = r.out.Changed || h.Term != r.hard.Term
	r.hard = h
	// In one save the hard state comes before the entries, so it joins only a save
	// that has none yet.
	if n := len(r.out.Saves); r.saves.open && len(r.out.Saves[n-1].Entries) == 0 {
		*r.out.Saves[n-1].HardState = h
		return
	}
	r.saves.hard = r.saves.push(r.now)
	r.out.Saves = append(r.out.Saves, Save{Seq: r.saves.hard, HardState: &h})
}

// saveEntries saves a span that was just appended to the log.
func (r *Raft) saveEntries(s wire.Span, origin Origin) {
	if n := len(r.out.Saves); !r.saves.open || !continues(r.out.Saves[n-1].Entries, s) {
		r.out.Saves = append(r.out.Saves, Save{Seq: r.saves.push(r.now)})
	}
	save := &r.out.Saves[len(r.out.Saves)-1]
	save.Entries = append(save.Entries, SavedEntries{s, origin})
	r.saves.queue[len(r.saves.queue)-1].last = s.Last
}

// continues says whether s may join a save with those entries: it does not replace
// any of them.
func continues(entries []SavedEntries, s wire.Span) bool {
	return len(entries) == 0 || entries[len(entries)-1].Last+1 == s.First
}

// sendSaved sends a message once all that was saved so far is durable.
func (r *Raft) sendSaved(m wire.Message) {
	m.From, m.Term = r.cfg.ID, r.hard.Term
	if len(r.saves.queue) == 0 {
		r.deliver(m)
		return
	}
	r.saves.held = append(r.saves.held, heldBack{r.saves.seq, m})
}

// deliver sends a message, or takes it in if it is for this member: a candidate's
// own vote goes the way of all others.
func (r *Raft) deliver(m wire.Message) {
	if m.To == r.cfg.ID {
		r.onVoteReply(m)
		return
	}
	r.send(m)
}

// onSaved counts what has become durable and lets go what waited for it.
func (r *Raft) onSaved(seq uint64) {
	if seq > r.saves.seq {
		broken("save %d is durable but only %d were asked for", seq, r.saves.seq)
	}
	r.saves.done(seq)
	r.release(seq)
	switch {
	case r.role == Leader:
		r.advanceCommit()
	case r.leader != 0:
		r.acknowledgeSaved()
	}
}

// release sends the messages that waited for save seq. What was said in a term that
// is over has no reader.
func (r *Raft) release(seq uint64) {
	n := 0
	for n < len(r.saves.held) && r.saves.held[n].seq <= seq {
		n++
	}
	ready := slices.Clone(r.saves.held[:n])
	r.saves.held = slices.Delete(r.saves.held, 0, n)
	for _, h := range ready {
		if h.message.Term == r.hard.Term {
			r.deliver(h.message)
		}
	}
}

// stalled says whether the disk has made no progress for too long.
func (r *Raft) stalled() bool {
	at, ok := r.saves.since()
	return ok && r.now >= at+r.cfg.StallTimeout
}
