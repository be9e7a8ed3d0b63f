package kv

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/balsaraft/balsa"
)

var _ balsa.Querier = (*Machine)(nil)

func question(t *testing.T, c Command) []byte {
	t.Helper()
	b, err := c.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A question is answered as the same command would be, and leaves no trace.
func TestAQuestionIsAnsweredAsACommandWouldBe(t *testing.T) {
	m := inMemory(t)
	s := Alone(m)
	for _, key := range []string{"a", "b/1", "b/2", "b/3"} {
		if _, err := s.Put(t.Context(), key, []byte(strings.Repeat(key, 3))); err != nil {
			t.Fatal(err)
		}
	}
	keysOnly := Get("a")
	keysOnly.KeysOnly = true
	c := Do(Get("a"), Get("none"), keysOnly, Scan(Prefix("b/"), 2), Scan(Prefix("b/"), 0), Scan(Range{From: "z"}, 5))
	before := m.Applied()
	b, err := m.Query(question(t, c))
	if err != nil {
		t.Fatal(err)
	}
	if m.Applied() != before {
		t.Errorf("it has applied something")
	}
	var answer Result
	if err := answer.UnmarshalBinary(b); err != nil {
		t.Fatal(err)
	}
	if answer.Index != before {
		t.Errorf("it sees up to %d, want %d", answer.Index, before)
	}
	want, err := s.Do(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(answer.Replies) != fmt.Sprint(want.Replies) {
		t.Errorf("%+v\nas a command\n%+v", answer.Replies, want.Replies)
	}
}

func TestAQuestionBringsBackNoMoreThanACommand(t *testing.T) {
	m := inMemory(t)
	s := Alone(m)
	for _, key := range []string{"1", "2", "3", "4", "5"} {
		if _, err := s.Put(t.Context(), key, make([]byte, MaxValue)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []Command{Do(Scan(Range{}, 0)), Do(Get("1"), Get("2"), Get("3"), Get("4"), Get("5"))} {
		b, err := m.Query(question(t, c))
		if err != nil {
			t.Fatal(err)
		}
		var r Result
		if err := r.UnmarshalBinary(b); err != nil {
			t.Fatal(err)
		}
		last := r.Replies[len(r.Replies)-1]
		if len(b) > MaxReply+1000 || !last.Cut && !last.More {
			t.Errorf("%d bytes, cut: %v, more: %v", len(b), last.Cut, last.More)
		}
	}
}

func TestAQuestionThatChangesSomethingIsRefused(t *testing.T) {
	m := inMemory(t)
	for _, c := range []Command{Do(Set("k", nil)), Do(Get("k"), Delete("k")), {If: []Condition{IfAbsent().On("k")}}, {Else: []Op{Get("k")}}} {
		if _, err := m.Query(question(t, c)); !errors.Is(err, ErrNotReading) || !errors.Is(err, balsa.ErrConfig) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if _, err := m.Query([]byte("nonsense")); !errors.Is(err, ErrMalformed) || !errors.Is(err, balsa.ErrConfig) {
		t.Errorf("%v", err)
	}
}
