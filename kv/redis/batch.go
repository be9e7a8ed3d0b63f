package redis

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
	"github.com/balsaraft/balsa/kv/access"
)

// fault is an error as the client gets it: its first word says of what kind it is.
type fault string

func (f fault) Error() string { return string(f) }

// action is what a request comes down to.
type action struct {
	ops    []kv.Op        // to be carried out as one command
	conds  []kv.Condition // that must hold
	reads  bool           // the ops are kv.OpGet alone
	heavy  bool           // the result has values
	answer func(w *writer, r kv.Result)
	// alone, in place of all that, is what is done by itself, after all before it and
	// before all behind it, and answers.
	alone func(ctx context.Context)
	long  bool   // alone sees to its time itself
	name  string // of the command, for who observes
}

// says is an action that needs no store.
func says(answer func(w *writer)) action {
	return action{answer: func(w *writer, _ kv.Result) { answer(w) }}
}

func refuses(why string) action { return says(func(w *writer) { w.fault(why) }) }

func (a action) asksStore() bool { return len(a.ops)+len(a.conds) > 0 }

// nothingAsked is the result of what does not ask the store: it has no condition that could
// not hold.
var nothingAsked = kv.Result{Held: true}

func (a action) changes() bool { return a.asksStore() && !a.reads }

func (a action) command() kv.Command { return kv.Command{If: a.conds, Then: a.ops} }

// execute carries out requests that came together, and answers them in order.
func (c *conn) execute(ctx context.Context, batch []request) {
	c.askAgain()
	c.began = time.Now()
	var waiting []action
	for _, r := range batch {
		if c.ended {
			break
		}
		c.server.done.Add(1)
		a := c.roomFor(c.allowed(ctx, c.prepare(r)))
		a.name = c.asked
		if a.alone == nil && len(a.ops) <= 1 || a.changes() {
			waiting = append(waiting, a)
			continue
		}
		c.carryOut(ctx, waiting)
		waiting = nil
		switch {
		case a.long:
			c.observed(ctx, a, a.alone)
		case a.alone != nil:
			c.observed(ctx, a, func(ctx context.Context) { c.giveTime(ctx, a.alone) })
		default:
			c.carryOut(ctx, []action{a})
		}
	}
	c.carryOut(ctx, waiting)
	c.server.release(c.parser.granted())
}

// roomFor refuses what brings values back while there are too many already that clients take
// their time to read.
func (c *conn) roomFor(a action) action {
	if a.heavy && c.server.held.Load() >= int64(c.server.cfg.MaxHeld) {
		return refuses("TRYAGAIN nothing was changed: this member is busy with large commands and answers of others")
	}
	return a
}

// giveTime calls f with the time of a command.
func (c *conn) giveTime(ctx context.Context, f func(context.Context)) {
	f(c.term.of(ctx, c.server.cfg.Timeout))
}

// mostValues is how many results that hold values are waited for at a time.
const mostValues = 32

// carryOut does some actions, none of them alone. Those up to the last that changes
// something go through the log, together; reads behind it see what they have done here.
func (c *conn) carryOut(ctx context.Context, all []action) {
	for len(all) > 0 {
		end, last, values := 0, -1, 0
		for ; end < len(all) && values < mostValues; end++ {
			if all[end].changes() {
				last = end
			}
			if all[end].heavy {
				values++
			}
		}
		part := all[:end]
		all = all[end:]
		c.giveTime(ctx, func(ctx context.Context) {
			index, ok := c.propose(ctx, part[:last+1])
			if ok {
				c.look(ctx, part[last+1:], balsa.AtLeast(index))
			} else {
				c.look(ctx, part[last+1:])
			}
		})
	}
}

// propose lets actions go through the log. It returns the index that the last one has,
// if all went well.
func (c *conn) propose(ctx context.Context, all []action) (last balsa.Index, ok bool) {
	if len(all) == 0 {
		return 0, false
	}
	if len(all) == 1 {
		r, err := c.store.Do(ctx, all[0].command())
		var failed *kv.FailedError
		if errors.As(err, &failed) {
			err = nil // it is in the result
		}
		c.reply(all[0], r, err)
		return r.Index, err == nil
	}
	next, stop := iter.Pull2(c.store.DoAll(ctx, func(yield func(kv.Command) bool) {
		for _, a := range all {
			if a.asksStore() && !yield(a.command()) {
				return
			}
		}
	}))
	defer stop()
	var gone error
	for _, a := range all {
		switch {
		case !a.asksStore():
			c.reply(a, nothingAsked, nil)
		case gone != nil:
			c.reply(a, kv.Result{}, gone)
		default:
			r, err, ok := next()
			if !ok {
				err = balsa.ErrUnknown
			}
			c.reply(a, r, err)
			if err != nil {
				gone = fmt.Errorf("%w: a command before it was not answered: %w", balsa.ErrUnknown, err)
				if errors.Is(err, balsa.ErrNotCommitted) {
					gone = fmt.Errorf("%w: a command before it was not carried out", balsa.ErrUnknown)
				}
			}
			last = r.Index
		}
	}
	return last, gone == nil
}

// look answers actions that change nothing, from one moment of the store.
func (c *conn) look(ctx context.Context, all []action, options ...balsa.ReadOption) {
	asking := 0
	for _, a := range all {
		if a.asksStore() {
			asking++
		}
	}
	if asking == 0 {
		for _, a := range all {
			c.reply(a, nothingAsked, nil)
		}
		return
	}
	get := func(key string) (kv.Item, error) { return c.store.Get(ctx, key) }
	if len(all) > 1 || len(all[0].ops) > 1 || len(options) > 0 {
		v, err := c.store.View(ctx, options...)
		get = func(string) (kv.Item, error) { return kv.Item{}, err }
		if err == nil {
			defer v.Close()
			get = v.Get
		}
	}
	for _, a := range all {
		r, err := lookUp(a.ops, get)
		c.reply(a, r, err)
	}
}

// lookUp is the result of operations that are kv.OpGet alone. It brings back no more values
// than a command does, and does not even look for others.
func lookUp(ops []kv.Op, get func(string) (kv.Item, error)) (kv.Result, error) {
	r := kv.Result{Held: true}
	room := kv.MaxReply
	for _, o := range ops {
		if room < 0 && !o.KeysOnly {
			r.Replies = append(r.Replies, kv.Reply{Found: true, Cut: true})
			continue
		}
		item, err := get(o.Key)
		if o.KeysOnly {
			item.Value = nil
		}
		room -= len(item.Value)
		switch {
		case errors.Is(err, kv.ErrNotFound):
			r.Replies = append(r.Replies, kv.Reply{})
		case err != nil:
			return kv.Result{}, err
		case room < 0 && !o.KeysOnly:
			r.Replies = append(r.Replies, kv.Reply{Found: true, Cut: true})
		default:
			r.Replies = append(r.Replies, kv.Reply{Found: true, Items: []kv.Item{item}})
		}
	}
	return r, nil
}

// reply answers one action.
func (c *conn) reply(a action, r kv.Result, err error) {
	var result string
	if n := valuesIn(r); n > spare {
		c.server.held.Add(int64(n)) // without asking: it is here already
		defer c.server.release(n)
	}
	c.write(func(w *writer) {
		w.result = wentWell
		defer func() { result = w.result }()
		switch {
		case err != nil:
			w.fault(explained(err))
		case r.Failure != 0:
			w.fault(failureText(r.Failure))
		default:
			a.answer(w, r)
		}
	})
	c.observe(a, result)
}

// valuesIn is how many bytes of values a result brings back.
func valuesIn(r kv.Result) (n int) {
	for _, reply := range r.Replies {
		for _, item := range reply.Items {
			n += len(item.Value)
		}
	}
	return n
}

// explained is an error of the store's as clients get it: they try again by themselves
// what begins with TRYAGAIN or CLUSTERDOWN.
func explained(err error) string {
	what := strings.ReplaceAll(err.Error(), "\n", "; ")
	switch {
	case errors.Is(err, access.ErrForbidden):
		return "NOPERM " + what
	case errors.Is(err, balsa.ErrUnknown):
		return "UNKNOWN it may have happened, or happen yet: " + what
	case errors.Is(err, balsa.ErrNotCommitted) && errors.Is(err, balsa.ErrNoLeader):
		return "CLUSTERDOWN nothing was changed: " + what
	case errors.Is(err, balsa.ErrNotCommitted):
		return "TRYAGAIN nothing was changed: " + what
	}
	return "ERR " + what
}

// failureText is what Redis says of an operation that cannot be done.
func failureText(f kv.Failure) string {
	switch f {
	case kv.ErrNotNumber:
		return notInteger
	case kv.ErrOverflow:
		return "ERR increment or decrement would overflow"
	case kv.ErrTooLong:
		return fmt.Sprintf("ERR string exceeds maximum allowed size (%d bytes)", kv.MaxValue)
	}
	return "ERR " + f.Error()
}
