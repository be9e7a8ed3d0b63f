package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/balsaraft/balsa/wire"
)

func quiet(int, int, int) {}

// small are clusters whose states can all be visited in a few seconds, each with another
// kind of trouble.
var small = []struct {
	trouble string
	bounds  bounds
	long    bool
}{
	{"elections alone", bounds{Members: 3, Terms: 2, Entries: 2}, false},
	{"pre-votes", bounds{Members: 3, Terms: 2, Entries: 2, PreVotes: true}, false},
	{"commands", bounds{Members: 3, Terms: 2, Entries: 3}, true},
	{"a crash", bounds{Members: 3, Terms: 2, Entries: 2, Crashes: 1}, false},
	{"slow disks", bounds{Members: 3, Terms: 2, Entries: 2, Unsaved: 1}, false},
	{"slow disks and a crash", bounds{Members: 3, Terms: 2, Entries: 2, Unsaved: 1, Crashes: 1}, true},
	{"a new connection", bounds{Members: 3, Terms: 2, Entries: 2, Reconnects: 1}, false},
	{"a handover", bounds{Members: 3, Terms: 2, Entries: 2, Transfers: 1}, false},
	{"a read", bounds{Members: 3, Terms: 2, Entries: 2, Reads: 1}, false},
	{"two members, two reigns, slow disks and a crash", bounds{Members: 2, Terms: 3, Entries: 3, Crashes: 1, Unsaved: 1}, true},
	{"one of two members goes", bounds{Members: 2, Terms: 2, Entries: 2, Removals: 1}, false},
}

func TestNoReachableStateBreaksAPromise(t *testing.T) {
	for _, c := range small {
		t.Run(c.trouble, func(t *testing.T) {
			if c.long && testing.Short() {
				t.Skip("a longer one")
			}
			t.Parallel()
			r := newExplorer(c.bounds).run(quiet)
			t.Log(r)
			if r.Err != nil || !r.Complete {
				t.Errorf("%v\n%s", r.Err, tellAll(r.Way))
			}
		})
	}
}

func tellAll(way []step) string {
	var b strings.Builder
	for k, s := range way {
		fmt.Fprintf(&b, "%4d  %s\n", k+1, s)
	}
	return b.String()
}

// What the judge cannot see, an exploration without a find would not have shown.
func TestMembersThatBreakRulesAreFound(t *testing.T) {
	crashed := bounds{Members: 3, Terms: 2, Entries: 2, Crashes: 1}
	for _, c := range []struct {
		sentence string
		flaw     flaw
		bounds   bounds
		says     string
	}{
		{"a vote is lost in a crash", flaw{disk: func(d disk) disk { d.hard.Vote = 0; return d }}, crashed, "both"},
		{"entries are lost in a crash", flaw{disk: func(d disk) disk { d.log = d.log[:1]; return d }}, crashed, "no quorum has it on disk"},
		{"every vote is granted", flaw{wire: func(m wire.Message) wire.Message {
			m.Reject = m.Reject && m.Kind != wire.VoteReply
			return m
		}}, bounds{Members: 3, Terms: 2, Entries: 2}, "both"},
		{"more is acknowledged than is held", flaw{wire: func(m wire.Message) wire.Message {
			if m.Kind == wire.AppendReply && m.Session > 0 {
				m.Reject, m.Index = false, 2
			}
			return m
		}}, bounds{Members: 3, Terms: 2, Entries: 2, Unsaved: 1}, "no quorum of"},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			e := newExplorer(c.bounds)
			e.flaw = c.flaw
			r := e.run(quiet)
			if r.Err == nil || !strings.Contains(r.Err.Error(), c.says) {
				t.Fatalf("found %v, want something about %q; %s", r.Err, c.says, r)
			}
			if len(r.Way) == 0 {
				t.Error("nothing says how it came about")
			}
		})
	}
}

// Every field that is treated by its name must have been seen, or the name is wrong and
// the exploration takes what it stood for at its face.
func TestTheInspectorKnowsTheFieldsItNames(t *testing.T) {
	e := newExplorer(bounds{Members: 3, Terms: 2, Entries: 2, Unsaved: 1, States: 2000})
	e.run(quiet)
	for _, names := range []map[string]bool{leftOut, sequences, sessionFields, unordered} {
		for name := range names {
			if !e.inspector.known[name] {
				t.Errorf("%s was not met", name)
			}
		}
	}
}

// Who is who does not matter: with and without that, the same states are found.
func TestMembersAreAlike(t *testing.T) {
	b := bounds{Members: 3, Terms: 2, Entries: 2}
	alike, apart := newExplorer(b), newExplorer(b)
	apart.namings = apart.namings[:1]
	found := map[uint64]bool{}
	apart.met = func(s *state) { found[alike.digest(apart.translate(alike, s))] = true }
	r := apart.run(quiet)
	q := alike.run(quiet)
	if r.Err != nil || q.Err != nil {
		t.Fatal(r.Err, q.Err)
	}
	if len(found) != q.States {
		t.Errorf("%d states are %d when who is who does not matter, but the exploration finds %d", r.States, len(found), q.States)
	}
}

// What is left out of the exploration is left out without loss: whatever states the
// members can be in together are found in spite of it.
func TestShortcutsLoseNothing(t *testing.T) {
	for _, b := range []bounds{
		{Members: 2, Terms: 2, Entries: 3},
		{Members: 2, Terms: 2, Entries: 2, Crashes: 1},
		{Members: 2, Terms: 2, Entries: 2, PreVotes: true},
	} {
		short, plain := newExplorer(b), newExplorer(b)
		plain.plain = true
		plain.namings = plain.namings[:1]
		together := map[uint64]bool{}
		short.met = func(s *state) { together[short.digest(withoutMail(s))] = true }
		if r := short.run(quiet); r.Err != nil {
			t.Fatal(r.Err)
		}
		lost := 0
		plain.met = func(s *state) {
			if !together[short.digest(withoutMail(plain.translate(short, s)))] {
				lost++
			}
		}
		r := plain.run(quiet)
		if r.Err != nil || lost > 0 {
			t.Errorf("%s: %d of %d states are lost: %v", b, lost, r.States, r.Err)
		}
		t.Logf("%s: %d states in the plain way, %d with shortcuts", b, r.States, len(short.ways))
	}
}

// withoutMail is the state as far as members and the judge's memory go.
func withoutMail(s *state) *state {
	c := *s
	c.mail = nil
	return &c
}

// translate says the same state in another explorer's numbers.
func (e *explorer) translate(to *explorer, s *state) *state {
	c := *s
	c.mail = nil
	for k := range e.bounds.Members {
		c.members[k] = to.numberMember(e.members.things[s.members[k]])
	}
	for _, n := range s.mail {
		c.mail = append(c.mail, to.numberMessage(e.messages.things[n]))
	}
	return &c
}
