package history

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// The rows are written as callers would tell them: begin, end, what, answer.
func put(call, end int64, value string, version Version) Op {
	return Op{Kind: Put, Value: value, Version: version, Outcome: Done, Call: call, Return: end}
}

func get(call, end int64, value string, version Version) Op {
	return Op{Kind: Get, Value: value, Version: version, Outcome: Done, Call: call, Return: end}
}

func del(call, end int64, version Version) Op {
	return Op{Kind: Delete, Version: version, Outcome: Done, Call: call, Return: end}
}

func (o Op) when(c Condition, expect Version) Op {
	o.Condition, o.Expect = c, expect
	return o
}

func (o Op) answered(outcome Outcome) Op {
	o.Outcome, o.Version = outcome, 0
	return o
}

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		what string
		ops  []Op
		want string // in what is broken, "" if nothing is
	}{
		{"nothing", nil, ""},
		{"one after the other", []Op{put(1, 2, "a", 10), get(3, 4, "a", 10), del(5, 6, 11), get(7, 8, "", 0).answered(NotFound)}, ""},
		{"beside each other, either order", []Op{put(1, 9, "a", 11), put(1, 9, "b", 10), get(10, 11, "a", 11)}, ""},
		{"versions contradict time", []Op{put(1, 2, "a", 11), put(3, 4, "b", 10)}, "older than one that came before"},
		{"an acknowledged write is lost", []Op{put(1, 2, "a", 10), get(3, 4, "", 0).answered(NotFound)}, "not linearizable"},
		{"a stale read", []Op{put(1, 2, "a", 10), put(3, 4, "b", 11), get(5, 6, "a", 10)}, "older than one that came before"},
		{"two reads see a write come and go", []Op{put(1, 2, "a", 10), put(3, 20, "b", 11), get(5, 6, "b", 11), get(7, 8, "a", 10)}, "older than one that came before"},
		{"a value from nowhere", []Op{get(1, 2, "x", 3)}, "nobody wrote"},
		{"a value before its time", []Op{get(1, 2, "a", 10), put(3, 4, "a", 10)}, "before it was written"},
		{"a write was refused and is there", []Op{put(1, 2, "a", 0).answered(Refused), get(3, 4, "a", 10)}, "said not to"},
		{"a condition failed and the write is there", []Op{put(1, 2, "a", 0).when(IfVersion, 3).answered(Different), get(3, 4, "a", 10)}, "said not to"},
		{"a write ran twice", []Op{put(1, 2, "a", 10), get(3, 4, "a", 12)}, "happened twice"},
		{"an unknown write ran twice", []Op{put(1, 2, "a", 0).answered(Unknown), get(3, 4, "a", 10), get(5, 6, "a", 12)}, "happened twice"},
		{"two writes in one place", []Op{put(1, 2, "a", 10), put(1, 2, "b", 10)}, "one version"},

		{"an unknown write happens", []Op{put(1, 2, "a", 0).answered(Unknown), get(3, 4, "a", 10)}, ""},
		{"an unknown write happens late", []Op{put(1, 2, "a", 0).answered(Unknown), get(3, 4, "", 0).answered(NotFound), get(5, 6, "a", 10)}, ""},
		{"an unknown write never happens", []Op{put(1, 2, "a", 10), put(3, 4, "b", 0).answered(Unknown), get(5, 6, "a", 10)}, ""},
		{"an unknown write happens and goes", []Op{put(1, 2, "a", 0).answered(Unknown), get(3, 4, "a", 10), get(5, 6, "", 0).answered(NotFound)}, "not linearizable"},
		{"an unknown delete happens", []Op{put(1, 2, "a", 10), del(3, 4, 0).answered(Unknown), get(5, 6, "", 0).answered(NotFound)}, ""},
		{"an unknown delete explains only one absence", []Op{
			put(1, 2, "a", 10), del(3, 4, 0).answered(Unknown), get(5, 6, "", 0).answered(NotFound), put(7, 8, "b", 12), get(9, 10, "", 0).answered(NotFound),
		}, "not linearizable"},
		{"an unknown write that nobody read makes a condition fail", []Op{
			put(1, 2, "a", 10), put(3, 4, "b", 0).answered(Unknown), put(5, 6, "c", 0).when(IfVersion, 10).answered(Different),
		}, ""},

		{"compare and set", []Op{put(1, 2, "a", 10), put(3, 4, "b", 11).when(IfVersion, 10), get(5, 6, "b", 11)}, ""},
		{"two win one comparison", []Op{put(1, 2, "a", 10), put(3, 9, "b", 11).when(IfVersion, 10), put(3, 9, "c", 12).when(IfVersion, 10)}, "not linearizable"},
		{"two create one key", []Op{put(3, 9, "b", 11).when(IfAbsent, 0), put(3, 9, "c", 12).when(IfAbsent, 0)}, "not linearizable"},
		{"a comparison fails without a reason", []Op{put(1, 2, "a", 10), put(3, 4, "b", 0).when(IfVersion, 10).answered(Different)}, "not linearizable"},
		{"deleting nothing", []Op{del(1, 2, 0).answered(NotFound)}, ""},
		{"deleting what is said not to be there", []Op{put(1, 2, "a", 10), del(3, 4, 0).answered(NotFound)}, "not linearizable"},
	} {
		t.Run(c.what, func(t *testing.T) {
			v := Judge(c.ops, time.Minute)
			said := strings.Join(v.Broken, "\n")
			if v.Undecided || (c.want == "") != (said == "") || !strings.Contains(said, c.want) {
				t.Errorf("undecided %v, broken %q, want %q", v.Undecided, said, c.want)
			}
		})
	}
}

// TestManyUnknownWritesAreJudgedInTime: a key in a long partition has dozens of them.
func TestManyUnknownWritesAreJudgedInTime(t *testing.T) {
	var ops []Op
	var at int64
	version := Version(1)
	for i := range 60 {
		ops = append(ops, put(at+1, 0, fmt.Sprintf("lost-%d", i), 0).answered(Unknown))
		for n := range 10 {
			at += 4
			version++
			value := fmt.Sprintf("%d-%d", i, n)
			ops = append(ops, put(at, at+1, value, version), get(at+2, at+3, value, version))
		}
	}
	if v := Judge(ops, 20*time.Second); v.Undecided || len(v.Broken) > 0 {
		t.Errorf("undecided %v, broken %v", v.Undecided, v.Broken)
	}
	stale := append(ops, get(at+10, at+11, "", 0).answered(NotFound))
	if v := Judge(stale, 20*time.Second); len(v.Broken) == 0 {
		t.Errorf("a lost write is not found among many unknown ones (undecided %v)", v.Undecided)
	}
}
