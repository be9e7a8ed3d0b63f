package redis

import (
	"context"
	"errors"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
	"github.com/balsaraft/balsa/kv/access"
)

var transactionCommands = []command{
	{name: "multi", arity: 1, flags: quick | atOnce, group: "transactions", does: "Begins a transaction.", run: multi},
	{name: "exec", arity: 1, flags: atOnce, group: "transactions", does: "Carries out what was queued, as one entry of the log.", run: exec},
	{name: "discard", arity: 1, flags: quick | atOnce, group: "transactions", does: "Forgets what was queued.", run: discard},
	{name: "watch", arity: -2, flags: quick | atOnce, first: 1, last: -1, step: 1, group: "transactions", does: "Lets the next EXEC do nothing if the value of one of these keys changes before.", run: watch},
	{name: "unwatch", arity: 1, flags: quick, group: "transactions", does: "Forgets what is watched.", run: unwatch},
}

// transaction is what was queued since MULTI.
type transaction struct {
	actions []action
	ops     int
	held    int  // bytes, as the server knows
	broken  bool // EXEC is to refuse it
}

// actionCost is what an action takes in memory, beside what is in it, and about what
// each of its operations does.
const actionCost, opCost = 256, 256

func multi(c *conn, _ [][]byte) (action, error) {
	if c.multi != nil {
		return action{}, fault("ERR MULTI calls can not be nested")
	}
	c.multi = &transaction{}
	return action{answer: done}, nil
}

// queue puts a command behind those that were queued. As in Redis, one whose arguments make
// no sense fails when its turn comes, alone.
func (c *conn) queue(known *command, args [][]byte) action {
	t := c.multi
	if known.flags&unqueueable != 0 {
		return c.refused("ERR " + known.name + " is not supported inside MULTI")
	}
	a, err := known.run(c, args)
	if err != nil {
		a = refuses(err.Error())
	} else if err := a.check(); err != nil {
		return c.refused(err.Error())
	}
	if a.alone != nil {
		return c.refused("ERR " + known.name + " is not supported inside MULTI")
	}
	size := actionCost + opCost*len(a.ops)
	for _, arg := range args {
		size += 2 * len(arg)
	}
	if t.ops += len(a.ops); t.ops > kv.MaxOps || len(t.actions) == kv.MaxOps || t.held+size > 2*kv.MaxCommand+opCost*kv.MaxOps {
		return c.refused("ERR the transaction is too large")
	}
	if !c.server.hold(size) {
		return c.refused("ERR this member is busy with other large commands; try again")
	}
	t.held += size
	t.actions = append(t.actions, a)
	return says(func(w *writer) { w.simple("QUEUED") })
}

// endTransaction forgets the transaction, and what is watched.
func (c *conn) endTransaction() {
	if c.multi != nil {
		c.server.release(c.multi.held)
	}
	c.multi, c.watched = nil, nil
}

func discard(c *conn, _ [][]byte) (action, error) {
	if c.multi == nil {
		return action{}, fault("ERR DISCARD without MULTI")
	}
	c.endTransaction()
	return action{answer: done}, nil
}

func exec(c *conn, _ [][]byte) (action, error) {
	t := c.multi
	if t == nil {
		return action{}, fault("ERR EXEC without MULTI")
	}
	a := action{reads: len(c.watched) == 0, answer: t.answer}
	for key, version := range c.watched {
		a.conds = append(a.conds, kv.IfVersion(balsa.Index(version)).On(key))
	}
	for _, queued := range t.actions {
		a.ops = append(a.ops, queued.ops...)
		a.reads = a.reads && (queued.reads || len(queued.ops) == 0)
		a.heavy = a.heavy || queued.heavy
	}
	c.endTransaction()
	if t.broken {
		return action{}, fault("EXECABORT Transaction discarded because of previous errors.")
	}
	return a, nil
}

// answer gives each action its part of the result.
func (t *transaction) answer(w *writer, r kv.Result) {
	if !r.Held {
		w.noArray()
		return
	}
	w.array(len(t.actions))
	replies := r.Replies
	for _, a := range t.actions {
		own := kv.Result{Index: r.Index, Held: true, Replies: replies[:len(a.ops)]}
		replies = replies[len(a.ops):]
		a.answer(w, own)
	}
}

// maxWatched is how many keys a connection watches.
const maxWatched = 1000

func watch(c *conn, args [][]byte) (action, error) {
	if c.multi != nil {
		return action{}, fault("ERR WATCH inside MULTI is not allowed")
	}
	if len(c.watched)+len(args)-1 > maxWatched {
		return action{}, errTooLarge
	}
	for _, key := range args[1:] {
		if err := kv.CheckKey(string(key)); err != nil {
			return action{}, fault(explained(err))
		}
	}
	return action{alone: func(ctx context.Context) {
		err := c.watch(ctx, args[1:])
		c.write(func(w *writer) {
			if err != nil {
				w.fault(explained(err))
			} else {
				w.ok()
			}
		})
	}}, nil
}

// watch notes the versions of keys. One that is watched already keeps the first.
func (c *conn) watch(ctx context.Context, names [][]byte) error {
	for _, name := range names {
		if err := c.who.caller.Need(access.Read, string(name)); err != nil {
			return err
		}
	}
	v, err := c.store.View(ctx)
	if err != nil {
		return err
	}
	defer v.Close()
	for _, name := range names {
		key := string(name)
		if _, twice := c.watched[key]; twice {
			continue
		}
		item, err := v.Get(key)
		if err != nil && !errors.Is(err, kv.ErrNotFound) {
			return err
		}
		if c.watched == nil {
			c.watched = map[string]uint64{}
		}
		c.watched[key] = uint64(item.Version) // 0 if there is none
	}
	return nil
}

func unwatch(c *conn, _ [][]byte) (action, error) {
	if c.multi == nil {
		c.watched = nil
	}
	return action{answer: done}, nil
}
