package kv

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/balsaraft/balsa"
)

// Store is the replicated store as its faces see it. Any goroutine may use it, on any
// member; every call waits as long as ctx lets it.
//
// Errors: ErrNotFound, ErrDifferent, ErrLimit, ErrMalformed, *FailedError and
// *CompactedError mean that the cluster, or this package, has answered and nothing was
// changed. All others are those of a balsa.Node: each Is balsa.ErrNotCommitted or
// balsa.ErrUnknown; or ErrDamaged, when this member's store cannot be read.
type Store interface {
	// Get reads a key: all that was acknowledged before the call is seen.
	Get(ctx context.Context, key string) (Item, error)
	// Scan reads up to limit keys with a prefix, in order, at one moment, and says
	// whether there are more.
	Scan(ctx context.Context, prefix string, limit int) (items []Item, more bool, err error)
	// Put gives the key a value, if all conditions hold (with one it is a
	// compare-and-set), and returns the key's version, which is the log index of the
	// entry. A condition without a key is about this one. The value belongs to the
	// store afterwards.
	Put(ctx context.Context, key string, value []byte, conditions ...Condition) (balsa.Index, error)
	// Delete removes the key and returns the log index of the entry.
	Delete(ctx context.Context, key string, conditions ...Condition) (balsa.Index, error)
	// Do carries out a command. The result is that of a command that was applied, with
	// the error that Result.Err makes of it.
	Do(ctx context.Context, c Command) (Result, error)
	// DoAll carries out commands one after the other, which are on their way together,
	// and yields their results in order. A Failure is in its result only. It stops at
	// the first error, and then commands after that one may have been carried out.
	DoAll(ctx context.Context, commands iter.Seq[Command]) iter.Seq2[Result, error]
	// View is the store at one moment, for any reads, and must be closed. All that was
	// acknowledged before the call is seen, unless an option says otherwise.
	View(ctx context.Context, options ...balsa.ReadOption) (*View, error)
	// Watch yields the changes of a range, as this member learns of them: see
	// Machine.Watch.
	Watch(ctx context.Context, w Watch) iter.Seq2[Changes, error]
}

// Node is the member that a Store works through.
type Node = balsa.Node[*Machine, Command, Result]

// NewStore makes a Store of a member. The node stays its opener's to close.
func NewStore(n *Node) Store { return store{n} }

type store struct{ node member }

// member is what a Store needs of a Node.
type member interface {
	Propose(context.Context, Command) (Result, error)
	ProposeAll(context.Context, iter.Seq[Command]) iter.Seq2[Result, error]
	Read(context.Context, func(*Machine), ...balsa.ReadOption) error
}

// Alone makes a Store of a machine without a node, for tests: it applies each command at
// once. Its time stands still.
func Alone(m *Machine) Store { return store{&alone{machine: m}} }

type alone struct {
	mu      sync.Mutex
	machine *Machine
}

func (a *alone) Propose(_ context.Context, c Command) (Result, error) {
	if _, err := c.MarshalBinary(); err != nil {
		return Result{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.machine.Apply(balsa.Entry{Index: a.machine.Applied() + 1, Time: time.Unix(0, 0)}, c), nil
}

func (a *alone) ProposeAll(ctx context.Context, commands iter.Seq[Command]) iter.Seq2[Result, error] {
	return func(yield func(Result, error) bool) {
		for c := range commands {
			if r, err := a.Propose(ctx, c); !yield(r, err) || err != nil {
				return
			}
		}
	}
}

func (a *alone) Read(_ context.Context, f func(*Machine), _ ...balsa.ReadOption) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	f(a.machine)
	return nil
}

func (s store) Get(ctx context.Context, key string) (found Item, err error) {
	if err := CheckKey(key); err != nil {
		return Item{}, err
	}
	if err := s.node.Read(ctx, func(m *Machine) { found, err = m.Get(key) }); err != nil {
		return Item{}, err
	}
	return found, closedToo(err)
}

// closedToo makes the error of a closed store one of a read.
func closedToo(err error) error {
	if errors.Is(err, ErrClosed) && !errors.Is(err, balsa.ErrNotCommitted) {
		return errors.Join(balsa.ErrNotCommitted, err)
	}
	return err
}

func (s store) Scan(ctx context.Context, prefix string, limit int) (items []Item, more bool, err error) {
	v, err := s.View(ctx)
	if err != nil {
		return nil, false, err
	}
	items, more, err = v.Scan(Prefix(prefix), ScanOptions{Limit: limit})
	return items, more, closedToo(errors.Join(err, v.Close()))
}

func (s store) View(ctx context.Context, options ...balsa.ReadOption) (v *View, err error) {
	// The view is taken while no command runs, and read while they do.
	if err := s.node.Read(ctx, func(m *Machine) { v, err = m.View() }, options...); err != nil {
		return nil, err
	}
	return v, closedToo(err)
}

func (s store) Watch(ctx context.Context, w Watch) iter.Seq2[Changes, error] {
	return func(yield func(Changes, error) bool) {
		m, err := machineOf(ctx, s.node)
		if err != nil {
			yield(Changes{}, err)
			return
		}
		m.Watch(ctx, w)(yield)
	}
}

// machineOf is the machine that a node was opened with.
func machineOf(ctx context.Context, n member) (m *Machine, err error) {
	err = n.Read(ctx, func(found *Machine) { m = found }, balsa.AtLeast(0))
	return m, err
}

func (s store) Put(ctx context.Context, key string, value []byte, conditions ...Condition) (balsa.Index, error) {
	return s.change(ctx, Set(key, value), conditions)
}

func (s store) Delete(ctx context.Context, key string, conditions ...Condition) (balsa.Index, error) {
	return s.change(ctx, Delete(key), conditions)
}

// change carries out one operation under conditions, and says in its error why it was
// not.
func (s store) change(ctx context.Context, o Op, conditions []Condition) (balsa.Index, error) {
	c := Command{Then: []Op{o}}
	for _, condition := range conditions {
		if condition.Key == "" {
			condition.Key = o.Key
		}
		if condition.Of != 0 {
			c.If = append(c.If, condition)
		}
	}
	result, err := s.Do(ctx, c)
	switch {
	case err != nil:
		return 0, err
	case !result.Held && c.If[result.Unmet].Of == ValueOf && result.Version == 0:
		return 0, ErrNotFound // there was nothing to compare with
	case !result.Held:
		return 0, &DifferentError{result.Version}
	case o.Kind == OpDelete && !result.Replies[0].Found:
		return 0, ErrNotFound
	}
	return result.Index, nil
}

func (s store) Do(ctx context.Context, c Command) (Result, error) {
	if err := c.check(); err != nil {
		return Result{}, err
	}
	result, err := s.node.Propose(ctx, c)
	if err != nil {
		return Result{}, err
	}
	return result, result.Err()
}

func (s store) DoAll(ctx context.Context, commands iter.Seq[Command]) iter.Seq2[Result, error] {
	return s.node.ProposeAll(ctx, commands)
}
