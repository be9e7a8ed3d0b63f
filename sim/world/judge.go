package world

import (
	"fmt"
	"slices"
	"time"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

// judge looks on from outside, and knows what no member does.
type judge struct {
	now     *time.Duration
	history history
	highest map[string]int   // of what is bounded
	entries []record         // of entry i+1, by whoever applied it first
	places  map[uint64]place // of commands that ran
	sure    map[uint64]bool  // commands whose callers were told that they never run
	floor   uint64           // how many commands are known, to anybody, to have run
	floors  []floorAt        // how it grew
	leaders map[wire.Term]wire.MemberID
	votes   map[ballot]wire.MemberID
	terms   map[wire.MemberID]wire.Term
	leases  map[wire.MemberID]int // how often each was asked to promise its vote to one
	rules   rules
	ledger  *ledger
}

// record is an applied entry, and the state after it.
type record struct{ entry, digest, count uint64 }

// place is where a command ran.
type place struct {
	index wire.Index
	order uint64
}

type floorAt struct {
	at    time.Duration
	floor uint64
}

type ballot struct {
	voter wire.MemberID
	term  wire.Term
}

// violation is a broken promise. It ends the world.
type violation string

func broken(format string, args ...any) { panic(violation(fmt.Sprintf(format, args...))) }

func newJudge(now *time.Duration) *judge {
	return &judge{
		now: now, highest: map[string]int{}, places: map[uint64]place{}, sure: map[uint64]bool{},
		leaders: map[wire.Term]wire.MemberID{}, votes: map[ballot]wire.MemberID{}, terms: map[wire.MemberID]wire.Term{}, leases: map[wire.MemberID]int{},
		rules: newRules(), ledger: newLedger(),
	}
}

// applied: an index holds one entry on all members and for ever, and equal indexes have
// equal states.
func (j *judge) applied(who string, index wire.Index, entry, digest, count uint64) {
	r := record{entry, digest, count}
	switch n := wire.Index(len(j.entries)); {
	case index == n+1:
		j.entries = append(j.entries, r)
	case index > n+1:
		broken("%s applies entry %d, but nobody has applied %d", who, index, n+1)
	case j.entries[index-1].entry != entry:
		broken("%s applies another entry %d than was applied before", who, index)
	case j.entries[index-1] != r:
		broken("%s has another state after entry %d than others: %d commands with digest %x, not %d with %x",
			who, index, count, digest, j.entries[index-1].count, j.entries[index-1].digest)
	}
}

// streamed: a follower of a log sees what was applied, each entry once.
func (j *judge) streamed(who string, index, want wire.Index, entry uint64) {
	switch {
	case index != want:
		broken("%s streams entry %d in the place of %d", who, index, want)
	case int(index) > len(j.entries):
		broken("%s streams entry %d, which nobody has applied", who, index)
	case j.entries[index-1].entry != entry:
		broken("%s streams another entry %d than was applied", who, index)
	}
}

// restored: a snapshot holds the state that the log had led to.
func (j *judge) restored(who string, index wire.Index, digest, count uint64) {
	if int(index) > len(j.entries) {
		broken("%s restores a snapshot at %d, but nobody has applied more than %d", who, index, len(j.entries))
	}
	if r := j.entries[index-1]; r.digest != digest || r.count != count {
		broken("%s restores a snapshot at %d with another state than there was: %d commands with digest %x, not %d with %x",
			who, index, count, digest, r.count, r.digest)
	}
}

// ran: a command runs once, and never after its caller was told that it will not.
func (j *judge) ran(who string, number uint64, index wire.Index, order uint64) {
	before, known := j.places[number]
	switch {
	case known && before != place{index, order}:
		broken("%s runs command %d at entry %d, but it ran at %d before", who, number, index, before.index)
	case j.sure[number]:
		broken("%s runs command %d at entry %d, whose caller was told for sure that it was not committed", who, number, index)
	}
	if !known {
		j.history.ran(number, order)
	}
	j.places[number] = place{index, order}
}

// acknowledged: an answer is the command's true result, and is newer than all that was
// answered before the call began.
func (j *judge) acknowledged(c *call, order uint64) {
	p, ran := j.places[c.number]
	j.history.answered(c.number, order)
	switch {
	case !ran || p.order != order:
		broken("command %d is answered as the %d. of all, but it ran as the %d.", c.number, order, p.order)
	case order <= c.floor:
		broken("command %d ran as the %d. of all, but the %d. was answered before it was proposed", c.number, order, c.floor)
	}
	j.raise(order)
}

// refused: it is sure, so the command has not run and never will.
func (j *judge) refused(c *call) {
	if p, ran := j.places[c.number]; ran {
		broken("the caller of command %d is told for sure that it was not committed, but it ran at entry %d", c.number, p.index)
	}
	j.sure[c.number] = true
}

// raise notes that somebody knows so many commands to have run.
func (j *judge) raise(order uint64) {
	if order > j.floor {
		j.floor = order
		j.floors = append(j.floors, floorAt{*j.now, order})
	}
}

// floorAt is what was known at an earlier moment.
func (j *judge) floorAt(at time.Duration) uint64 {
	i, _ := slices.BinarySearchFunc(j.floors, at, func(f floorAt, at time.Duration) int {
		if f.at <= at {
			return -1
		}
		return 1
	})
	if i == 0 {
		return 0
	}
	return j.floors[i-1].floor
}

// said: a member votes for one candidate a term, whatever happens to it between.
func (j *judge) said(m *wire.Message) {
	choice := m.To
	switch {
	case m.Kind == wire.Vote:
		choice = m.From
	case m.Kind == wire.VoteReply && !m.Reject:
	default:
		return
	}
	b := ballot{m.From, m.Term}
	if before, voted := j.votes[b]; voted && before != choice {
		broken("member %s votes for %s and for %s in term %d", m.From, before, choice, m.Term)
	}
	j.votes[b] = choice
}

// stands: one leader a term, and a member never goes back; its term not even through a
// crash.
// A snapshot in which rot was found does not count any more.
func (j *judge) stands(who string, rotten bool, before, s *host.Status) {
	c := &s.Core
	if c.ID == 0 {
		return
	}
	if c.Role == raft.Leader {
		if other, known := j.leaders[c.Term]; known && other != c.ID {
			broken("both %s and %s lead in term %d", other, c.ID, c.Term)
		}
		j.leaders[c.Term] = c.ID
	}
	switch {
	case c.Term < j.terms[c.ID]:
		broken("%s went back from term %d to %d", who, j.terms[c.ID], c.Term)
	case c.Committed < before.Core.Committed || s.Applied.Index < before.Applied.Index || s.Snapshot.Index < before.Snapshot.Index && !rotten:
		broken("%s went back from commit=%d applied=%s snapshot=%s to commit=%d applied=%s snapshot=%s", who,
			before.Core.Committed, before.Applied, before.Snapshot, c.Committed, s.Applied, s.Snapshot)
	case s.Applied.Index > c.Committed || c.Committed > c.Last.Index || s.LogStart.Index > s.Applied.Index:
		broken("the indexes of %s are out of line: log from %s, applied=%s commit=%d last=%s", who, s.LogStart, s.Applied, c.Committed, c.Last)
	case c.Durable > c.Last.Index:
		broken("%s takes %d for durable, but its log ends at %s", who, c.Durable, c.Last)
	}
	j.stood(who, before, s)
}

// told notes a term in which a member has voted, and that it was asked for a promise: from
// then on neither must be forgotten. Other messages promise nothing that entries on the disk
// do not hold, too.
func (j *judge) told(m *wire.Message) {
	if m.Kind == wire.Append && m.Lease {
		j.leases[m.To]++
	}
	if m.Kind == wire.Vote || m.Kind == wire.VoteReply && !m.Reject {
		j.terms[m.From] = max(j.terms[m.From], m.Term)
	}
}
