package kv

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/balsaraft/balsa"
)

var _ balsa.StateMachine[Command, Result] = (*Machine)(nil)

// history is the slow, obvious version of a Machine: all changes so far, searched from
// the end.
type history []struct {
	index balsa.Index
	Command
}

func (h history) get(key string) (value []byte, version balsa.Index) {
	for i := len(h) - 1; i >= 0; i-- {
		if h[i].Key == key {
			if h[i].Op == Delete {
				return nil, 0
			}
			return h[i].Value, h[i].index
		}
	}
	return nil, 0
}

// apply does what a person would expect of a command, condition by condition.
func (h *history) apply(index balsa.Index, c Command) Result {
	value, version := h.get(c.Key)
	different := Result{Different, version}
	switch {
	case c.If.Kind == Always && c.Op == Delete && version == 0:
		return Result{NotFound, 0}
	case c.If.Kind == ValueIs && version == 0:
		return Result{NotFound, 0}
	case c.If.Kind == ValueIs && string(value) != string(c.If.Value):
		return different
	case c.If.Kind == VersionIs && (version == 0 || version != c.If.Version):
		return different
	case c.If.Kind == Exists && version == 0:
		return different
	case c.If.Kind == Absent && version != 0:
		return different
	}
	if c.Op == Delete && version == 0 { // if absent: nothing to remove, and so it stays
		return Result{Changed, index}
	}
	*h = append(*h, struct {
		index balsa.Index
		Command
	}{index, c})
	return Result{Changed, index}
}

func randomCommand(r *rand.Rand, index int) Command {
	value := func() []byte { return fmt.Appendf(nil, "v%d", r.IntN(3)) }
	c := Command{Op: Put, Key: fmt.Sprintf("k%d", r.IntN(4)), Value: value()}
	if r.IntN(3) == 0 {
		c.Op, c.Value = Delete, nil
	}
	switch c.If.Kind = ConditionKind(r.IntN(int(ValueIs) + 1)); c.If.Kind {
	case VersionIs:
		c.If.Version = balsa.Index(max(0, index-r.IntN(8)))
	case ValueIs:
		c.If.Value = value()
	}
	return c
}

func TestMachineBehavesLikeItsHistory(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		var h history
		m := NewMachine()
		for i := 1; i <= 400; i++ {
			c := randomCommand(r, i)
			want, got := h.apply(balsa.Index(i), c), m.Apply(balsa.Entry{Index: balsa.Index(i)}, c)
			if got != want {
				t.Fatalf("seed %d, entry %d, %+v: %+v, want %+v", seed, i, c, got, want)
			}
			if i%97 == 0 {
				m = restored(t, m)
			}
		}
		for k := range 4 {
			key := fmt.Sprintf("k%d", k)
			value, version := h.get(key)
			if got, _ := m.Get(key); string(got.Value) != string(value) || got.Version != version {
				t.Fatalf("seed %d: %s is %q at %d, want %q at %d", seed, key, got.Value, got.Version, value, version)
			}
		}
	}
}

func snapshotOf(t testing.TB, m *Machine) []byte {
	t.Helper()
	w, err := m.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if n, err := w.WriteTo(&b); err != nil || n != int64(b.Len()) {
		t.Fatalf("WriteTo: %d of %d bytes, %v", n, b.Len(), err)
	}
	return b.Bytes()
}

func restored(t testing.TB, m *Machine) *Machine {
	t.Helper()
	other := NewMachine()
	if err := other.Restore(bytes.NewReader(snapshotOf(t, m))); err != nil {
		t.Fatal(err)
	}
	return other
}

func TestScanIsOrderedAndBounded(t *testing.T) {
	m := NewMachine()
	for i, key := range []string{"b2", "a", "b1", "c", "b3"} {
		m.Apply(balsa.Entry{Index: balsa.Index(i + 1)}, Command{Op: Put, Key: key})
	}
	for _, c := range []struct {
		prefix string
		limit  int
		want   string
		more   bool
	}{
		{"", 10, "a b1 b2 b3 c", false},
		{"b", 10, "b1 b2 b3", false},
		{"b", 3, "b1 b2 b3", false},
		{"b", 2, "b1 b2", true},
		{"x", 2, "", false},
	} {
		items, more := m.Scan(c.prefix, c.limit)
		got := ""
		for i, item := range items {
			if i > 0 {
				got += " "
			}
			got += item.Key
		}
		if got != c.want || more != c.more {
			t.Errorf("Scan(%q, %d) = %q, %v; want %q, %v", c.prefix, c.limit, got, more, c.want, c.more)
		}
	}
}
