package spec

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
)

// Check reads a trace and returns how many events follow the rules. The error says which
// event does not, and which rule it breaks.
func Check(trace io.Reader) (events int, err error) {
	c := checker{nodes: map[string]*node{}, sent: map[Message][]entry{}, leaders: map[uint64]string{}, before: map[place]uint64{}}
	lines := bufio.NewScanner(trace)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var l Line
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return events, fmt.Errorf("read line %d of the trace: %w", events+1, err)
		}
		if l.Tag != "trace" {
			continue
		}
		if err := c.judge(l.Event); err != nil {
			return events, fmt.Errorf("event %d, %s of %s in term %d: %w", events+1, l.Event.Name, l.Event.Node, l.Event.State.Term, err)
		}
		events++
	}
	return events, lines.Err()
}

// RuleError is a rule that an event breaks.
type RuleError struct {
	Rule string // in words, with its section
	Why  string
}

func (e *RuleError) Error() string { return e.Rule + ": " + e.Why }

func breaks(rule, format string, args ...any) error {
	return &RuleError{rule, fmt.Sprintf(format, args...)}
}

// The rules.
const (
	ruleKnown        = "only what the specification knows happens"
	ruleState        = "a member stands as its events have left it"
	ruleTerms        = "a term rises by a candidacy or by a message of that term (§5.1)"
	ruleSent         = "only what was sent is received (§5)"
	ruleVoter        = "only voters campaign (§6)"
	ruleCandidacy    = "a candidate enters the next term and votes for itself (§5.2)"
	ruleVoteOnce     = "one vote a term, to a candidate whose log is as up to date (§5.2, §5.4.1)"
	ruleMajority     = "a leader has the votes of a majority (§5.2)"
	ruleElection     = "at most one leader a term (§5.2)"
	ruleCompleteness = "a leader has all that was committed (§5.4)"
	ruleLeader       = "only a leader appends, replicates and commits (§5.3)"
	ruleAppend       = "a leader sends what its log holds (§5.3)"
	ruleMatching     = "an entry is acknowledged where the logs match (§5.3)"
	ruleLogs         = "an entry of a term and index has one predecessor (§5.3)"
	ruleCommit       = "an entry of the leader's term is committed by a majority (§5.3, §5.4.2)"
	ruleSafety       = "a committed entry never changes (§5.4.3)"
	ruleDurable      = "term, vote and acknowledged entries outlive a restart (§5.1, figure 2)"
	ruleJoint        = "voters change through a joint configuration, one change at a time (§6)"
)

// checker knows what the specification knows: every member, and all that was sent.
type checker struct {
	nodes     map[string]*node
	sent      map[Message][]entry // with the entries of those that carry any
	leaders   map[uint64]string
	committed []entry
	before    map[place]uint64 // term of the entry before that place
}

type place struct{ term, index uint64 }

// judge takes an event for what it says it is.
func (c *checker) judge(e Event) error {
	n := c.nodes[e.Node]
	if e.Name == initState {
		return c.start(n, e)
	}
	if n == nil {
		return breaks(ruleKnown, "the member has not started")
	}
	handle, known := handlers[e.Name]
	if !known {
		return breaks(ruleKnown, "there is no such event")
	}
	if e.Message == nil && needsMessage[e.Name] {
		return breaks(ruleKnown, "the event has no message")
	}
	if statesBefore[e.Name] {
		if err := n.stands(e); err != nil {
			return err
		}
		return handle(c, n, e)
	}
	if err := handle(c, n, e); err != nil {
		return err
	}
	if e.Name == becomeFollower {
		return nil // compared before what came of the message
	}
	return n.stands(e)
}

var handlers = map[string]func(*checker, *node, Event) error{
	becomeCandidate: (*checker).timeout, becomeFollower: (*checker).follow, becomeLeader: (*checker).elect,
	commit: (*checker).commit, replicate: (*checker).replicate, changeConf: (*checker).changeConf,
	ready:      func(*checker, *node, Event) error { return nil },
	sendAppend: (*checker).sendAppend, receiveAppend: (*checker).receiveAppend,
	sendAppended: (*checker).sendAppended, receiveAppended: (*checker).receiveAppended,
	sendVote: (*checker).sendVote, receiveVote: (*checker).receiveVote,
	sendVoted: (*checker).sendVoted, receiveVoted: (*checker).receiveVoted,
	sendMessage: (*checker).sendOther, receiveMessage: (*checker).receiveOther,
}

// statesBefore are events that say how the member stood before them.
var statesBefore = map[string]bool{
	receiveAppend: true, receiveAppended: true, receiveVote: true, receiveVoted: true, receiveMessage: true, replicate: true, changeConf: true,
}

var needsMessage = map[string]bool{
	sendAppend: true, receiveAppend: true, sendAppended: true, receiveAppended: true, sendVote: true, receiveVote: true,
	sendVoted: true, receiveVoted: true, sendMessage: true, receiveMessage: true,
}

// post notes a message of a member, in its own term and name.
func (c *checker) post(n *node, m Message, entries []entry) error {
	if m.From != n.id || m.Term != n.term {
		return breaks(ruleTerms, "%s in term %d says something as %s in term %d", n.id, n.term, m.From, m.Term)
	}
	c.sent[m] = entries
	return nil
}

// take finds a message that was sent to a member, and its entries. A later term is then
// to be entered before anything is made of it: handle, if it is not nil, waits for that.
func (c *checker) take(n *node, m Message, handle func(entries []entry) error) error {
	entries, sent := c.sent[m]
	if !sent || m.To != n.id {
		return breaks(ruleSent, "nobody sent %s %+v", n.id, m)
	}
	n.heard = max(n.heard, m.Term)
	n.waiting = nil
	switch {
	case m.Term < n.term:
		return nil
	case m.Term > n.term:
		n.waiting = func() error { return handle(entries) }
		return nil
	}
	return handle(entries)
}
