package gate

import (
	"context"
	"fmt"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
	"github.com/balsaraft/balsa/kv/access"
	"github.com/balsaraft/balsa/rpc/balsav1"
)

// visible is an answer of Watch as a caller may see it, nil for nothing.
//
// Who may read all sees each command as it was proposed. Who may read some keys sees what
// became of these: a command that others' keys have a part in, by a condition, an operation,
// or because their time was over when it was applied, comes as one that says what was set
// and deleted of the caller's own, and does not come if that is nothing.
func visible(ctx context.Context, s kv.Store, c *access.Caller, m *balsav1.WatchResponse) (*balsav1.WatchResponse, error) {
	if m.GetIndex() == 0 || c.NeedAll(access.Read) == nil {
		return m, nil
	}
	changes, err := changesAt(ctx, s, balsa.Index(m.GetIndex()))
	if err != nil {
		return nil, err
	}
	own := kv.Command{}
	for _, e := range changes.Events {
		if c.May(access.Read, e.Item.Key) {
			own.Then = append(own.Then, outcome(e))
		}
	}
	if len(own.Then) == 0 {
		return nil, nil
	}
	encoded, err := own.MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("tell of entry %d: %w", m.GetIndex(), err)
	}
	return &balsav1.WatchResponse{Index: m.GetIndex(), Term: m.GetTerm(), Time: m.GetTime(), Seed: m.GetSeed(), Command: encoded}, nil
}

// changesAt is what the command at an index has changed, which was applied here.
func changesAt(ctx context.Context, s kv.Store, index balsa.Index) (kv.Changes, error) {
	for changes, err := range s.Watch(ctx, kv.Watch{From: index, Progress: true}) {
		if err != nil {
			return kv.Changes{}, err
		}
		if changes.Index == index {
			return changes, nil
		}
		break // the first ones are of a later command
	}
	return kv.Changes{}, nil
}

// outcome is an operation that says what became of a key.
func outcome(e kv.Event) kv.Op {
	if e.Removed {
		return kv.Delete(e.Item.Key)
	}
	o := kv.Set(e.Item.Key, e.Item.Value)
	o.At, o.Lease = e.Item.Expires, e.Item.Lease
	return o
}
