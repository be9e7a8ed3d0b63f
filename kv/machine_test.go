package kv

import (
	"testing"
	"time"

	"github.com/balsaraft/balsa"
)

// log hands commands to a machine as a node would.
type log struct {
	index balsa.Index
	now   time.Time
}

func newLog() *log { return &log{now: time.Unix(1_800_000_000, 0)} }

// entry is the next one, some time after the last.
func (l *log) entry(passed time.Duration) balsa.Entry {
	l.index++
	l.now = l.now.Add(passed)
	return balsa.Entry{Index: l.index, Term: 1, Time: l.now}
}

func (l *log) apply(m *Machine, c Command) Result { return m.Apply(l.entry(0), c) }

func (l *log) do(t *testing.T, m *Machine, ops ...Op) Result {
	t.Helper()
	r := l.apply(m, Do(ops...))
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	return r
}

// inMemory is a machine that the test closes.
func inMemory(t testing.TB) *Machine {
	m := NewMachine()
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func TestKeysCarryVersionsCreationAndChanges(t *testing.T) {
	m, l := inMemory(t), newLog()
	l.do(t, m, Set("k", []byte("1")))
	l.do(t, m, Set("other", nil))
	l.do(t, m, Set("k", []byte("2")))
	i, err := m.Get("k")
	if err != nil || i.Version != 3 || i.Created != 1 || i.Changes != 2 || string(i.Value) != "2" {
		t.Fatalf("%+v, %v", i, err)
	}
	l.do(t, m, Delete("k"))
	if _, err := m.Get("k"); err != ErrNotFound {
		t.Fatal(err)
	}
	l.do(t, m, Set("k", []byte("3")))
	if i, _ := m.Get("k"); i.Version != 5 || i.Created != 5 || i.Changes != 1 {
		t.Fatalf("%+v", i)
	}
	v, _ := m.View()
	defer v.Close()
	for at, want := range []string{"", "1", "1", "2", "", "3"} {
		earlier, err := v.At(balsa.Index(at))
		if err != nil {
			t.Fatal(err)
		}
		i, err := earlier.Get("k")
		if string(i.Value) != want || (err != nil) != (want == "") {
			t.Errorf("at %d: %+v, %v, want %q", at, i, err, want)
		}
	}
}
