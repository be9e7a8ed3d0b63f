package balsa

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/session"
	"github.com/balsaraft/balsa/wire"
)

// keeper is a count on a disk of its own, that held so many entries at the start.
type keeper struct{ applied Index }

func (k *keeper) Apply(Entry, int) int           { return 0 }
func (k *keeper) Snapshot() (io.WriterTo, error) { return bytes.NewReader(nil), nil }
func (k *keeper) Restore(io.Reader) error        { return nil }
func (k *keeper) Applied() Index                 { return k.applied }

// A state that is ahead of the log that was replayed is in no snapshot: who restored it would
// apply the rest of what it holds a second time.
func TestADurableStateIsCapturedOnlyAtItsOwnPosition(t *testing.T) {
	m, err := newMachine(&keeper{applied: 3})
	if err != nil {
		t.Fatal(err)
	}
	m.calls = &calls[int]{}
	for index := Index(1); index <= 4; index++ {
		payload := session.Opening{Session: session.ID(index), TTL: 1, Made: 1}.Append(nil)
		body := wire.AppendEntry(wire.NewBody(64), wire.KindSession, payload)
		b := wire.NewBatch(wire.Pos{Term: 1, Index: index}, 0, 1, body)
		if _, err := m.Apply(host.ApplyInput{Batches: []wire.Batch{b}}); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Capture(); (err == nil) != (index >= 3) {
			t.Errorf("a snapshot at entry %d of a state that holds entry 3: %v", index, err)
		}
	}
}

// keeping is a machine whose disk held so many entries at the start, and the head of a
// snapshot of it.
func keeping(t *testing.T, applied Index) (m *machine[*keeper, int, int], head []byte) {
	t.Helper()
	m, err := newMachine(&keeper{applied})
	if err != nil {
		t.Fatal(err)
	}
	m.calls = &calls[int]{}
	if head, err = m.contentHead(rewound{}); err != nil {
		t.Fatal(err)
	}
	return m, head
}

// What a state holds on its own disk it need not be told by a snapshot: a start of one of many
// gigabytes reads the sessions alone.
func TestADurableStateReadsNoMoreOfASnapshotThanItLacks(t *testing.T) {
	unreadable := errors.New("this part cannot be read")
	for at, want := range map[Index]error{2: nil, 3: nil, 4: unreadable} {
		m, head := keeping(t, 3)
		_, err := m.Restore(host.ApplyInput{At: wire.Pos{Term: 1, Index: at}}, io.MultiReader(bytes.NewReader(head), iotest.ErrReader(unreadable)))
		if !errors.Is(err, want) {
			t.Errorf("a state that holds entry 3, and a snapshot of entry %d: %v, want %v", at, err, want)
		}
	}
}

// A member's loop asks what its disk held at any time, and a backup that is restored into the
// running cluster replaces the state beside it. Neither waits for the other, and the answer
// is of the start.
func TestWhatADurableStateHeldIsToldWhileItIsReplaced(t *testing.T) {
	m, head := keeping(t, 3)
	replaced := make(chan error)
	go func() {
		_, err := m.Restore(host.ApplyInput{At: wire.Pos{Term: 1, Index: 9}}, bytes.NewReader(head))
		replaced <- err
	}()
	during, _ := m.Durable()
	if err := <-replaced; err != nil {
		t.Fatal(err)
	}
	if after, ok := m.Durable(); during != 3 || after != 3 || !ok {
		t.Errorf("it held entry 3, and says %d while it is replaced and %d afterwards", during, after)
	}
}
