package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/balsaraft/balsa/sim/spec"
	"github.com/balsaraft/balsa/sim/world"
	"github.com/balsaraft/balsa/trace"
)

// withoutRollback: what a disk forgets that goes back is outside of what the paper bears.
var withoutRollback = []string{"rolled-back"}

// Whole hosts, with all other troubles that there are, do what the paper allows.
func TestWorldsFollowTheSpecification(t *testing.T) {
	seeds := uint64(40)
	if testing.Short() {
		seeds = 10
	}
	for _, mode := range []world.Mode{world.Safety, world.Swarm} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			all := 0
			for seed := range seeds {
				var out bytes.Buffer
				r := world.Run(seed+1, world.Options{Mode: mode, Without: withoutRollback, Witness: newTracing(&out)})
				if r.Err != nil {
					t.Errorf("seed %d: %v", seed+1, r.Err)
				}
				n, err := spec.Check(&out)
				if all += n; err != nil {
					t.Errorf("seed %d: %v", seed+1, err)
				}
			}
			t.Logf("%d events", all)
		})
	}
}

func hasEntries(e trace.Event) bool { return len(e.Prop.Entries) > 1 }

func hasOwnVote(e trace.Event) bool { return e.State.Vote == e.Node }

// eventful are the events of a world in which members get snapshots, and restart with
// entries and with votes for themselves.
func eventful(t *testing.T) []trace.Line {
	t.Helper()
	for seed := range uint64(100) {
		lines := linesOf(t, seed+1)
		happened := func(name string, fits func(trace.Event) bool) bool {
			return slices.ContainsFunc(lines, func(l trace.Line) bool { return l.Event.Name == name && fits(l.Event) })
		}
		snapshot := happened(trace.ReceiveSnapshot, func(trace.Event) bool { return true })
		if snapshot && happened(trace.InitState, hasEntries) && happened(trace.InitState, hasOwnVote) {
			return lines
		}
	}
	t.Fatal("no world is eventful enough")
	return nil
}

func linesOf(t *testing.T, seed uint64) (lines []trace.Line) {
	t.Helper()
	var out bytes.Buffer
	if r := world.Run(seed, world.Options{Mode: world.Safety, Without: withoutRollback, Witness: newTracing(&out)}); r.Err != nil {
		t.Fatal(r.Err)
	}
	for d := json.NewDecoder(&out); d.More(); {
		var l trace.Line
		if err := d.Decode(&l); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
	return lines
}

// One altered line in a trace of thousands is found.
func TestAnAlteredTraceIsRefused(t *testing.T) {
	whole := eventful(t)
	last := func(name string, fits func(trace.Event) bool) int {
		for k := len(whole) - 1; k >= 0; k-- {
			if e := whole[k].Event; e.Name == name && fits(e) {
				return k
			}
		}
		t.Fatalf("no such %s happened", name)
		return 0
	}
	any := func(trace.Event) bool { return true }
	for _, c := range []struct {
		sentence string
		line     int
		alter    func(*trace.Event)
	}{
		{"a snapshot is of another term", last(trace.ReceiveSnapshot, any), func(e *trace.Event) { e.Prop.Start.Term += 7 }},
		{"a snapshot has another voter", last(trace.ReceiveSnapshot, any), func(e *trace.Event) { e.Prop.Start.Conf[0][0] = "1" }},
		{"a restart comes back without its newest entries", last(trace.InitState, hasEntries), func(e *trace.Event) {
			e.Prop.Entries = e.Prop.Entries[:1]
			e.Log = e.Prop.Entries[0].Last
		}},
		{"a restart forgets a vote", last(trace.InitState, hasOwnVote), func(e *trace.Event) { e.State.Vote = trace.Nobody }},
		{"a leader sends an entry of another term", last(trace.SendAppend, func(e trace.Event) bool { return e.Prop != nil }), func(e *trace.Event) { e.Prop.Entries[0].Term++ }},
		{"an acknowledgement says more", last(trace.SendAppended, func(e trace.Event) bool { return !e.Message.Reject && e.Message.To != e.Node }), func(e *trace.Event) { e.Message.Index++ }},
		{"a leader commits more", last(trace.Commit, any), func(e *trace.Event) { e.State.Commit++ }},
		{"a vote is for another", last(trace.SendVoted, func(e trace.Event) bool { return !e.Message.Reject && e.Message.To != e.Node }), func(e *trace.Event) { e.Message.To = e.Node }},
		{"a term goes back", last(trace.BecomeFollower, any), func(e *trace.Event) { e.State.Term-- }},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			var out bytes.Buffer
			write := json.NewEncoder(&out)
			for k, l := range whole {
				if k == c.line {
					l = copied(t, l)
					c.alter(&l.Event)
				}
				if err := write.Encode(l); err != nil {
					t.Fatal(err)
				}
			}
			n, err := spec.Check(&out)
			var broken *spec.RuleError
			if !errors.As(err, &broken) {
				t.Errorf("all %d events pass, and the %d. was altered: %v", n, c.line, err)
			}
		})
	}
}

func copied(t *testing.T, l trace.Line) (c trace.Line) {
	t.Helper()
	text, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// A world's trace may be cut into one for each member, and each is judged as far as one
// member's view goes.
func TestTracesInFilesAreJudged(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "all")
	if code := playOne(11, world.Options{Mode: world.Safety}, look{trace: name}); code != 0 {
		t.Fatalf("the world ends with %d", code)
	}
	if code := checkFiles([]string{name}); code != 0 {
		t.Errorf("its trace is judged with %d", code)
	}
	files := map[string]*bytes.Buffer{}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var l trace.Line
		if err := json.Unmarshal(line, &l); err != nil {
			t.Fatal(err)
		}
		if files[l.Event.Node] == nil {
			files[l.Event.Node] = &bytes.Buffer{}
		}
		files[l.Event.Node].Write(line)
	}
	var names []string
	for node, content := range files {
		one := filepath.Join(dir, node)
		if err := os.WriteFile(one, content.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		if code := checkFiles([]string{one}); code != 0 {
			t.Errorf("the trace of %s alone is judged with %d", node, code)
		}
		names = append(names, one)
	}
	slices.Sort(names)
	if code := checkFiles(names); code != 0 {
		t.Errorf("the traces of all members are judged with %d", code)
	}
	if code := checkFiles(names[:len(names)-1]); code != 0 {
		t.Errorf("the traces of all members but one are judged with %d", code)
	}
	if code := checkFiles([]string{filepath.Join(dir, "none")}); code != 2 {
		t.Errorf("a file that is not there ends with %d, want 2", code)
	}
}
