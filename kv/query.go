package kv

import (
	"errors"
	"fmt"

	"github.com/balsaraft/balsa"
)

// ErrNotReading says that a question would change something.
var ErrNotReading = errors.New("a question only reads")

// Query implements balsa.Querier, for callers outside the cluster. The question is a
// Command in its encoding, of OpGet and OpScan without a condition; the answer is the
// Result that it would have as a command, in its encoding, with the index of the last
// command that it sees. It makes no entry of the log. Errors: balsa.ErrConfig with
// ErrMalformed, ErrNotReading or *LimitError under it, and those of a View.
func (m *Machine) Query(question []byte) ([]byte, error) {
	var c Command
	err := c.UnmarshalBinary(question)
	if err == nil {
		err = c.onlyReads()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: the question is not understood: %w", balsa.ErrConfig, err)
	}
	v, err := m.View()
	if err != nil {
		return nil, err
	}
	r, err := v.read(c.Then)
	if err := errors.Join(err, v.Close()); err != nil {
		return nil, err
	}
	return r.MarshalBinary()
}

// onlyReads says why a command is no question, nil if it is one.
func (c *Command) onlyReads() error {
	if len(c.If)+len(c.Else) > 0 {
		return fmt.Errorf("%w: it has a condition", ErrNotReading)
	}
	for i, o := range c.Then {
		if o.Kind != OpGet && o.Kind != OpScan {
			return fmt.Errorf("%w: operation %d is %s", ErrNotReading, i+1, o.Kind)
		}
	}
	return nil
}

// read carries out operations that read.
func (v *View) read(ops []Op) (Result, error) {
	r := Result{Index: v.Applied(), Held: true}
	room := MaxReply
	for _, o := range ops {
		read := v.readKey
		if o.Kind == OpScan {
			read = v.readRange
		}
		reply, err := read(o, &room)
		if err != nil {
			return Result{}, err
		}
		r.Replies = append(r.Replies, reply)
	}
	return r, nil
}

func (v *View) readKey(o Op, room *int) (Reply, error) {
	item, err := v.Get(o.Key)
	switch {
	case errors.Is(err, ErrNotFound):
		return Reply{}, nil
	case err != nil:
		return Reply{}, err
	}
	if o.KeysOnly {
		item.Value = nil
	}
	size := maxItemHeader + len(item.Key) + len(item.Value)
	if size > *room {
		return Reply{Found: true, Cut: true}, nil
	}
	*room -= size
	return Reply{Found: true, Items: []Item{item}}, nil
}

func (v *View) readRange(o Op, room *int) (reply Reply, err error) {
	limit := MaxRange
	if o.Number > 0 {
		limit = int(min(o.Number, MaxRange))
	}
	items, more, err := v.Scan(o.keys(), ScanOptions{Limit: limit, KeysOnly: o.KeysOnly, MaxBytes: max(*room, 1)})
	if err != nil {
		return Reply{}, err
	}
	reply.More = more
	for _, i := range items {
		size := maxItemHeader + len(i.Key) + len(i.Value)
		if size > *room {
			reply.Cut, reply.More = true, true
			break
		}
		*room -= size
		reply.Items = append(reply.Items, i)
	}
	reply.Number = int64(len(reply.Items))
	reply.Found = reply.Number > 0
	return reply, nil
}
