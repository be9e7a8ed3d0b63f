package access

import (
	"context"
	"errors"
	"iter"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
)

// Guard is a store as a caller may use it. What the caller has no right to ends with a
// *ForbiddenError, before anything is proposed or read.
func Guard(s kv.Store, c *Caller) kv.Store { return guard{s, c} }

type guard struct {
	store  kv.Store
	caller *Caller
}

func (g guard) Get(ctx context.Context, key string) (kv.Item, error) {
	if err := g.caller.Need(Read, key); err != nil {
		return kv.Item{}, err
	}
	return g.store.Get(ctx, key)
}

func (g guard) Scan(ctx context.Context, prefix string, limit int) (items []kv.Item, more bool, err error) {
	if err := g.caller.NeedRange(Read, kv.Prefix(prefix)); err != nil {
		return nil, false, err
	}
	return g.store.Scan(ctx, prefix, limit)
}

func (g guard) Put(ctx context.Context, key string, value []byte, conditions ...kv.Condition) (balsa.Index, error) {
	if err := errors.Join(g.caller.Need(Write, key), g.conditions(key, conditions)); err != nil {
		return 0, err
	}
	return g.store.Put(ctx, key, value, conditions...)
}

func (g guard) Delete(ctx context.Context, key string, conditions ...kv.Condition) (balsa.Index, error) {
	if err := errors.Join(g.caller.Need(Write, key), g.conditions(key, conditions)); err != nil {
		return 0, err
	}
	return g.store.Delete(ctx, key, conditions...)
}

// conditions tell, by whether they hold, what is there.
func (g guard) conditions(key string, all []kv.Condition) error {
	for _, c := range all {
		if c.Of == 0 {
			continue
		}
		if c.Key == "" {
			c.Key = key
		}
		if err := g.caller.Need(Read, c.Key); err != nil {
			return err
		}
	}
	return nil
}

func (g guard) Do(ctx context.Context, c kv.Command) (kv.Result, error) {
	if err := g.command(ctx, c); err != nil {
		return kv.Result{}, err
	}
	return g.store.Do(ctx, c)
}

// DoAll ends at the first command that the caller has no right to; those before it are
// carried out, those behind it are not.
func (g guard) DoAll(ctx context.Context, commands iter.Seq[kv.Command]) iter.Seq2[kv.Result, error] {
	return func(yield func(kv.Result, error) bool) {
		var denied error
		allowed := func(yield func(kv.Command) bool) {
			for c := range commands {
				if denied = g.command(ctx, c); denied != nil || !yield(c) {
					return
				}
			}
		}
		for r, err := range g.store.DoAll(ctx, allowed) {
			if !yield(r, err) || err != nil {
				return
			}
		}
		if denied != nil {
			yield(kv.Result{}, denied)
		}
	}
}

// Check says whether a caller may have all of a command carried out, for who wants to know
// before. The store is asked for the keys that go with a lease.
func Check(ctx context.Context, s kv.Store, c *Caller, command kv.Command) error {
	return guard{s, c}.command(ctx, command)
}

// command says whether the caller may have all of a command carried out.
func (g guard) command(ctx context.Context, c kv.Command) error {
	if err := g.conditions("", c.If); err != nil {
		return err
	}
	for _, ops := range [...][]kv.Op{c.Then, c.Else} {
		for _, o := range ops {
			if err := g.operation(ctx, o); err != nil {
				return err
			}
		}
	}
	return nil
}

// operation says whether the caller may have an operation carried out. Whatever is not
// known here is denied.
func (g guard) operation(ctx context.Context, o kv.Op) error {
	switch o.Kind {
	case kv.OpGet:
		return g.caller.Need(Read, o.Key)
	case kv.OpScan:
		return g.caller.NeedRange(Read, o.Range())
	case kv.OpDelete:
		return g.changes(o, o.Previous || o.Only != 0) // whether it was skipped tells what is there
	case kv.OpSet:
		return g.changes(o, o.Previous || o.Only != 0 || o.KeepValue) // which fails if there is none
	case kv.OpAdd, kv.OpAppend, kv.OpExpire:
		return g.changes(o, true) // the answer says what is there now
	case kv.OpGrant:
		return g.caller.NeedSome(Write)
	case kv.OpKeepAlive, kv.OpRevoke:
		return g.lease(ctx, o.Lease)
	case kv.OpCompact:
		return g.caller.NeedAll(Admin)
	}
	return g.caller.NeedAll(allRights)
}

// changes says whether the caller may change what an operation is about, and, if its
// answer tells what was there, whether it may know.
func (g guard) changes(o kv.Op, tells bool) error {
	need := Write
	if tells {
		need |= Read
	}
	return g.caller.NeedRange(need, o.Range())
}

// lease says whether the caller may write all keys that go with a lease: what becomes of
// the lease becomes of them. Who attaches a key afterwards trusts the lease's owner.
func (g guard) lease(ctx context.Context, id kv.LeaseID) error {
	if g.caller.NeedAll(Write) == nil {
		return nil
	}
	v, err := g.store.View(ctx)
	if err != nil {
		return err
	}
	keys, err := v.LeaseKeys(id)
	if err := errors.Join(err, v.Close()); err != nil {
		return err
	}
	for _, key := range keys {
		if !g.caller.May(Write, key) {
			return g.caller.forbidden(Write, "a key that goes with this lease")
		}
	}
	return g.caller.NeedSome(Write)
}

// View is limited to what the caller may read: the rest of it ends with a *ForbiddenError.
func (g guard) View(ctx context.Context, options ...balsa.ReadOption) (*kv.View, error) {
	if err := g.caller.NeedSome(Read); err != nil {
		return nil, err
	}
	v, err := g.store.View(ctx, options...)
	if err != nil || g.caller.NeedAll(Read) == nil {
		return v, err
	}
	return v.Limited(func(r kv.Range) error { return g.caller.NeedRange(Read, r) }), nil
}

func (g guard) Watch(ctx context.Context, w kv.Watch) iter.Seq2[kv.Changes, error] {
	if err := g.caller.NeedRange(Read, w.Range); err != nil {
		return func(yield func(kv.Changes, error) bool) { yield(kv.Changes{}, err) }
	}
	return g.store.Watch(ctx, w)
}
