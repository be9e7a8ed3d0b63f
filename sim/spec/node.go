package spec

import "slices"

// node is the specification's idea of a member.
type node struct {
	id     string
	term   uint64
	vote   string
	role   string
	log    []entry // of index i+1
	commit uint64

	heard    uint64          // the latest term of a message that it received
	waiting  func() error    // what a message of a later term does once that is entered
	mayVote  map[string]bool // candidates of the term whose logs are up to date
	asks     place           // the end of its log when it became a candidate of this term
	votes    map[string]bool // for it
	match    map[string]uint64
	compared uint64 // up to here the log is the leader's of this term

	told     State     // the vote and its term that others know of
	versions []version // of its log that a restart may bring back, the present one last
}

type entry struct {
	term uint64
	conf *[2][]string // voters, and those that are being left
}

// version is a log as it was, of which a restart keeps at least so much.
type version struct {
	log   []entry
	least int
}

const nobody = "0"

func (n *node) lastTerm() uint64 { return termAt(n.log, uint64(len(n.log))) }

func termAt(log []entry, i uint64) uint64 {
	if i == 0 || i > uint64(len(log)) {
		return 0
	}
	return log[i-1].term
}

// conf is the latest configuration in the log: it counts when it is appended (§6).
func (n *node) conf() (conf [2][]string, at int) {
	for k := len(n.log) - 1; k >= 0; k-- {
		if n.log[k].conf != nil {
			return *n.log[k].conf, k + 1
		}
	}
	return conf, 0
}

// majority says whether something is true of a majority, of both configurations while
// they are joint.
func majority(conf [2][]string, holds func(string) bool) bool {
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

func votes(conf [2][]string, id string) bool {
	return slices.Contains(conf[0], id) || slices.Contains(conf[1], id)
}

// stands compares what an event says of the member. A vote that it may give is given
// when the event says so.
func (n *node) stands(e Event) error {
	if e.State.Vote != n.vote && n.vote == nobody && e.State.Term == n.term {
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
		n.term, n.vote, n.mayVote, n.compared = term, nobody, map[string]bool{}, 0
	}
	n.role, n.votes, n.match = follower, nil, nil
}

// put makes the log one that has entries after index i, and keeps what it was.
func (n *node) put(i uint64, entries []entry) {
	keep := int(i)
	for keep < len(n.log) && len(entries) > 0 && n.log[keep].term == entries[0].term {
		keep, entries = keep+1, entries[1:]
	}
	if len(entries) == 0 {
		return // nothing conflicts, and nothing is new
	}
	now := &n.versions[len(n.versions)-1]
	next := append(slices.Clip(n.log[:keep]), entries...)
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
		if k == len(n.versions)-1 || agree(v.log, n.log, int(i)) {
			v.least = max(v.least, int(i))
			kept = append(kept, v)
		}
	}
	n.versions = kept
}

// agree says whether two logs have the same entries up to index i.
func agree(a, b []entry, i int) bool {
	if len(a) < i || len(b) < i {
		return false
	}
	for k := range i {
		if a[k].term != b[k].term {
			return false
		}
	}
	return true
}
