package session

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// pair is a table and the map that forgets nothing, told the same. What has begun may
// be finished in any order, as commands are that are applied together.
type pair struct {
	table *Table[string]
	want  model
	begun map[Envelope]string
	now   int64
}

// TestATableIsAMapThatForgetsNothing is the promise of TestTheTableAnswersAsAMapThatForgetsNothing
// for what that one leaves out: commands that end in another order than they began. A
// failure is brought down to the fewest steps that show it.
func TestATableIsAMapThatForgetsNothing(t *testing.T) {
	if err := flag.Set("rapid.nofailfile", "true"); err != nil { // the seed that is printed repeats a failure, too
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		p := pair{&Table[string]{}, model{}, map[Envelope]string{}, 0}
		t.Repeat(map[string]func(*rapid.T){
			"open":    p.open,
			"begin":   p.begin,
			"finish":  p.finish,
			"persist": p.persist,
			"wait": func(t *rapid.T) {
				p.now += rapid.Int64Range(0, int64(2*time.Hour)).Draw(t, "time")
			},
			"": p.check,
		})
	})
}

var someSession = rapid.Custom(func(t *rapid.T) ID { return ID(rapid.Uint64Range(1, 3).Draw(t, "session")) << 60 })

func (p *pair) open(t *rapid.T) {
	o := Opening{someSession.Draw(t, "opened"), time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "ttl")), 0}
	p.table.OpenRelayed(o, p.now)
	p.want.open(o, p.now)
}

// begin lets a command stand in the log: a new one, or one that comes again. The same
// one does not begin twice before it has finished.
func (p *pair) begin(t *rapid.T) {
	seq := rapid.OneOf(rapid.Uint64Range(1, 20), rapid.Uint64Range(1, 2*MaxWindow)).Draw(t, "number")
	e := Envelope{someSession.Draw(t, "of"), seq, seq - min(seq-1, rapid.Uint64Range(0, MaxWindow+1).Draw(t, "behind"))}
	for begun := range p.begun {
		if begun.Session == e.Session && begun.Seq == e.Seq {
			return
		}
	}
	v, got := p.table.Begin(e, p.now)
	wantV, want := p.want.run(e, p.now)
	switch {
	case v != wantV, v == Repeated && got != want:
		t.Fatalf("at %d, %+v is %d %q, want %d %q", p.now, e, v, got, wantV, want)
	case v == Fresh:
		delete(p.want[e.Session].results, e.Seq)
		p.begun[e] = want
	}
}

func (p *pair) finish(t *rapid.T) {
	if len(p.begun) == 0 {
		return
	}
	e := rapid.SampledFrom(p.inOrder()).Draw(t, "finished")
	result := p.begun[e]
	delete(p.begun, e)
	p.table.Finish(e, result)
	if s := p.want[e.Session]; s != nil && e.Seq >= s.low && e.Seq-s.low < MaxWindow {
		s.results[e.Seq] = result
	}
}

func (p *pair) inOrder() []Envelope {
	return slices.SortedFunc(maps.Keys(p.begun), func(a, b Envelope) int {
		return slices.Compare([]uint64{uint64(a.Session), a.Seq}, []uint64{uint64(b.Session), b.Seq})
	})
}

// persist puts the table in a snapshot's place. Nothing is half done then.
func (p *pair) persist(t *rapid.T) {
	for len(p.begun) > 0 {
		p.finish(t)
	}
	b, err := p.table.Append(nil, encodeResult)
	if err != nil {
		t.Fatal(err)
	}
	restored := &Table[string]{}
	if err := restored.Decode(b, decodeResult); err != nil {
		t.Fatal(err)
	}
	again, err := restored.Append(nil, encodeResult)
	if err != nil || string(again) != string(b) {
		t.Fatalf("a table that was restored has other bytes than the one it comes from: %v", err)
	}
	p.table = restored
}

// check looks at every answer that either side knows.
func (p *pair) check(t *rapid.T) {
	if p.table.Len() != len(p.want) {
		t.Fatalf("%d sessions, want %d", p.table.Len(), len(p.want))
	}
	for id, s := range p.want {
		if err := p.sameAnswers(id, s); err != nil {
			t.Fatal(err)
		}
	}
}

func (p *pair) sameAnswers(id ID, s *modelSession) error {
	for seq := s.low; seq < s.low+30; seq++ {
		got, v, open := p.table.Result(id, seq)
		want, ran := s.results[seq]
		if !open || ran != (v == Repeated) || got != want {
			return fmt.Errorf("command %d of session %s came to %d %q, want %q", seq, id, v, got, want)
		}
	}
	if _, v, _ := p.table.Result(id, s.low-1); v != Answered {
		return fmt.Errorf("command %d of session %s, whose caller has the answer, is %d", s.low-1, id, v)
	}
	return nil
}
