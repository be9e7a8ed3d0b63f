package kv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/balsaraft/balsa"
)

// seen collects what a watch yields until it has n changes.
func seen(t *testing.T, m *Machine, w Watch, n int) (all []Changes) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for c, err := range m.Watch(ctx, w) {
		if err != nil {
			t.Fatalf("after %d of %d changes: %v", len(all), n, err)
		}
		if all = append(all, c); len(all) == n {
			break
		}
	}
	return all
}

func TestAWatchGoesOnAfterARestartAndOverASnapshot(t *testing.T) {
	dir, l := t.TempDir(), newLog()
	m := onDisk(t, dir)
	l.do(t, m, Set("a1", []byte("x")), Set("b", nil))
	l.do(t, m, Set("b", nil))
	l.do(t, m, Set("a2", []byte("y")))
	first := seen(t, m, Watch{Range: Prefix("a"), From: 1}, 1)
	if first[0].Index != 1 || len(first[0].Events) != 1 || first[0].Events[0].Item.Key != "a1" {
		t.Fatalf("%+v", first)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	m = onDisk(t, dir)
	l.do(t, m, Delete("a1"))
	rest := Watch{Range: Prefix("a"), From: first[0].Index + 1, Previous: true}
	check := func(m *Machine) {
		t.Helper()
		got := seen(t, m, rest, 2)
		if got[0].Index != 3 || string(got[0].Events[0].Item.Value) != "y" ||
			got[1].Index != 4 || !got[1].Events[0].Removed || string(got[1].Events[0].Previous.Value) != "x" {
			t.Fatalf("%+v", got)
		}
	}
	check(m)
	other := inMemory(t)
	restore(t, other, content(t, m))
	check(other)
}

func TestAWatchWaitsForWhatComes(t *testing.T) {
	m, l := inMemory(t), newLog()
	l.do(t, m, Set("before", nil))
	w := m.Watch(t.Context(), Watch{Range: Prefix("k"), Progress: true})
	done := make(chan Changes, 10)
	go func() {
		for c, err := range w {
			if err != nil {
				return
			}
			done <- c
		}
	}()
	l.do(t, m, Set("other", nil))
	if c := <-done; c.Index != 2 || len(c.Events) != 0 {
		t.Fatalf("%+v, want to hear how far it has seen", c)
	}
	l.do(t, m, Set("k", nil))
	if c := <-done; c.Index != 3 || len(c.Events) != 1 {
		t.Fatalf("%+v", c)
	}
}

func TestAWatchIsToldWhenThePastIsGone(t *testing.T) {
	m, l := inMemory(t), newLog()
	m.bound = bound{changes: 10, weight: MaxHistoryBytes}
	for i := range 100 {
		l.do(t, m, Set("k", []byte(fmt.Sprint(i))))
	}
	for _, err := range m.Watch(t.Context(), Watch{From: 90}) {
		var compacted *CompactedError
		if !errors.Is(err, balsa.ErrCompacted) || !errors.As(err, &compacted) || compacted.Compacted != 90 {
			t.Fatalf("%v, want that it begins after 90", err)
		}
		break
	}
	if got := seen(t, m, Watch{From: 91}, 10); got[0].Index != 91 || string(got[9].Events[0].Item.Value) != "99" {
		t.Fatalf("%+v", got)
	}
	// By a command, too, and the state at that revision stays.
	l.do(t, m, Op{Kind: OpCompact, Number: 95})
	v, err := m.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if _, err := v.At(94); !errors.Is(err, balsa.ErrCompacted) {
		t.Fatal(err)
	}
	earlier, err := v.At(95)
	if err != nil {
		t.Fatal(err)
	}
	if i, err := earlier.Get("k"); err != nil || string(i.Value) != "94" {
		t.Fatalf("%+v, %v", i, err)
	}
	if _, err := v.At(v.Applied() + 1); !errors.Is(err, ErrRevision) {
		t.Fatal(err)
	}
}

// The history is bounded by bytes, and what is forgotten leaves the store.
func TestTheHistoryDoesNotGrow(t *testing.T) {
	m, l := inMemory(t), newLog()
	m.bound = bound{changes: 5000, weight: 64 << 10}
	for range 20_000 {
		m.Apply(l.entry(0), Do(Set("k", make([]byte, 100))))
	}
	head := m.state.Load()
	if head.weight > 64<<10 || head.weight < 60<<10 {
		t.Errorf("the history costs %d bytes", head.weight)
	}
	stored := 0
	v, _ := m.View()
	defer v.Close()
	it, err := m.db.NewIter(tableBounds(historyTable))
	if err != nil {
		t.Fatal(err)
	}
	for ok := it.First(); ok; ok = it.Next() {
		stored++
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	if stored > int(head.changes)+sweepAt {
		t.Errorf("%d rows are stored for %d changes", stored, head.changes)
	}
}

// What a key was given stands in the change that replaced it, which may be pages away.
func TestAWatchFarBehindSeesEachValueAsItWas(t *testing.T) {
	m, l := inMemory(t), newLog()
	const changes, keys = 60, 7
	value := func(i int) []byte { return bytes.Repeat([]byte{byte(i)}, pageBytes/4) }
	for i := range changes {
		l.do(t, m, Set(fmt.Sprint("k", i%keys), value(i)))
	}
	for i, c := range seen(t, m, Watch{From: 1, Previous: true}, changes) {
		e := c.Events[0]
		if !bytes.Equal(e.Item.Value, value(i)) || e.Item.Key != fmt.Sprint("k", i%keys) {
			t.Fatalf("change %d is of %s, and gives it %d…", i, e.Item.Key, e.Item.Value[0])
		}
		if had := e.Previous; (had == nil) != (i < keys) || had != nil && !bytes.Equal(had.Value, value(i-keys)) {
			t.Fatalf("change %d does not have what was there before", i)
		}
	}
}

func TestAWatchOfKeysDoesWithoutValues(t *testing.T) {
	m, l := inMemory(t), newLog()
	l.do(t, m, Set("k", []byte("v")))
	l.do(t, m, Delete("k"))
	got := seen(t, m, Watch{From: 1, KeysOnly: true}, 2)
	if e := got[0].Events[0]; e.Removed || e.Item.Key != "k" || e.Item.Version != 1 || e.Item.Value != nil {
		t.Errorf("%+v", e)
	}
	if e := got[1].Events[0]; !e.Removed || e.Item.Key != "k" {
		t.Errorf("%+v", e)
	}
}
