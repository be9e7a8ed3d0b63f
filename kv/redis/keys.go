package redis

import (
	"time"

	"github.com/balsaraft/balsa/kv"
)

var keyCommands = []command{
	{name: "del", arity: -2, flags: writes, first: 1, last: -1, step: 1, group: "generic", does: "Deletes keys, all at once.", run: del},
	{name: "unlink", arity: -2, flags: writes | quick, first: 1, last: -1, step: 1, group: "generic", does: "The same as DEL.", run: del},
	{name: "exists", arity: -2, flags: quick, first: 1, last: -1, step: 1, group: "generic", does: "Returns how many of some keys there are.", run: exists},
	{name: "touch", arity: -2, flags: quick, first: 1, last: -1, step: 1, group: "generic", does: "The same as EXISTS.", run: exists},
	{name: "type", arity: 2, flags: quick, first: 1, last: 1, step: 1, group: "generic", does: "Returns string for a key that is there, else none.", run: typeOf},
	{name: "expire", arity: -3, flags: writes | quick, first: 1, last: 1, step: 1, group: "generic", does: "Lets a key expire after some seconds, with NX, XX, GT and LT.", run: expire(time.Second, false)},
	{name: "pexpire", arity: -3, flags: writes | quick, first: 1, last: 1, step: 1, group: "generic", does: "Lets a key expire after some milliseconds, with NX, XX, GT and LT.", run: expire(time.Millisecond, false)},
	{name: "expireat", arity: -3, flags: writes | quick, first: 1, last: 1, step: 1, group: "generic", does: "Lets a key expire so many seconds after 1970, with NX, XX, GT and LT.", run: expire(time.Second, true)},
	{name: "pexpireat", arity: -3, flags: writes | quick, first: 1, last: 1, step: 1, group: "generic", does: "Lets a key expire so many milliseconds after 1970, with NX, XX, GT and LT.", run: expire(time.Millisecond, true)},
	{name: "persist", arity: 2, flags: writes | quick, first: 1, last: 1, step: 1, group: "generic", does: "Lets a key stay.", run: persist},
	{name: "ttl", arity: 2, flags: quick, first: 1, last: 1, step: 1, group: "generic", does: "Returns in how many seconds a key expires.", run: ttl(time.Second, false)},
	{name: "pttl", arity: 2, flags: quick, first: 1, last: 1, step: 1, group: "generic", does: "Returns in how many milliseconds a key expires.", run: ttl(time.Millisecond, false)},
	{name: "expiretime", arity: 2, flags: quick, first: 1, last: 1, step: 1, group: "generic", does: "Returns how many seconds after 1970 a key expires.", run: ttl(time.Second, true)},
	{name: "pexpiretime", arity: 2, flags: quick, first: 1, last: 1, step: 1, group: "generic", does: "Returns how many milliseconds after 1970 a key expires.", run: ttl(time.Millisecond, true)},
	{name: "keys", arity: 2, flags: unqueueable, group: "generic", does: "Returns the keys that fit a pattern.", run: keys},
	{name: "scan", arity: -2, flags: unqueueable, group: "generic", does: "Returns the keys bit by bit, with MATCH, COUNT and TYPE.", run: scan},
	{name: "dbsize", arity: 1, flags: quick | unqueueable, group: "server", does: "Returns how many keys there are.", run: dbSize},
	{name: "flushdb", arity: -1, flags: writes | unqueueable, group: "server", does: "Deletes all keys, bit by bit.", run: flush},
	{name: "flushall", arity: -1, flags: writes | unqueueable, group: "server", does: "The same as FLUSHDB.", run: flush},
}

// count answers with how many operations found something.
func count(w *writer, r kv.Result) {
	n := int64(0)
	for _, reply := range r.Replies {
		if reply.Found {
			n++
		}
	}
	w.number(n)
}

func del(_ *conn, args [][]byte) (action, error) {
	a := action{answer: count}
	for _, key := range args[1:] {
		a.ops = append(a.ops, kv.Delete(string(key)))
	}
	return a, nil
}

// look reads a key without its value.
func look(key []byte) kv.Op {
	op := kv.Get(string(key))
	op.KeysOnly = true
	return op
}

func exists(_ *conn, args [][]byte) (action, error) {
	a := action{reads: true, answer: count}
	for _, key := range args[1:] {
		a.ops = append(a.ops, look(key))
	}
	return a, nil
}

func typeOf(_ *conn, args [][]byte) (action, error) {
	return action{ops: []kv.Op{look(args[1])}, reads: true, answer: func(w *writer, r kv.Result) {
		if r.Replies[0].Found {
			w.simple("string")
		} else {
			w.simple("none")
		}
	}}, nil
}

var expireOptions = map[string]kv.Only{"nx": kv.OnlyStaying, "xx": kv.OnlyExpiring, "gt": kv.OnlyLater, "lt": kv.OnlySooner}

func expire(unit time.Duration, moment bool) func(*conn, [][]byte) (action, error) {
	return func(_ *conn, args [][]byte) (action, error) {
		only, err := onlyOf(args[3:])
		if err != nil {
			return action{}, err
		}
		e, err := expiryOf(args[2], unit, moment, inSmall(args[0]))
		if err != nil {
			return action{}, err
		}
		op := e.on(kv.Persist(string(args[1])))
		op.Only = only
		return action{ops: []kv.Op{op}, answer: found}, nil
	}
}

// onlyOf is what the options of EXPIRE say together.
func onlyOf(options [][]byte) (kv.Only, error) {
	given := map[kv.Only]bool{}
	for _, option := range options {
		only := expireOptions[inSmall(option)]
		if only == 0 {
			return 0, fault("ERR Unsupported option " + string(option[:min(len(option), 32)]))
		}
		given[only] = true
	}
	switch nx, xx, gt, lt := given[kv.OnlyStaying], given[kv.OnlyExpiring], given[kv.OnlyLater], given[kv.OnlySooner]; {
	case nx && (xx || gt || lt):
		return 0, fault("ERR NX and XX, GT or LT options at the same time are not compatible")
	case gt && lt:
		return 0, fault("ERR GT and LT options at the same time are not compatible")
	case xx && lt:
		return 0, fault("ERR XX and LT options at the same time are not supported")
	case gt: // with XX, too, since what stays expires later than anything
		return kv.OnlyLater, nil
	case nx:
		return kv.OnlyStaying, nil
	case xx:
		return kv.OnlyExpiring, nil
	case lt:
		return kv.OnlySooner, nil
	}
	return 0, nil
}

// found answers whether an operation was done on something.
func found(w *writer, r kv.Result) { w.truth(r.Replies[0].Found && !r.Replies[0].Skipped) }

func persist(_ *conn, args [][]byte) (action, error) {
	op := kv.Persist(string(args[1]))
	op.Only = kv.OnlyExpiring
	return action{ops: []kv.Op{op}, answer: found}, nil
}

func ttl(unit time.Duration, moment bool) func(*conn, [][]byte) (action, error) {
	return func(_ *conn, args [][]byte) (action, error) {
		return action{ops: []kv.Op{look(args[1])}, reads: true, answer: func(w *writer, r kv.Result) {
			switch reply := r.Replies[0]; {
			case !reply.Found:
				w.number(-2)
			case len(reply.Items) == 0:
				w.fault("ERR the answer is too large; ask for fewer keys")
			case reply.Items[0].Expires.IsZero():
				w.number(-1)
			case moment:
				w.number(reply.Items[0].Expires.UnixMilli() / unit.Milliseconds())
			default:
				left := max(time.Until(reply.Items[0].Expires), 0)
				w.number(int64(left.Round(unit) / unit))
			}
		}}, nil
	}
}
