// Package spec holds runs of the algorithm against the paper. Check reads traces, as
// package trace writes them, and judges each event against the rules of the paper, figure
// 2, §6 and §7. It was written from these, knows nothing of package raft, and keeps its
// own idea of every member: what an event says of a member must be what the rules make
// of it.
//
// A trace may lack members, as that of one running process does. What those say is then
// believed, as far as it contradicts nothing else: who has never started in the traces is
// a stranger, whose messages nobody saw sent.
//
// Where the core does what the published specification (see package trace) does not know,
// that one cannot follow a run, and Check can: joint changes that count when appended,
// acknowledgements of less than was received because the disk is behind, snapshots at
// any moment, and restarts, after which the commit index is not known any more.
package spec

import (
	"fmt"
	"io"

	"github.com/balsaraft/balsa/trace"
)

// Check reads traces of one cluster and returns how many events follow the rules. The
// error says which event does not, and which rule it breaks.
func Check(traces ...io.Reader) (events int, err error) {
	c := newChecker()
	all, err := open(traces)
	if err != nil {
		return 0, err
	}
	for {
		e, ok, err := all.next(c.expects)
		if err != nil || !ok {
			return events, err
		}
		if err := c.judge(e); err != nil {
			return events, fmt.Errorf("event %d, %s of %s in term %d: %w", events+1, e.Name, e.Node, e.State.Term, err)
		}
		events++
	}
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
	ruleCompleteness = "a leader has all that was committed in earlier terms (§5.4)"
	ruleLeader       = "only a leader appends, replicates and commits (§5.3)"
	ruleAppend       = "a leader sends what its log holds (§5.3)"
	ruleMatching     = "an entry is acknowledged where the logs match (§5.3)"
	ruleLogs         = "an entry of a term and index has one predecessor (§5.3)"
	ruleCommit       = "an entry of the leader's term is committed by a majority (§5.3, §5.4.2)"
	ruleSafety       = "a committed entry never changes (§5.4.3)"
	ruleDurable      = "term, vote and acknowledged entries outlive a restart (§5.1, figure 2)"
	ruleJoint        = "voters change through a joint configuration, one change at a time (§6)"
	ruleSnapshot     = "a snapshot holds what is committed, and nothing else (§7)"
)

// checker knows what the specification knows: every member, and all that was sent.
type checker struct {
	nodes     map[string]*node
	strangers map[string]bool           // who spoke without having started
	sent      map[trace.Message][]entry // with the entries of those that carry any
	leaders   map[uint64]string
	committed []settled
	before    map[place]uint64 // term of the entry before that place
}

// settled is a committed entry, and the earliest term in which it is known to have been.
type settled struct {
	entry
	by uint64
}

type place struct{ term, index uint64 }

func newChecker() *checker {
	return &checker{
		nodes: map[string]*node{}, strangers: map[string]bool{}, sent: map[trace.Message][]entry{},
		leaders: map[uint64]string{}, before: map[place]uint64{},
	}
}

// judge takes an event for what it says it is.
func (c *checker) judge(e trace.Event) error {
	n := c.nodes[e.Node]
	if e.Name == trace.InitState {
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
	if e.Name == trace.BecomeFollower {
		return nil // compared before what came of the message
	}
	return n.stands(e)
}

var handlers = map[string]func(*checker, *node, trace.Event) error{
	trace.BecomeCandidate: (*checker).timeout, trace.BecomeFollower: (*checker).follow, trace.BecomeLeader: (*checker).elect,
	trace.Commit: (*checker).commit, trace.Replicate: (*checker).replicate, trace.ChangeConf: (*checker).changeConf,
	trace.Ready:      func(*checker, *node, trace.Event) error { return nil },
	trace.SendAppend: (*checker).sendAppend, trace.ReceiveAppend: (*checker).receiveAppend,
	trace.SendAppended: (*checker).sendAppended, trace.ReceiveAppended: (*checker).receiveAppended,
	trace.SendVote: (*checker).sendVote, trace.ReceiveVote: (*checker).receiveVote,
	trace.SendVoted: (*checker).sendVoted, trace.ReceiveVoted: (*checker).receiveVoted,
	trace.SendMessage: (*checker).sendOther, trace.ReceiveMessage: (*checker).receiveOther,
	trace.ReceiveSnapshot: (*checker).receiveSnapshot,
}

// statesBefore are events that say how the member stood before them.
var statesBefore = map[string]bool{
	trace.ReceiveAppend: true, trace.ReceiveAppended: true, trace.ReceiveVote: true, trace.ReceiveVoted: true, trace.ReceiveMessage: true,
	trace.ReceiveSnapshot: true, trace.Replicate: true, trace.ChangeConf: true,
}

var needsMessage = map[string]bool{
	trace.SendAppend: true, trace.ReceiveAppend: true, trace.SendAppended: true, trace.ReceiveAppended: true,
	trace.SendVote: true, trace.ReceiveVote: true, trace.SendVoted: true, trace.ReceiveVoted: true,
	trace.SendMessage: true, trace.ReceiveMessage: true,
}

// post notes a message of a member, in its own term and name.
func (c *checker) post(n *node, m trace.Message, entries []entry) error {
	if m.From != n.id || m.Term != n.term {
		return breaks(ruleTerms, "%s in term %d says something as %s in term %d", n.id, n.term, m.From, m.Term)
	}
	c.sent[m] = entries
	return nil
}

// expects says whether an event may be judged now: what a member receives, somebody's
// trace may yet have to tell of as sent.
func (c *checker) expects(e trace.Event) bool {
	if e.Message == nil || !statesBefore[e.Name] {
		return true
	}
	_, sent := c.sent[*e.Message]
	return sent
}

// take finds a message that was sent to a member, and its entries. A later term is then
// to be entered before anything is made of it: handle, if it is not nil, waits for that.
func (c *checker) take(n *node, e trace.Event, handle func(entries []entry) error) error {
	m := *e.Message
	entries, sent := c.sent[m]
	if !sent && c.nodes[m.From] == nil {
		c.strangers[m.From] = true
	}
	if !sent && c.strangers[m.From] {
		var err error
		if entries, err = c.told(n, e); err != nil {
			return err
		}
		sent = true
	}
	if !sent || m.To != n.id {
		return breaks(ruleSent, "nobody sent %s %+v", n.id, m)
	}
	n.heard = max(n.heard, m.Term)
	return n.oncein(m.Term, func() error { return handle(entries) })
}
