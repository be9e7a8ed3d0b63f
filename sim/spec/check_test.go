package spec

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/balsaraft/balsa/trace"
)

// good is a short run of three members: 1 is elected in term 2, replicates one entry to
// 2, and commits it.
func good() []trace.Event {
	var all []trace.Event
	add := func(name, node, role string, term uint64, vote string, commit, log uint64, m *trace.Message, p *trace.Prop) {
		all = append(all, trace.Event{
			Name: name, Node: node, Role: role, State: trace.State{Term: term, Vote: vote, Commit: commit}, Log: log,
			Conf: trace.Conf{{"1", "2", "3"}, {}}, Message: m, Prop: p,
		})
	}
	for _, id := range []string{"1", "2", "3"} {
		add(trace.InitState, id, trace.Follower, 1, "0", 0, 1, nil, founded())
	}
	ask := &trace.Message{Type: "MsgVote", Term: 2, From: "1", To: "2", LogTerm: 1, Index: 1}
	own := &trace.Message{Type: "MsgVoteResp", Term: 2, From: "1", To: "1"}
	yes := &trace.Message{Type: "MsgVoteResp", Term: 2, From: "2", To: "1"}
	more := &trace.Message{Type: "MsgApp", Term: 2, From: "1", To: "2", LogTerm: 1, Index: 1, Entries: 1}
	has := &trace.Message{Type: "MsgAppResp", Term: 2, From: "2", To: "1", Index: 2}
	self := &trace.Message{Type: "MsgAppResp", Term: 2, From: "1", To: "1", Index: 2}
	add(trace.BecomeCandidate, "1", trace.Candidate, 2, "1", 0, 1, nil, nil)
	add(trace.SendVote, "1", trace.Candidate, 2, "1", 0, 1, ask, nil)
	add(trace.SendVoted, "1", trace.Candidate, 2, "1", 0, 1, own, nil)
	add(trace.ReceiveVoted, "1", trace.Candidate, 2, "1", 0, 1, own, nil)
	add(trace.ReceiveVote, "2", trace.Follower, 1, "0", 0, 1, ask, nil)
	add(trace.BecomeFollower, "2", trace.Follower, 2, "0", 0, 1, nil, nil)
	add(trace.SendVoted, "2", trace.Follower, 2, "1", 0, 1, yes, nil)
	add(trace.ReceiveVoted, "1", trace.Candidate, 2, "1", 0, 1, yes, nil)
	add(trace.BecomeLeader, "1", trace.Leader, 2, "1", 0, 1, nil, nil)
	add(trace.Replicate, "1", trace.Leader, 2, "1", 0, 1, nil, nil)
	add(trace.SendAppend, "1", trace.Leader, 2, "1", 0, 2, more, nil)
	add(trace.SendAppended, "1", trace.Leader, 2, "1", 0, 2, self, nil)
	add(trace.ReceiveAppended, "1", trace.Leader, 2, "1", 0, 2, self, nil)
	add(trace.ReceiveAppend, "2", trace.Follower, 2, "1", 0, 1, more, nil)
	add(trace.SendAppended, "2", trace.Follower, 2, "1", 0, 2, has, nil)
	add(trace.ReceiveAppended, "1", trace.Leader, 2, "1", 0, 2, has, nil)
	add(trace.Commit, "1", trace.Leader, 2, "1", 2, 2, nil, nil)
	return all
}

// founded is the log of a founder.
func founded() *trace.Prop {
	return &trace.Prop{Entries: []trace.Run{{Term: 1, Last: 1, Conf: &trace.Conf{{"1", "2", "3"}, {}}}}}
}

func traceOf(t *testing.T, events []trace.Event) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	for _, e := range events {
		if err := out.Encode(trace.Line{Tag: trace.Tag, Event: e}); err != nil {
			t.Fatal(err)
		}
	}
	return &b
}

func TestAGoodRunFollowsTheRules(t *testing.T) {
	events := good()
	if n, err := Check(traceOf(t, events)); err != nil || n != len(events) {
		t.Errorf("%d of %d events pass: %v", n, len(events), err)
	}
}

// at finds the first event of that name and member.
func at(events []trace.Event, name, node string) int {
	return slices.IndexFunc(events, func(e trace.Event) bool { return e.Name == name && e.Node == node })
}

// without leaves an event out.
func without(events []trace.Event, name, node string) []trace.Event {
	k := at(events, name, node)
	return slices.Delete(events, k, k+1)
}

// then adds an event of a member that stands as it did in its last, but for what change says.
func then(events []trace.Event, node string, change func(*trace.Event)) []trace.Event {
	for _, last := range slices.Backward(events) {
		if last.Node == node {
			last.Message, last.Prop = nil, nil
			change(&last)
			return append(events, last)
		}
	}
	return nil
}

func TestEveryBrokenRuleIsNamed(t *testing.T) {
	for _, c := range []struct {
		sentence string
		rule     string
		bad      func([]trace.Event) []trace.Event
	}{
		{"a member does what nobody knows", ruleKnown, func(e []trace.Event) []trace.Event {
			return then(e, "1", func(x *trace.Event) { x.Name = "Abdicate" })
		}},
		{"a term rises by itself", ruleTerms, func(e []trace.Event) []trace.Event {
			return then(e, "3", func(x *trace.Event) { x.Name, x.State.Term = trace.BecomeFollower, 5 })
		}},
		{"a message comes from nowhere", ruleSent, func(e []trace.Event) []trace.Event { return without(e, trace.SendVote, "1") }},
		{"a candidate skips a term", ruleCandidacy, func(e []trace.Event) []trace.Event {
			e[at(e, trace.BecomeCandidate, "1")].State.Term = 3
			return e
		}},
		{"a stranger campaigns", ruleVoter, func(e []trace.Event) []trace.Event {
			e = append(e[:0:0], trace.Event{Name: trace.InitState, Node: "4", Role: trace.Follower, State: trace.State{Term: 1, Vote: "0", Commit: 0}, Log: 1, Conf: trace.Conf{{"1", "2", "3"}, {}}, Prop: founded()})
			return then(e, "4", func(x *trace.Event) {
				x.Name, x.Role, x.State = trace.BecomeCandidate, trace.Candidate, trace.State{Term: 2, Vote: "4", Commit: 0}
			})
		}},
		{"a vote is given unasked", ruleVoteOnce, func(e []trace.Event) []trace.Event {
			return then(e, "3", func(x *trace.Event) { x.Name, x.State.Vote = trace.Ready, "2" })
		}},
		{"a vote is given twice", ruleVoteOnce, func(e []trace.Event) []trace.Event {
			return then(e, "2", func(x *trace.Event) {
				x.Name, x.State.Vote = trace.SendVoted, "3"
				x.Message = &trace.Message{Type: "MsgVoteResp", Term: 2, From: "2", To: "3"}
			})
		}},
		{"a leader was not elected", ruleMajority, func(e []trace.Event) []trace.Event {
			k := at(e, trace.BecomeLeader, "1")
			return slices.Delete(e, k-1, k) // the vote that made it one does not arrive
		}},
		{"a follower appends", ruleLeader, func(e []trace.Event) []trace.Event {
			return then(e, "2", func(x *trace.Event) { x.Name = trace.Replicate })
		}},
		{"a leader sends what it does not have", ruleAppend, func(e []trace.Event) []trace.Event {
			e[at(e, trace.SendAppend, "1")].Message.Entries = 2
			return e
		}},
		{"what did not arrive is acknowledged", ruleMatching, func(e []trace.Event) []trace.Event {
			return without(e, trace.ReceiveAppend, "2")
		}},
		{"a minority commits", ruleCommit, func(e []trace.Event) []trace.Event {
			k := at(e, trace.Commit, "1")
			return slices.Delete(e, k-1, k)
		}},
		{"an entry of an earlier term is committed by counting", ruleCommit, func(e []trace.Event) []trace.Event {
			e[at(e, trace.Commit, "1")].State.Commit = 1
			return e
		}},
		{"a vote is lost in a restart", ruleDurable, func(e []trace.Event) []trace.Event {
			return then(e, "2", func(x *trace.Event) {
				x.Name, x.State, x.Prop = trace.InitState, trace.State{Term: 2, Vote: "0", Commit: 0}, &trace.Prop{Entries: append(founded().Entries, trace.Run{Term: 2, Last: 2})}
			})
		}},
		{"an acknowledged entry is lost in a restart", ruleDurable, func(e []trace.Event) []trace.Event {
			return then(e, "2", func(x *trace.Event) {
				x.Name, x.State, x.Log, x.Prop = trace.InitState, trace.State{Term: 2, Vote: "1", Commit: 0}, 1, founded()
			})
		}},
		{"voters change at one blow", ruleJoint, func(e []trace.Event) []trace.Event {
			return then(e, "1", func(x *trace.Event) {
				x.Name, x.Prop = trace.ChangeConf, &trace.Prop{Change: &trace.Change{NewConf: []string{"1", "4"}}}
			})
		}},
		{"voters change before the last change is committed", ruleJoint, func(e []trace.Event) []trace.Event {
			change := func(x *trace.Event) {
				x.Name, x.Prop = trace.ChangeConf, &trace.Prop{Change: &trace.Change{NewConf: []string{"1", "2"}}, Outgoing: []string{"1", "2", "3"}}
			}
			e = then(e, "1", change)
			return then(e, "1", func(x *trace.Event) {
				change(x)
				x.Log, x.Conf = 3, trace.Conf{{"1", "2"}, {"1", "2", "3"}}
			})
		}},
		{"a log is longer than its events made it", ruleState, func(e []trace.Event) []trace.Event {
			return then(e, "2", func(x *trace.Event) { x.Name, x.Log = trace.Ready, 7 })
		}},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			_, err := Check(traceOf(t, c.bad(good())))
			var broken *RuleError
			if !errors.As(err, &broken) || broken.Rule != c.rule {
				t.Errorf("found %v, want: %s", err, c.rule)
			}
		})
	}
}

func TestWhatIsNoTraceIsAnError(t *testing.T) {
	if _, err := Check(bytes.NewBufferString("{\"tag\":\"trace\",\n")); err == nil {
		t.Error("half a line passes")
	}
	if n, err := Check(bytes.NewBufferString("{\"tag\":\"other\"}\n")); err != nil || n != 0 {
		t.Errorf("a line of somebody else is judged: %d, %v", n, err)
	}
}
