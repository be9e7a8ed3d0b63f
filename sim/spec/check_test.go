package spec

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"testing"
)

// good is a short run of three members: 1 is elected in term 2, replicates one entry to
// 2, and commits it.
func good() []Event {
	var all []Event
	add := func(name, node, role string, term uint64, vote string, commit, log uint64, m *Message, p *Prop) {
		all = append(all, Event{
			Name: name, Node: node, Role: role, State: State{term, vote, commit}, Log: log,
			Conf: [2][]string{{"1", "2", "3"}, {}}, Message: m, Prop: p,
		})
	}
	for _, id := range []string{"1", "2", "3"} {
		add(initState, id, follower, 1, "0", 0, 1, nil, &Prop{Terms: []uint64{1}})
	}
	ask := &Message{Type: "MsgVote", Term: 2, From: "1", To: "2", LogTerm: 1, Index: 1}
	own := &Message{Type: "MsgVoteResp", Term: 2, From: "1", To: "1"}
	yes := &Message{Type: "MsgVoteResp", Term: 2, From: "2", To: "1"}
	more := &Message{Type: "MsgApp", Term: 2, From: "1", To: "2", LogTerm: 1, Index: 1, Entries: 1}
	has := &Message{Type: "MsgAppResp", Term: 2, From: "2", To: "1", Index: 2}
	self := &Message{Type: "MsgAppResp", Term: 2, From: "1", To: "1", Index: 2}
	add(becomeCandidate, "1", candidate, 2, "1", 0, 1, nil, nil)
	add(sendVote, "1", candidate, 2, "1", 0, 1, ask, nil)
	add(sendVoted, "1", candidate, 2, "1", 0, 1, own, nil)
	add(receiveVoted, "1", candidate, 2, "1", 0, 1, own, nil)
	add(receiveVote, "2", follower, 1, "0", 0, 1, ask, nil)
	add(becomeFollower, "2", follower, 2, "0", 0, 1, nil, nil)
	add(sendVoted, "2", follower, 2, "1", 0, 1, yes, nil)
	add(receiveVoted, "1", candidate, 2, "1", 0, 1, yes, nil)
	add(becomeLeader, "1", leader, 2, "1", 0, 1, nil, nil)
	add(replicate, "1", leader, 2, "1", 0, 1, nil, nil)
	add(sendAppend, "1", leader, 2, "1", 0, 2, more, nil)
	add(sendAppended, "1", leader, 2, "1", 0, 2, self, nil)
	add(receiveAppended, "1", leader, 2, "1", 0, 2, self, nil)
	add(receiveAppend, "2", follower, 2, "1", 0, 1, more, nil)
	add(sendAppended, "2", follower, 2, "1", 0, 2, has, nil)
	add(receiveAppended, "1", leader, 2, "1", 0, 2, has, nil)
	add(commit, "1", leader, 2, "1", 2, 2, nil, nil)
	return all
}

func traceOf(t *testing.T, events []Event) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	for _, e := range events {
		if err := out.Encode(Line{"trace", e}); err != nil {
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
func at(events []Event, name, node string) int {
	return slices.IndexFunc(events, func(e Event) bool { return e.Name == name && e.Node == node })
}

// without leaves an event out.
func without(events []Event, name, node string) []Event {
	k := at(events, name, node)
	return slices.Delete(events, k, k+1)
}

// then adds an event of a member that stands as it did in its last, but for what change says.
func then(events []Event, node string, change func(*Event)) []Event {
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
		bad      func([]Event) []Event
	}{
		{"a member does what nobody knows", ruleKnown, func(e []Event) []Event {
			return then(e, "1", func(x *Event) { x.Name = "Abdicate" })
		}},
		{"a term rises by itself", ruleTerms, func(e []Event) []Event {
			return then(e, "3", func(x *Event) { x.Name, x.State.Term = becomeFollower, 5 })
		}},
		{"a message comes from nowhere", ruleSent, func(e []Event) []Event { return without(e, sendVote, "1") }},
		{"a candidate skips a term", ruleCandidacy, func(e []Event) []Event {
			e[at(e, becomeCandidate, "1")].State.Term = 3
			return e
		}},
		{"a stranger campaigns", ruleVoter, func(e []Event) []Event {
			e = append(e[:0:0], Event{Name: initState, Node: "4", Role: follower, State: State{1, "0", 0}, Log: 1, Conf: [2][]string{{"1", "2", "3"}, {}}, Prop: &Prop{Terms: []uint64{1}}})
			return then(e, "4", func(x *Event) { x.Name, x.Role, x.State = becomeCandidate, candidate, State{2, "4", 0} })
		}},
		{"a vote is given unasked", ruleVoteOnce, func(e []Event) []Event {
			return then(e, "3", func(x *Event) { x.Name, x.State.Vote = ready, "2" })
		}},
		{"a vote is given twice", ruleVoteOnce, func(e []Event) []Event {
			return then(e, "2", func(x *Event) {
				x.Name, x.State.Vote = sendVoted, "3"
				x.Message = &Message{Type: "MsgVoteResp", Term: 2, From: "2", To: "3"}
			})
		}},
		{"a leader was not elected", ruleMajority, func(e []Event) []Event {
			k := at(e, becomeLeader, "1")
			return slices.Delete(e, k-1, k) // the vote that made it one does not arrive
		}},
		{"a follower appends", ruleLeader, func(e []Event) []Event {
			return then(e, "2", func(x *Event) { x.Name = replicate })
		}},
		{"a leader sends what it does not have", ruleAppend, func(e []Event) []Event {
			e[at(e, sendAppend, "1")].Message.Entries = 2
			return e
		}},
		{"what did not arrive is acknowledged", ruleMatching, func(e []Event) []Event {
			return without(e, receiveAppend, "2")
		}},
		{"a minority commits", ruleCommit, func(e []Event) []Event {
			k := at(e, commit, "1")
			return slices.Delete(e, k-1, k)
		}},
		{"an entry of an earlier term is committed by counting", ruleCommit, func(e []Event) []Event {
			e[at(e, commit, "1")].State.Commit = 1
			return e
		}},
		{"a vote is lost in a restart", ruleDurable, func(e []Event) []Event {
			return then(e, "2", func(x *Event) {
				x.Name, x.State, x.Prop = initState, State{2, "0", 0}, &Prop{Terms: []uint64{1, 2}}
			})
		}},
		{"an acknowledged entry is lost in a restart", ruleDurable, func(e []Event) []Event {
			return then(e, "2", func(x *Event) {
				x.Name, x.State, x.Log, x.Prop = initState, State{2, "1", 0}, 1, &Prop{Terms: []uint64{1}}
			})
		}},
		{"voters change at one blow", ruleJoint, func(e []Event) []Event {
			return then(e, "1", func(x *Event) {
				x.Name, x.Prop = changeConf, &Prop{Change: &Change{NewConf: []string{"1", "4"}}}
			})
		}},
		{"voters change before the last change is committed", ruleJoint, func(e []Event) []Event {
			change := func(x *Event) {
				x.Name, x.Prop = changeConf, &Prop{Change: &Change{NewConf: []string{"1", "2"}}, Outgoing: []string{"1", "2", "3"}}
			}
			e = then(e, "1", change)
			return then(e, "1", func(x *Event) {
				change(x)
				x.Log, x.Conf = 3, [2][]string{{"1", "2"}, {"1", "2", "3"}}
			})
		}},
		{"a log is longer than its events made it", ruleState, func(e []Event) []Event {
			return then(e, "2", func(x *Event) { x.Name, x.Log = ready, 7 })
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
