package spec

import (
	"slices"

	"github.com/balsaraft/balsa/trace"
)

// timeout: a voter that hears of no leader campaigns.
func (c *checker) timeout(n *node, e trace.Event) error {
	conf, at := n.conf()
	if at > n.commit && !votes(conf, n.id) {
		// Its log may be the only one that holds a configuration without it; until that
		// is committed, it may still be needed (§6).
		conf, _ = confAt(n.log, at-1)
	}
	switch {
	case n.role == trace.Leader:
		return breaks(ruleCandidacy, "%s leads term %d", n.id, n.term)
	case !votes(conf, n.id):
		return breaks(ruleVoter, "%s is none of %v", n.id, conf)
	case e.State.Term != n.term+1 || e.State.Vote != n.id:
		return breaks(ruleCandidacy, "%s goes from term %d to %d and votes for %s", n.id, n.term, e.State.Term, e.State.Vote)
	}
	n.enter(n.term + 1)
	n.role, n.vote, n.votes = trace.Candidate, n.id, map[string]bool{}
	n.asks = place{n.lastTerm(), uint64(len(n.log))}
	return nil
}

// follow: a member steps down, or enters a later term that it has heard of.
func (c *checker) follow(n *node, e trace.Event) error {
	if e.State.Term > n.term && e.State.Term != n.heard {
		return breaks(ruleTerms, "%s enters term %d, and has heard of %d", n.id, e.State.Term, n.heard)
	}
	raised := e.State.Term > n.term
	n.enter(e.State.Term)
	if err := n.stands(e); err != nil {
		return err
	}
	if handle := n.waiting; raised && handle != nil {
		n.waiting = nil
		return handle()
	}
	return nil
}

func (c *checker) elect(n *node, _ trace.Event) error {
	conf, _ := n.conf()
	switch other := c.leaders[n.term]; {
	case n.role != trace.Candidate:
		return breaks(ruleMajority, "%s is no candidate", n.id)
	case !majority(conf, func(id string) bool { return n.votes[id] }):
		return breaks(ruleMajority, "%s has the votes of %v among %v", n.id, n.votes, conf)
	case other != "" && other != n.id:
		return breaks(ruleElection, "%s leads term %d already", other, n.term)
	}
	for k, s := range c.committed {
		if s.by < n.term && (k >= len(n.log) || !same(s.entry, n.log[k])) {
			return breaks(ruleCompleteness, "%s lacks entry %d, committed in term %d", n.id, k+1, s.by)
		}
	}
	c.leaders[n.term] = n.id
	n.role, n.match = trace.Leader, map[string]uint64{}
	return nil
}

func (c *checker) sendVote(n *node, e trace.Event) error {
	m := *e.Message
	// The question may have waited for the disk, and be that of a candidacy given up.
	if n.vote != n.id || (place{m.LogTerm, m.Index}) != n.asks {
		return breaks(ruleCandidacy, "%s asks for votes with a log that ends at %d/%d", n.id, m.LogTerm, m.Index)
	}
	n.told = trace.State{Term: n.term, Vote: n.vote}
	return c.post(n, m, nil)
}

func (c *checker) receiveVote(n *node, e trace.Event) error {
	m := *e.Message
	return c.take(n, e, func([]entry) error {
		if m.LogTerm > n.lastTerm() || m.LogTerm == n.lastTerm() && m.Index >= uint64(len(n.log)) {
			n.mayVote[m.From] = n.role == trace.Follower
		}
		return nil
	})
}

func (c *checker) sendVoted(n *node, e trace.Event) error {
	m := *e.Message
	if err := n.stands(e); err != nil {
		return err // which also gives the vote, if it may
	}
	if !m.Reject {
		if n.vote != m.To {
			return breaks(ruleVoteOnce, "%s grants %s a vote and has voted for %s", n.id, m.To, n.vote)
		}
		n.told = trace.State{Term: n.term, Vote: n.vote}
	}
	return c.post(n, m, nil)
}

func (c *checker) receiveVoted(n *node, e trace.Event) error {
	m := *e.Message
	return c.take(n, e, func([]entry) error {
		if n.role == trace.Candidate && !m.Reject {
			n.votes[m.From] = true
		}
		return nil
	})
}

func (c *checker) replicate(n *node, _ trace.Event) error {
	return c.appends(n, trace.Run{Term: n.term, Last: uint64(len(n.log) + 1)})
}

func (c *checker) appends(n *node, r trace.Run) error {
	if n.role != trace.Leader {
		return breaks(ruleLeader, "%s appends as %s", n.id, n.role)
	}
	from := len(n.log)
	n.become(grow(n.log, r), from)
	return c.matches(n, from)
}

// put makes the log one that has entries after index i: it drops what conflicts with
// them, and only that (§5.3).
func (c *checker) put(n *node, i uint64, entries []entry) error {
	keep := int(i)
	for keep < len(n.log) && len(entries) > 0 && same(n.log[keep], entries[0]) {
		keep, entries = keep+1, entries[1:]
	}
	if len(entries) == 0 {
		return nil // nothing conflicts, and nothing is new
	}
	if keep < int(n.commit) {
		return breaks(ruleSafety, "%s drops entries after %d and has committed %d", n.id, keep, n.commit)
	}
	next := n.log
	if keep < len(n.log) {
		next = slices.Clip(n.log[:keep])
	}
	n.become(append(next, entries...), keep)
	return c.matches(n, keep)
}

// matches: the log matching property, by induction over each entry's predecessor.
func (c *checker) matches(n *node, from int) error {
	for k := len(n.log); k > from; k-- {
		at, before := place{n.log[k-1].term, uint64(k)}, termAt(n.log, uint64(k-1))
		if at.term == 0 || before == 0 && k > 1 {
			return nil // nobody has told
		}
		known, ok := c.before[at]
		if ok && known != before {
			return breaks(ruleLogs, "%d/%d follows an entry of term %d and one of term %d", at.term, at.index, known, before)
		}
		c.before[at] = before
	}
	return nil
}

func (c *checker) changeConf(n *node, e trace.Event) error {
	if e.Prop == nil || e.Prop.Change == nil {
		return breaks(ruleKnown, "the event does not say to what")
	}
	now, at := n.conf()
	next := trace.Conf{e.Prop.Change.NewConf, e.Prop.Outgoing}
	switch joint := len(now[1]) > 0; {
	case at > n.commit:
		return breaks(ruleJoint, "the configuration at %d is not committed yet", at)
	case joint && (len(next[1]) > 0 || !slices.Equal(next[0], now[0])):
		return breaks(ruleJoint, "%v is left for %v", now, next)
	case !joint && !slices.Equal(next[0], now[0]) && !slices.Equal(next[1], now[0]):
		return breaks(ruleJoint, "%v follows %v", next, now)
	}
	return c.appends(n, trace.Run{Term: n.term, Last: uint64(len(n.log) + 1), Conf: &next})
}

func (c *checker) sendAppend(n *node, e trace.Event) error {
	m := *e.Message
	end := m.Index + uint64(m.Entries)
	switch {
	case n.role != trace.Leader:
		return breaks(ruleLeader, "%s replicates as %s", n.id, n.role)
	case end > uint64(len(n.log)) || m.LogTerm != termAt(n.log, m.Index):
		return breaks(ruleAppend, "entries up to %d after %d/%d are not those of %s", end, m.LogTerm, m.Index, n.id)
	case m.Commit > n.commit:
		return breaks(ruleAppend, "%s tells of %d as committed, and knows of %d", n.id, m.Commit, n.commit)
	}
	entries := n.log[m.Index:end:end]
	if e.Prop != nil && !agree(carried(n.log[:m.Index:m.Index], e.Prop.Entries), n.log, int(m.Index), int(end)) {
		return breaks(ruleAppend, "the entries %v are not those of %s", e.Prop.Entries, n.id)
	}
	return c.post(n, m, entries)
}

// carried is a log that goes on with the entries of a message.
func carried(log []entry, runs []trace.Run) []entry {
	for _, r := range runs {
		log = grow(log, r)
	}
	return log
}

// told are the entries that a stranger sends, as their receiver tells.
func (c *checker) told(n *node, e trace.Event) ([]entry, error) {
	m := *e.Message
	if e.Name != trace.ReceiveAppend {
		return nil, nil
	}
	if m.Entries == 0 {
		return nil, nil
	}
	if e.Prop == nil {
		return nil, breaks(ruleKnown, "the event does not say which entries come with it")
	}
	before := make([]entry, m.Index)
	if holds(n.log, place{m.LogTerm, m.Index}) {
		before = n.log[:m.Index:m.Index]
	}
	entries := carried(before, e.Prop.Entries)[m.Index:]
	if len(entries) != m.Entries {
		return nil, breaks(ruleAppend, "%d entries are said to be %v", m.Entries, e.Prop.Entries)
	}
	return entries, nil
}

func (c *checker) receiveAppend(n *node, e trace.Event) error {
	m := *e.Message
	return c.take(n, e, func(entries []entry) error {
		switch other := c.leaders[n.term]; {
		case n.role == trace.Leader:
			return breaks(ruleElection, "%s leads, and hears of %s in the same term", n.id, m.From)
		case other != "" && other != m.From:
			return breaks(ruleElection, "%s leads term %d, and not %s", other, n.term, m.From)
		}
		c.leaders[n.term] = m.From
		n.enter(n.term)
		if m.Index > n.commit && !holds(n.log, place{m.LogTerm, m.Index}) {
			return nil // refused
		}
		if err := c.put(n, m.Index, entries); err != nil {
			return err
		}
		n.compared = max(n.compared, m.Index+uint64(len(entries)))
		return c.advance(n, max(n.commit, min(m.Commit, m.Index+uint64(len(entries)))))
	})
}

func (c *checker) sendAppended(n *node, e trace.Event) error {
	m := *e.Message
	if !m.Reject {
		// What is committed is the leader's as well, by leader completeness.
		matched := max(n.compared, n.commit)
		if n.role == trace.Leader && m.To == n.id {
			matched = uint64(len(n.log))
		}
		if m.Index > matched {
			return breaks(ruleMatching, "%s acknowledges %d, and its log is the leader's up to %d", n.id, m.Index, matched)
		}
		n.promise(m.Index)
	}
	return c.post(n, m, nil)
}

func (c *checker) receiveAppended(n *node, e trace.Event) error {
	m := *e.Message
	return c.take(n, e, func([]entry) error {
		if n.role == trace.Leader && !m.Reject {
			n.match[m.From] = max(n.match[m.From], m.Index)
		}
		return nil
	})
}

func (c *checker) commit(n *node, e trace.Event) error {
	at := e.State.Commit
	conf, _ := n.conf()
	switch {
	case n.role != trace.Leader:
		return breaks(ruleLeader, "%s commits as %s", n.id, n.role)
	case at < n.commit || at > uint64(len(n.log)):
		return breaks(ruleSafety, "%s goes from %d committed to %d, with a log up to %d", n.id, n.commit, at, len(n.log))
	case termAt(n.log, at) != n.term:
		return breaks(ruleCommit, "entry %d is of term %d", at, termAt(n.log, at))
	case !majority(conf, func(id string) bool { return n.match[id] >= at }):
		return breaks(ruleCommit, "entry %d is known to match as %v among %v", at, n.match, conf)
	}
	return c.advance(n, at)
}

// advance: whatever a member knows to be committed, all agree on.
func (c *checker) advance(n *node, to uint64) error {
	if to > uint64(len(n.log)) {
		return breaks(ruleCommit, "%s has committed %d, with a log up to %d", n.id, to, len(n.log))
	}
	for k := int(n.commit); k < int(to); k++ {
		e := n.log[k]
		if k == len(c.committed) {
			c.committed = append(c.committed, settled{e, n.term})
			continue
		}
		known := &c.committed[k]
		if !same(known.entry, e) {
			return breaks(ruleSafety, "%s has committed %d/%d, and others %d/%d", n.id, e.term, k+1, known.term, k+1)
		}
		if known.term == 0 {
			known.entry = e
		}
		known.by = min(known.by, n.term)
	}
	n.commit = to
	return nil
}

// sendOther: a message that only tells of a term. What a leader still answers when it is
// deposed belongs to the term that is over.
func (c *checker) sendOther(n *node, e trace.Event) error {
	m := *e.Message
	if m.From == n.id && m.Term < n.term {
		c.sent[m] = nil
		return nil
	}
	return c.post(n, m, nil)
}

func (c *checker) receiveOther(n *node, e trace.Event) error {
	return c.take(n, e, func([]entry) error { return nil })
}
