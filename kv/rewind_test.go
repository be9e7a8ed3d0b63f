package kv

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/balsaraft/balsa"
)

var _ balsa.Rewinder = (*Machine)(nil)

// rewind restores a backup into m at an entry, as a node does.
func rewind(t *testing.T, m *Machine, backup []byte, at balsa.Index) {
	t.Helper()
	if err := m.Accepts(backup[:min(len(backup), 4096)]); err != nil {
		t.Fatal(err)
	}
	restore(t, m, backup)
	m.Rewound(balsa.Entry{Index: at, Time: time.Unix(1000, 0)})
}

func TestAfterABackupIsRestoredItsKeysAreThereAndNoPast(t *testing.T) {
	m, l := inMemory(t), newLog()
	l.do(t, m, Set("a", []byte("1")), Set("b", []byte("1")))
	l.do(t, m, Set("a", []byte("2")))
	backup := content(t, m)
	l.do(t, m, Set("a", []byte("3")), Delete("b"))
	before := m.Applied()
	l.index += 10
	at := l.index
	rewind(t, m, backup, at)
	if m.Applied() != at || m.Revision() != at || m.Len() != 2 {
		t.Errorf("it has applied %d, its revision is %d with %d keys; want %d", m.Applied(), m.Revision(), m.Len(), at)
	}
	a, err := m.Get("a")
	if err != nil || string(a.Value) != "2" || a.Version != 2 || a.Changes != 2 {
		t.Errorf("a is %+v, %v; want it as it was in the backup", a, err)
	}
	for _, from := range []balsa.Index{1, before, before + 1, at} {
		ended := false
		for _, err := range m.Watch(t.Context(), Watch{From: from}) {
			var compacted *CompactedError
			if !errors.As(err, &compacted) || compacted.Compacted != at {
				t.Errorf("a watch from %d gets %v, want that the past is gone up to %d", from, err, at)
			}
			ended = true
		}
		if !ended {
			t.Errorf("a watch from %d ends without a word", from)
		}
	}
	// It goes on from there, and is the same as one that starts from a snapshot of it, from
	// the backup again, or from its own disk.
	l.do(t, m, Set("c", nil))
	if got := seen(t, m, Watch{From: at + 1}, 1); got[0].Index != at+1 {
		t.Errorf("a watch from after it sees %+v", got)
	}
	again := inMemory(t)
	rewind(t, again, backup, at)
	rewind(t, again, backup, at)
	l.index--
	l.do(t, again, Set("c", nil))
	copied := inMemory(t)
	restore(t, copied, content(t, m))
	if !slices.Equal(content(t, m), content(t, again)) || m.StateHash() != again.StateHash() || m.StateHash() != copied.StateHash() {
		t.Error("members differ")
	}
}

func TestARewoundStoreIsOnItsDisk(t *testing.T) {
	dir, l := t.TempDir(), newLog()
	m := onDisk(t, dir)
	l.do(t, m, Set("a", []byte("1")))
	backup := content(t, m)
	l.do(t, m, Set("a", []byte("2")))
	rewind(t, m, backup, 10)
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	m = onDisk(t, dir)
	if a, err := m.Get("a"); err != nil || string(a.Value) != "1" || m.Applied() != 10 {
		t.Errorf("it has %+v, %v, and entry %d", a, err, m.Applied())
	}
}

func TestWhatIsNoSnapshotOfAStoreIsNotAccepted(t *testing.T) {
	m := inMemory(t)
	if err := m.Accepts([]byte(`{"sum":5}`)); !errors.Is(err, ErrSnapshot) {
		t.Errorf("another program's: %v", err)
	}
	newer := content(t, m)
	newer[len(snapshotMagic)]++
	if err := m.Accepts(newer); !errors.Is(err, ErrSnapshotVersion) {
		t.Errorf("a newer version's: %v", err)
	}
}
