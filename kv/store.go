package kv

import (
	"context"

	"github.com/balsaraft/balsa"
)

// Store is the replicated store as its faces see it. Any goroutine may use it, on any
// member; every call waits as long as ctx lets it.
//
// Errors: ErrNotFound, ErrDifferent and ErrLimit mean that the cluster, or this
// package, has answered and nothing was changed. All others are those of a balsa.Node:
// each Is balsa.ErrNotCommitted or balsa.ErrUnknown.
type Store interface {
	// Get reads a key: all that was acknowledged before the call is seen.
	Get(ctx context.Context, key string) (Item, error)
	// Scan reads up to limit keys with a prefix, in order, at one moment, and says
	// whether there are more.
	Scan(ctx context.Context, prefix string, limit int) (items []Item, more bool, err error)
	// Put gives the key a value, if the conditions hold (at most one; with one it is a
	// compare-and-set), and returns the key's version, which is the log index of the
	// entry. The value belongs to the store afterwards.
	Put(ctx context.Context, key string, value []byte, conditions ...Condition) (balsa.Index, error)
	// Delete removes the key and returns the log index of the entry.
	Delete(ctx context.Context, key string, conditions ...Condition) (balsa.Index, error)
}

// Node is the member that a Store works through.
type Node = balsa.Node[*Machine, Command, Result]

// NewStore makes a Store of a member. The node stays its opener's to close.
func NewStore(n *Node) Store { return store{n} }

type store struct{ node *Node }

func (s store) Get(ctx context.Context, key string) (Item, error) {
	if err := CheckKey(key); err != nil {
		return Item{}, err
	}
	var found Item
	var exists bool
	if err := s.node.Read(ctx, func(m *Machine) { found, exists = m.Get(key) }); err != nil {
		return Item{}, err
	}
	if !exists {
		return Item{}, ErrNotFound
	}
	return found, nil
}

func (s store) Scan(ctx context.Context, prefix string, limit int) (items []Item, more bool, err error) {
	err = s.node.Read(ctx, func(m *Machine) { items, more = m.Scan(prefix, limit) })
	return items, more, err
}

func (s store) Put(ctx context.Context, key string, value []byte, conditions ...Condition) (balsa.Index, error) {
	return s.propose(ctx, Command{Op: Put, Key: key, Value: value}, conditions)
}

func (s store) Delete(ctx context.Context, key string, conditions ...Condition) (balsa.Index, error) {
	return s.propose(ctx, Command{Op: Delete, Key: key}, conditions)
}

func (s store) propose(ctx context.Context, c Command, conditions []Condition) (balsa.Index, error) {
	for _, condition := range conditions {
		c.If = condition
	}
	if err := c.check(); err != nil {
		return 0, err
	}
	result, err := s.node.Propose(ctx, c)
	if err != nil {
		return 0, err
	}
	return result.Version, result.Err()
}
