package spec

import "slices"

// start is a first start, or a restart from what is durable.
func (c *checker) start(n *node, e Event) error {
	terms := []uint64{}
	if e.Prop != nil {
		terms = e.Prop.Terms
	}
	var log []entry
	for k, t := range terms {
		log = append(log, entry{term: t})
		if k == 0 {
			conf := e.Conf
			log[0].conf = &conf // the founding entry
		}
	}
	if n == nil {
		c.nodes[e.Node] = &node{
			id: e.Node, term: e.State.Term, vote: e.State.Vote, role: follower, log: log, commit: e.State.Commit,
			mayVote: map[string]bool{}, versions: []version{{log, 0}},
		}
		return c.nodes[e.Node].stands(e)
	}
	kept, ok := n.keeps(log)
	switch {
	case e.State.Term < n.told.Term || e.State.Term == n.told.Term && n.told.Vote != nobody && e.State.Vote != n.told.Vote:
		return breaks(ruleDurable, "%s has told of its vote for %s in term %d", n.id, n.told.Vote, n.told.Term)
	case !ok:
		return breaks(ruleDurable, "a log of terms %v lacks what %s has acknowledged", terms, n.id)
	case e.State.Commit > n.commit:
		return breaks(ruleCommit, "%s comes back with %d committed, and knew of %d", n.id, e.State.Commit, n.commit)
	}
	c.nodes[e.Node] = &node{
		id: n.id, term: e.State.Term, vote: e.State.Vote, role: follower, log: kept, commit: e.State.Commit,
		mayVote: map[string]bool{}, told: n.told, versions: []version{{kept, len(kept)}},
	}
	return c.nodes[e.Node].stands(e)
}

// keeps finds the version of the log that a restart has brought back.
func (n *node) keeps(log []entry) ([]entry, bool) {
	for _, v := range slices.Backward(n.versions) {
		if len(log) >= v.least && agree(v.log, log, len(log)) {
			return slices.Clip(v.log[:len(log)]), true
		}
	}
	return nil, false
}

// timeout: a voter that hears of no leader campaigns.
func (c *checker) timeout(n *node, e Event) error {
	conf, at := n.conf()
	if at > int(n.commit) && !votes(conf, n.id) {
		// Its log may be the only one that holds a configuration without it; until that
		// is committed, it may still be needed (§6).
		conf = *n.log[0].conf
	}
	switch {
	case n.role == leader:
		return breaks(ruleCandidacy, "%s leads term %d", n.id, n.term)
	case !votes(conf, n.id):
		return breaks(ruleVoter, "%s is none of %v", n.id, conf)
	case e.State.Term != n.term+1 || e.State.Vote != n.id:
		return breaks(ruleCandidacy, "%s goes from term %d to %d and votes for %s", n.id, n.term, e.State.Term, e.State.Vote)
	}
	n.enter(n.term + 1)
	n.role, n.vote, n.votes = candidate, n.id, map[string]bool{}
	n.asks = place{n.lastTerm(), uint64(len(n.log))}
	return nil
}

// follow: a member steps down, or enters a later term that it has heard of.
func (c *checker) follow(n *node, e Event) error {
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

func (c *checker) elect(n *node, _ Event) error {
	conf, _ := n.conf()
	switch other := c.leaders[n.term]; {
	case n.role != candidate:
		return breaks(ruleMajority, "%s is no candidate", n.id)
	case !majority(conf, func(id string) bool { return n.votes[id] }):
		return breaks(ruleMajority, "%s has the votes of %v among %v", n.id, n.votes, conf)
	case other != "" && other != n.id:
		return breaks(ruleElection, "%s leads term %d already", other, n.term)
	case !agree(c.committed, n.log, len(c.committed)):
		return breaks(ruleCompleteness, "%s lacks some of the %d entries", n.id, len(c.committed))
	}
	c.leaders[n.term] = n.id
	n.role, n.match = leader, map[string]uint64{}
	return nil
}

func (c *checker) sendVote(n *node, e Event) error {
	m := *e.Message
	// The question may have waited for the disk, and be that of a candidacy given up.
	if n.vote != n.id || (place{m.LogTerm, m.Index}) != n.asks {
		return breaks(ruleCandidacy, "%s asks for votes with a log that ends at %d/%d", n.id, m.LogTerm, m.Index)
	}
	n.told = State{Term: n.term, Vote: n.vote}
	return c.post(n, m, nil)
}

func (c *checker) receiveVote(n *node, e Event) error {
	m := *e.Message
	return c.take(n, m, func([]entry) error {
		if m.LogTerm > n.lastTerm() || m.LogTerm == n.lastTerm() && m.Index >= uint64(len(n.log)) {
			n.mayVote[m.From] = n.role == follower
		}
		return nil
	})
}

func (c *checker) sendVoted(n *node, e Event) error {
	m := *e.Message
	if err := n.stands(e); err != nil {
		return err // which also gives the vote, if it may
	}
	if !m.Reject {
		if n.vote != m.To {
			return breaks(ruleVoteOnce, "%s grants %s a vote and has voted for %s", n.id, m.To, n.vote)
		}
		n.told = State{Term: n.term, Vote: n.vote}
	}
	return c.post(n, m, nil)
}

func (c *checker) receiveVoted(n *node, e Event) error {
	m := *e.Message
	return c.take(n, m, func([]entry) error {
		if n.role == candidate && !m.Reject {
			n.votes[m.From] = true
		}
		return nil
	})
}

func (c *checker) replicate(n *node, _ Event) error { return c.appends(n, entry{term: n.term}) }

func (c *checker) appends(n *node, e entry) error {
	if n.role != leader {
		return breaks(ruleLeader, "%s appends as %s", n.id, n.role)
	}
	n.put(uint64(len(n.log)), []entry{e})
	return c.matches(n)
}

// matches: the log matching property, by induction over each entry's predecessor.
func (c *checker) matches(n *node) error {
	for k := len(n.log); k > 0; k-- {
		at, before := place{n.log[k-1].term, uint64(k)}, termAt(n.log, uint64(k-1))
		known, ok := c.before[at]
		if ok && known != before {
			return breaks(ruleLogs, "%d/%d follows an entry of term %d and one of term %d", at.term, at.index, known, before)
		}
		c.before[at] = before
	}
	return nil
}

func (c *checker) changeConf(n *node, e Event) error {
	if e.Prop == nil || e.Prop.Change == nil {
		return breaks(ruleKnown, "the event does not say to what")
	}
	now, at := n.conf()
	next := [2][]string{e.Prop.Change.NewConf, e.Prop.Outgoing}
	switch joint := len(now[1]) > 0; {
	case uint64(at) > n.commit:
		return breaks(ruleJoint, "the configuration at %d is not committed yet", at)
	case joint && (len(next[1]) > 0 || !slices.Equal(next[0], now[0])):
		return breaks(ruleJoint, "%v is left for %v", now, next)
	case !joint && !slices.Equal(next[0], now[0]) && !slices.Equal(next[1], now[0]):
		return breaks(ruleJoint, "%v follows %v", next, now)
	}
	return c.appends(n, entry{n.term, &next})
}

func (c *checker) sendAppend(n *node, e Event) error {
	m := *e.Message
	end := m.Index + uint64(m.Entries)
	switch {
	case n.role != leader:
		return breaks(ruleLeader, "%s replicates as %s", n.id, n.role)
	case end > uint64(len(n.log)) || m.LogTerm != termAt(n.log, m.Index):
		return breaks(ruleAppend, "entries up to %d after %d/%d are not those of %s", end, m.LogTerm, m.Index, n.id)
	case m.Commit > n.commit:
		return breaks(ruleAppend, "%s tells of %d as committed, and knows of %d", n.id, m.Commit, n.commit)
	}
	return c.post(n, m, slices.Clone(n.log[m.Index:end]))
}

func (c *checker) receiveAppend(n *node, e Event) error {
	m := *e.Message
	return c.take(n, m, func(entries []entry) error {
		if n.role == leader {
			return breaks(ruleElection, "%s leads, and hears of %s in the same term", n.id, m.From)
		}
		n.enter(n.term)
		if m.Index > n.commit && (m.Index > uint64(len(n.log)) || termAt(n.log, m.Index) != m.LogTerm) {
			return nil // refused
		}
		n.put(m.Index, entries)
		if len(n.log) < len(c.committed[:min(n.commit, uint64(len(c.committed)))]) || !agree(c.committed, n.log, int(n.commit)) {
			return breaks(ruleSafety, "%s drops what it has committed", n.id)
		}
		n.compared = max(n.compared, m.Index+uint64(len(entries)))
		n.commit = max(n.commit, min(m.Commit, m.Index+uint64(len(entries))))
		if err := c.matches(n); err != nil {
			return err
		}
		return c.commits(n)
	})
}

func (c *checker) sendAppended(n *node, e Event) error {
	m := *e.Message
	if !m.Reject {
		// What is committed is the leader's as well, by leader completeness.
		matched := max(n.compared, n.commit)
		if n.role == leader && m.To == n.id {
			matched = uint64(len(n.log))
		}
		if m.Index > matched {
			return breaks(ruleMatching, "%s acknowledges %d, and its log is the leader's up to %d", n.id, m.Index, matched)
		}
		n.promise(m.Index)
	}
	return c.post(n, m, nil)
}

func (c *checker) receiveAppended(n *node, e Event) error {
	m := *e.Message
	return c.take(n, m, func([]entry) error {
		if n.role == leader && !m.Reject {
			n.match[m.From] = max(n.match[m.From], m.Index)
		}
		return nil
	})
}

func (c *checker) commit(n *node, e Event) error {
	at := e.State.Commit
	conf, _ := n.conf()
	switch {
	case n.role != leader:
		return breaks(ruleLeader, "%s commits as %s", n.id, n.role)
	case at < n.commit || at > uint64(len(n.log)):
		return breaks(ruleSafety, "%s goes from %d committed to %d, with a log up to %d", n.id, n.commit, at, len(n.log))
	case termAt(n.log, at) != n.term:
		return breaks(ruleCommit, "entry %d is of term %d", at, termAt(n.log, at))
	case !majority(conf, func(id string) bool { return n.match[id] >= at }):
		return breaks(ruleCommit, "entry %d is known to match as %v among %v", at, n.match, conf)
	}
	n.commit = at
	return c.commits(n)
}

// commits: whatever a member knows to be committed, all agree on.
func (c *checker) commits(n *node) error {
	if common := min(int(n.commit), len(c.committed)); !agree(c.committed, n.log, common) {
		return breaks(ruleSafety, "%s has committed other entries than others, up to %d", n.id, common)
	}
	for k := len(c.committed); k < int(n.commit); k++ {
		c.committed = append(c.committed, n.log[k])
	}
	return nil
}

func (c *checker) sendOther(n *node, e Event) error { return c.post(n, *e.Message, nil) }

func (c *checker) receiveOther(n *node, e Event) error {
	return c.take(n, *e.Message, func([]entry) error { return nil })
}
