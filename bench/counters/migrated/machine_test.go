package migrated

import (
	"encoding/json"
	"io"
	"testing"

	"github.com/hashicorp/raft"

	"github.com/balsaraft/balsa"
)

// sum is as it was written for hashicorp/raft.
type sum struct{ total int }

func (s *sum) Apply(entry *raft.Log) any {
	var n int
	if err := json.Unmarshal(entry.Data, &n); err != nil {
		return -1
	}
	s.total += n
	return s.total
}

func (s *sum) Snapshot() (raft.FSMSnapshot, error) { return snapshot(s.total), nil }
func (s *sum) Restore(from io.ReadCloser) error    { return json.NewDecoder(from).Decode(&s.total) }

type snapshot int

func (s snapshot) Persist(to raft.SnapshotSink) error { return json.NewEncoder(to).Encode(int(s)) }
func (s snapshot) Release()                           {}

func TestAStateMachineOfHashicorpsRunsAsItIs(t *testing.T) {
	dir, want := t.TempDir(), 0
	for range 3 {
		node, err := balsa.Open(t.Context(), balsa.Config{Dir: dir}, Machine[int]{&sum{}})
		if err != nil {
			t.Fatal(err)
		}
		want += 5
		if total, err := node.Propose(t.Context(), []byte("5")); total != want || err != nil {
			t.Errorf("the total is %d, want %d; %v", total, want, err)
		}
		// The next life begins with this snapshot.
		if err := node.Snapshot(t.Context()); err != nil {
			t.Error(err)
		}
		if err := node.Close(); err != nil {
			t.Error(err)
		}
	}
}
