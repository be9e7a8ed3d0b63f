package spec

import (
	"slices"

	"github.com/balsaraft/balsa/trace"
)

// node is the specification's idea of a member.
type node struct {
	id     string
	term   uint64
	vote   string
	role   string
	log    []entry // of index i+1, unknown before a snapshot of which nobody has told
	commit uint64

	heard    uint64          // the latest term of a message that it received
	waiting  func() error    // what a message of a later term does once that is entered
	mayVote  map[string]bool // candidates of the term whose logs are up to date
	asks     place           // the end of its log when it became a candidate of this term
	votes    map[string]bool // for it
	match    map[string]uint64
	compared uint64 // up to here the log is the leader's of this term

	told     trace.State // the vote and its term that others know of
	versions []version   // of its log that a restart may bring back, the present one last
}

// entry is one of a log. Two with the same index and term have the same predecessors,
// so the same configuration.
type entry struct {
	term uint64         // 0 if nobody has told
	conf *configuration // the latest in the log as of this entry, nil if nobody has told
}

type configuration struct {
	at     uint64
	voters trace.Conf
}

// version is a log as it was, of which a restart keeps at least so much.
type version struct {
	log   []entry
	least int
}

func newNode(id string, term uint64, vote string, log []entry) *node {
	return &node{
		id: id, term: term, vote: vote, role: trace.Follower, log: log,
		mayVote: map[string]bool{}, versions: []version{{log, 0}}, told: trace.State{Vote: trace.Nobody},
	}
}

func (n *node) lastTerm() uint64 { return termAt(n.log, uint64(len(n.log))) }

func termAt(log []entry, i uint64) uint64 {
	if i == 0 || i > uint64(len(log)) {
		return 0
	}
	return log[i-1].term
}

// holds says whether a log has an entry of that term at an index, as far as is known.
func holds(log []entry, p place) bool {
	return p.index <= uint64(len(log)) && (p.index == 0 || same(log[p.index-1], entry{term: p.term}))
}

// same says whether two entries of one index may be the same one.
func same(a, b entry) bool { return a.term == b.term || a.term == 0 || b.term == 0 }

// conf is the latest configuration in the log: it counts when it is appended (§6).
func (n *node) conf() (conf trace.Conf, at uint64) { return confAt(n.log, uint64(len(n.log))) }

func confAt(log []entry, i uint64) (conf trace.Conf, at uint64) {
	if i == 0 || i > uint64(len(log)) || log[i-1].conf == nil {
		return conf, 0
	}
	c := log[i-1].conf
	return c.voters, c.at
}

// grow adds a run of entries to a log.
func grow(log []entry, r trace.Run) []entry {
	for i := uint64(len(log)) + 1; i <= r.Last; i++ {
		e := entry{term: r.Term}
		if r.Conf != nil {
			e.conf = &configuration{i, *r.Conf}
		} else if i > 1 {
			e.conf = log[i-2].conf
		}
		log = append(log, e)
	}
	return log
}

// majority says whether something is true of a majority, of both configurations while
// they are joint.
func majority(conf trace.Conf, holds func(string) bool) bool {
	for k, voters := range conf {
		count := 0
		for _, v := range voters {
			if holds(v) {
				count++
			}
		}
		if 2*count <= len(voters) && (k == 0 || len(voters) > 0) {
			return false
		}
	}
	return true
}

func votes(conf trace.Conf, id string) bool {
	return slices.Contains(conf[0], id) || slices.Contains(conf[1], id)
}

// stands compares what an event says of the member. A vote that it may give is given
// when the event says so.
func (n *node) stands(e trace.Event) error {
	if e.State.Vote != n.vote && n.vote == trace.Nobody && e.State.Term == n.term {
		if !n.mayVote[e.State.Vote] {
			return breaks(ruleVoteOnce, "%s votes for %s, whom it may not vote for in term %d", n.id, e.State.Vote, n.term)
		}
		n.vote = e.State.Vote
	}
	conf, _ := n.conf()
	switch {
	case e.State.Term != n.term:
		return breaks(ruleTerms, "%s is in term %d, not %d", n.id, n.term, e.State.Term)
	case e.State.Vote != n.vote:
		return breaks(ruleVoteOnce, "%s has voted for %s, not %s", n.id, n.vote, e.State.Vote)
	case e.Role != n.role:
		return breaks(ruleState, "%s is %s, not %s", n.id, n.role, e.Role)
	case e.Log != uint64(len(n.log)):
		return breaks(ruleState, "the log of %s ends at %d, not %d", n.id, len(n.log), e.Log)
	case e.State.Commit != n.commit:
		return breaks(ruleState, "%s has committed %d, not %d", n.id, n.commit, e.State.Commit)
	case !slices.Equal(e.Conf[0], conf[0]) || !slices.Equal(e.Conf[1], conf[1]):
		return breaks(ruleState, "the voters of %s are %v, not %v", n.id, conf, e.Conf)
	}
	return nil
}

// enter begins a term as a follower.
func (n *node) enter(term uint64) {
	if term > n.term {
		n.term, n.vote, n.mayVote, n.compared = term, trace.Nobody, map[string]bool{}, 0
	}
	n.role, n.votes, n.match = trace.Follower, nil, nil
}

// oncein does something that belongs to a term: now, once that is entered, or never if
// it is over.
func (n *node) oncein(term uint64, do func() error) error {
	n.waiting = nil
	switch {
	case term < n.term:
		return nil
	case term > n.term:
		n.waiting = do
		return nil
	}
	return do()
}

// become makes the log another one, and keeps what it was: all after index keep is new.
func (n *node) become(next []entry, keep int) {
	now := &n.versions[len(n.versions)-1]
	if keep < len(n.log) {
		n.versions = append(n.versions, version{next, min(now.least, keep)})
	} else {
		now.log = next
	}
	n.log = next
}

// promise notes that entries up to index i are said to be durable.
func (n *node) promise(i uint64) {
	kept := n.versions[:0]
	for k, v := range n.versions {
		if k == len(n.versions)-1 || agree(v.log, n.log, 0, int(i)) {
			v.least = max(v.least, int(i))
			kept = append(kept, v)
		}
	}
	n.versions = kept
}

// agree says whether two logs have the same entries after index i up to j.
func agree(a, b []entry, i, j int) bool {
	if len(a) < j || len(b) < j {
		return false
	}
	for k := i; k < j; k++ {
		if !same(a[k], b[k]) {
			return false
		}
	}
	return true
}
