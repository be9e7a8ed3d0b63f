package spec

import (
	"slices"

	"github.com/balsaraft/balsa/trace"
)

// start is a first start, or a restart from what is durable.
func (c *checker) start(n *node, e trace.Event) error {
	var start trace.Start
	var runs []trace.Run
	if e.Prop != nil {
		runs = e.Prop.Entries
		if e.Prop.Start != nil {
			start = *e.Prop.Start
		}
	}
	next := newNode(e.Node, e.State.Term, e.State.Vote, nil)
	var err error
	if n == nil {
		err = c.startFirst(next, start, runs)
	} else {
		err = c.startAgain(n, next, start, runs)
	}
	if err == nil {
		err = c.advance(next, max(start.Index, e.State.Commit))
	}
	if err != nil {
		return err
	}
	c.nodes[e.Node] = next
	if err := c.matches(next, 0); err != nil {
		return err
	}
	return next.stands(e)
}

// startFirst believes what a disk holds of which nothing was told before.
func (c *checker) startFirst(next *node, start trace.Start, runs []trace.Run) error {
	log, err := c.upTo(next.id, start)
	if err != nil {
		return err
	}
	for _, r := range runs {
		log = grow(log, r)
	}
	next.log, next.versions = log, []version{{log, 0}}
	return nil
}

// startAgain brings back what the member had promised to keep.
func (c *checker) startAgain(n, next *node, start trace.Start, runs []trace.Run) error {
	if next.term < n.told.Term || next.term == n.told.Term && n.told.Vote != trace.Nobody && next.vote != n.told.Vote {
		return breaks(ruleDurable, "%s has told of its vote for %s in term %d", n.id, n.told.Vote, n.told.Term)
	}
	log, ok := n.keeps(start, runs)
	if !ok && len(runs) == 0 && !holds(n.log, place{start.Term, start.Index}) {
		// A snapshot was whole, and the log had not begun after it yet.
		var err error
		if log, err = c.upTo(n.id, start); err != nil {
			return err
		}
		ok = true
	}
	if !ok {
		return breaks(ruleDurable, "a log of %v after %d/%d lacks what %s has acknowledged", runs, start.Term, start.Index, n.id)
	}
	next.log, next.told, next.versions = log, n.told, []version{{log, len(log)}}
	return nil
}

// keeps finds the version of the log that a restart has brought back, without what a
// snapshot stands for.
func (n *node) keeps(start trace.Start, runs []trace.Run) ([]entry, bool) {
	for _, v := range slices.Backward(n.versions) {
		if !holds(v.log, place{start.Term, start.Index}) {
			continue
		}
		log := slices.Clip(v.log[:start.Index])
		for _, r := range runs {
			log = grow(log, r)
		}
		if len(log) >= v.least && len(log) <= len(v.log) && agree(v.log, log, int(start.Index), len(log)) {
			return slices.Clip(v.log[:len(log)]), true
		}
	}
	return nil, false
}

// upTo is the log that a snapshot stands for.
func (c *checker) upTo(id string, s trace.Start) ([]entry, error) {
	log := make([]entry, s.Index)
	if s.Index == 0 {
		return log, nil
	}
	known := min(len(c.committed), int(s.Index))
	for k := range known {
		log[k] = c.committed[k].entry
	}
	last := &log[s.Index-1]
	if known < len(log) && len(c.strangers) == 0 && len(c.nodes) > 0 && c.nodes[id] != nil {
		return nil, breaks(ruleSnapshot, "%s has a snapshot at %d/%d, and nobody has committed more than %d", id, s.Term, s.Index, known)
	}
	if !same(*last, entry{term: s.Term}) {
		return nil, breaks(ruleSnapshot, "%s has a snapshot at %d/%d, and the committed entry there is of term %d", id, s.Term, s.Index, last.term)
	}
	if last.conf == nil {
		last.conf = &configuration{s.Index, s.Conf}
	} else if conf := last.conf.voters; !slices.Equal(conf[0], s.Conf[0]) || !slices.Equal(conf[1], s.Conf[1]) {
		return nil, breaks(ruleSnapshot, "%s has a snapshot at %d with the voters %v, and those were %v", id, s.Index, s.Conf, conf)
	}
	last.term = s.Term
	return log, nil
}

// receiveSnapshot: a snapshot becomes the state. A log that holds its position keeps
// what follows; any other goes (§7).
func (c *checker) receiveSnapshot(n *node, e trace.Event) error {
	if e.Prop == nil || e.Prop.Start == nil {
		return breaks(ruleKnown, "the event does not say what the snapshot is")
	}
	s := *e.Prop.Start
	// Of a leader's term, it was told beside the snapshot.
	n.heard = max(n.heard, s.Term)
	return n.oncein(max(n.term, s.Term), func() error {
		prefix, err := c.upTo(n.id, s)
		if err != nil {
			return err
		}
		switch {
		case s.Index <= n.commit:
		case holds(n.log, place{s.Term, s.Index}):
			return c.advance(n, s.Index)
		case n.role == trace.Leader:
			return breaks(ruleCompleteness, "%s leads, and lacks what a snapshot at %d/%d holds", n.id, s.Term, s.Index)
		default:
			n.become(prefix, 0)
			n.versions = []version{{prefix, len(prefix)}} // the snapshot is durable
			return c.advance(n, s.Index)
		}
		return nil
	})
}
