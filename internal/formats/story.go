package main

import (
	"context"
	"fmt"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
)

// want is what an archive's member knew when it was stopped, in the words of its own time.
type want struct {
	Items []item
	// Past is a key's value at an index before.
	Past struct {
		Key, Value string
		At         balsa.Index
	}
	// Call was made in a session of a caller outside, and came to that index: made once more,
	// it comes to the same.
	Call  balsa.Call
	Index balsa.Index
	// Key and Value are what it put.
	Key, Value string
	// Backup is the index up to which the backup reaches.
	Backup balsa.Index
}

type item struct {
	Key, Value string
	Version    balsa.Index
	Created    balsa.Index
	Changes    uint64
	Lease      kv.LeaseID
	Expires    time.Time
}

const (
	prefix = "k/" // of the keys that are looked at
	years  = 50 * 365 * 24 * time.Hour
)

// tell does something of each kind: before a snapshot, between two, and after the last, so
// that a start has to bring all together.
func tell(ctx context.Context, m *member, backupPath string) (w want, err error) {
	s := kv.NewStore(m.node)
	steps := []func() error{
		func() error { return put(ctx, s, 40) },
		func() error {
			_, err := s.Put(ctx, prefix+"000", []byte("another value"))
			return err
		},
		func() error { return m.node.Snapshot(ctx) },
		func() error { return operate(ctx, s) },
		func() error { return call(ctx, m.node, &w) },
		func() error { return backUp(ctx, m, backupPath) },
		func() error { return m.node.Snapshot(ctx) },
		func() error { return put(ctx, s, 10) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return w, err
		}
	}
	first, err := s.Get(ctx, prefix+"020")
	if err != nil {
		return w, err
	}
	w.Past.Key, w.Past.Value, w.Past.At = prefix+"000", "value 0", first.Version
	w.Items, err = items(ctx, s)
	return w, err
}

func put(ctx context.Context, s kv.Store, n int) error {
	for i := range n {
		if _, err := s.Put(ctx, fmt.Sprintf("%s%03d", prefix, i), fmt.Appendf(nil, "value %d", i)); err != nil {
			return err
		}
	}
	return nil
}

// operate does each kind of operation once.
func operate(ctx context.Context, s kv.Store) error {
	granted, err := s.Do(ctx, kv.Do(kv.Grant(years)))
	if err != nil {
		return err
	}
	lease := kv.LeaseID(granted.Index)
	leased := kv.Set(prefix+"leased", []byte("goes with its lease"))
	leased.Lease = lease
	for _, c := range []kv.Command{
		kv.Do(leased, kv.KeepAlive(lease)),
		kv.Do(kv.Add(prefix+"counter", 41), kv.Add(prefix+"counter", 1)),
		kv.Do(kv.Append(prefix+"list", []byte("one,")), kv.Append(prefix+"list", []byte("two"))),
		kv.Do(kv.Expire(prefix+"001", years), kv.Delete(prefix+"002")),
		kv.Do(kv.DeleteRange(kv.Range{From: prefix + "003", To: prefix + "006"})),
		{If: []kv.Condition{kv.IfAbsent()}, Then: []kv.Op{kv.Set(prefix+"never", nil)}, Else: []kv.Op{kv.Set(prefix+"else", []byte("was there"))}},
	} {
		if len(c.If) > 0 {
			c.If[0].Key = prefix + "counter"
		}
		r, err := s.Do(ctx, c)
		if err == nil && r.Failure != 0 {
			err = fmt.Errorf("%+v fails: %v", c, r.Failure)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// call puts a key in a session of a caller outside the cluster.
func call(ctx context.Context, n *kv.Node, w *want) error {
	id, err := n.OpenSession(ctx, 365*24*time.Hour)
	if err != nil {
		return err
	}
	w.Call = balsa.Call{Session: id, Seq: 1}
	w.Key, w.Value = prefix+"called", "once"
	r, err := n.ProposeAs(ctx, w.Call, kv.Do(kv.Set(w.Key, []byte(w.Value))))
	w.Index, w.Backup = r.Index, n.Status().Applied
	return err
}

// items are all keys with what is known of them.
func items(ctx context.Context, s kv.Store) (all []item, err error) {
	found, more, err := s.Scan(ctx, prefix, 1000)
	if err == nil && more {
		err = fmt.Errorf("more than %d keys", len(found))
	}
	for _, i := range found {
		all = append(all, item{i.Key, string(i.Value), i.Version, i.Created, i.Changes, i.Lease, i.Expires.UTC()})
	}
	return all, err
}
