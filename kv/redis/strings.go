package redis

import (
	"math"
	"time"

	"github.com/balsaraft/balsa/kv"
)

var stringCommands = []command{
	{name: "get", arity: 2, flags: quick, first: 1, last: 1, step: 1, group: "string", does: "Returns the value of a key.", run: get},
	{name: "set", arity: -3, flags: writes, first: 1, last: 1, step: 1, group: "string", does: "Sets the value of a key, with NX, XX, GET, EX, PX, EXAT, PXAT and KEEPTTL.", run: set},
	{name: "setnx", arity: 3, flags: writes | quick, first: 1, last: 1, step: 1, group: "string", does: "Sets the value of a key that has none.", run: setNX},
	{name: "setex", arity: 4, flags: writes, first: 1, last: 1, step: 1, group: "string", does: "Sets the value of a key for some seconds.", run: setEX(time.Second)},
	{name: "psetex", arity: 4, flags: writes, first: 1, last: 1, step: 1, group: "string", does: "Sets the value of a key for some milliseconds.", run: setEX(time.Millisecond)},
	{name: "getset", arity: 3, flags: writes | quick, first: 1, last: 1, step: 1, group: "string", does: "Sets the value of a key and returns the one before.", run: getSet},
	{name: "getdel", arity: 2, flags: writes | quick, first: 1, last: 1, step: 1, group: "string", does: "Returns the value of a key and deletes it.", run: getDel},
	{name: "getex", arity: -2, flags: writes | quick, first: 1, last: 1, step: 1, group: "string", does: "Returns the value of a key and changes when it expires, with EX, PX, EXAT, PXAT and PERSIST.", run: getEX},
	{name: "mget", arity: -2, flags: quick, first: 1, last: -1, step: 1, group: "string", does: "Returns the values of several keys, as of one moment.", run: mget},
	{name: "mset", arity: -3, flags: writes, first: 1, last: -1, step: 2, group: "string", does: "Sets the values of several keys at once.", run: mset},
	{name: "msetnx", arity: -3, flags: writes | unqueueable, first: 1, last: -1, step: 2, group: "string", does: "Sets the values of several keys at once, if none has one.", run: msetNX},
	{name: "append", arity: 3, flags: writes | quick, first: 1, last: 1, step: 1, group: "string", does: "Appends to the value of a key.", run: appendTo},
	{name: "strlen", arity: 2, flags: quick, first: 1, last: 1, step: 1, group: "string", does: "Returns how many bytes the value of a key has.", run: strlen},
	{name: "getrange", arity: 4, first: 1, last: 1, step: 1, group: "string", does: "Returns a part of the value of a key.", run: getRange},
	{name: "substr", arity: 4, first: 1, last: 1, step: 1, group: "string", does: "The same as GETRANGE.", run: getRange},
	{name: "incr", arity: 2, flags: writes | quick, first: 1, last: 1, step: 1, group: "string", does: "Adds one to the number that is the value of a key.", run: add(1)},
	{name: "decr", arity: 2, flags: writes | quick, first: 1, last: 1, step: 1, group: "string", does: "Takes one from it.", run: add(-1)},
	{name: "incrby", arity: 3, flags: writes | quick, first: 1, last: 1, step: 1, group: "string", does: "Adds to the number that is the value of a key.", run: addBy(1)},
	{name: "decrby", arity: 3, flags: writes | quick, first: 1, last: 1, step: 1, group: "string", does: "Takes from it.", run: addBy(-1)},
}

// value answers with the value that an operation brought back, if there is one.
func value(w *writer, r kv.Reply) {
	switch {
	case r.Cut:
		w.fault("ERR the values are too large for one answer; ask for fewer")
	case len(r.Items) == 0:
		w.none()
	default:
		w.bulk(r.Items[0].Value)
	}
}

// firstValue is the answer of what brings one value back.
func firstValue(w *writer, r kv.Result) { value(w, r.Replies[0]) }

func get(_ *conn, args [][]byte) (action, error) {
	return action{ops: []kv.Op{kv.Get(string(args[1]))}, reads: true, heavy: true, answer: firstValue}, nil
}

// options are what stands behind the value of SET, or behind the key of GETEX. Each may
// stand there again, and the last counts, as in Redis.
type options struct {
	only    kv.Only
	get     bool
	keepTTL bool
	expires string // the option that says when, "" if none does
	amount  []byte // what stands behind it
}

// optionsOf reads options; ofSet are those that SET has and GETEX has not.
func optionsOf(args [][]byte, ofSet bool) (o options, err error) {
	// when notes one of those options that exclude each other.
	when := func(option string) bool {
		same := o.expires == "" || o.expires == option
		o.expires = option
		return same
	}
	for i := 0; i < len(args); i++ {
		option := inSmall(args[i])
		_, _, isTime := unitOf(option)
		switch {
		case ofSet && option == "nx" && o.only != kv.OnlyPresent:
			o.only = kv.OnlyAbsent
		case ofSet && option == "xx" && o.only != kv.OnlyAbsent:
			o.only = kv.OnlyPresent
		case ofSet && option == "get":
			o.get = true
		case ofSet && option == "keepttl" && when(option):
			o.keepTTL = true
		case !ofSet && option == "persist" && when(option):
		case isTime && i+1 < len(args) && when(option):
			i++
			o.amount = args[i]
		default:
			return o, errSyntax
		}
	}
	return o, nil
}

// expiry is when something is to expire, as the options say.
func (o options) expiry(command string) (expiry, error) {
	unit, moment, isTime := unitOf(o.expires)
	if !isTime {
		return expiry{}, nil
	}
	return somewhen(o.amount, unit, moment, command)
}

func set(_ *conn, args [][]byte) (action, error) {
	o, err := optionsOf(args[3:], true)
	if err != nil {
		return action{}, err
	}
	e, err := o.expiry("set")
	if err != nil {
		return action{}, err
	}
	op := e.on(kv.Set(string(args[1]), args[2]))
	op.Only, op.KeepTTL, op.Previous = o.only, o.keepTTL, o.get
	answer := func(w *writer, r kv.Result) {
		switch reply := r.Replies[0]; {
		case o.get:
			value(w, reply)
		case reply.Skipped:
			w.none()
		default:
			w.ok()
		}
	}
	return action{ops: []kv.Op{op}, heavy: o.get, answer: answer}, nil
}

func setNX(_ *conn, args [][]byte) (action, error) {
	op := kv.Set(string(args[1]), args[2])
	op.Only = kv.OnlyAbsent
	return action{ops: []kv.Op{op}, answer: func(w *writer, r kv.Result) { w.truth(!r.Replies[0].Skipped) }}, nil
}

func setEX(unit time.Duration) func(*conn, [][]byte) (action, error) {
	return func(_ *conn, args [][]byte) (action, error) {
		e, err := somewhen(args[2], unit, false, inSmall(args[0]))
		return action{ops: []kv.Op{e.on(kv.Set(string(args[1]), args[3]))}, answer: done}, err
	}
}

// done is the answer of what cannot but succeed.
func done(w *writer, _ kv.Result) { w.ok() }

func getSet(_ *conn, args [][]byte) (action, error) {
	op := kv.Set(string(args[1]), args[2])
	op.Previous = true
	return action{ops: []kv.Op{op}, heavy: true, answer: firstValue}, nil
}

func getDel(_ *conn, args [][]byte) (action, error) {
	op := kv.Delete(string(args[1]))
	op.Previous = true
	return action{ops: []kv.Op{op}, heavy: true, answer: firstValue}, nil
}

func getEX(c *conn, args [][]byte) (action, error) {
	a, _ := get(c, args)
	o, err := optionsOf(args[2:], false)
	if err != nil {
		return a, err
	}
	e, err := o.expiry("getex")
	if err != nil {
		return a, err
	}
	if o.expires != "" {
		a.ops, a.reads = append(a.ops, e.on(kv.Persist(string(args[1])))), false
	}
	return a, nil
}

func mget(_ *conn, args [][]byte) (action, error) {
	a := action{reads: true, heavy: true, answer: func(w *writer, r kv.Result) {
		for _, reply := range r.Replies {
			if reply.Cut {
				w.fault("ERR the values are too large for one answer; ask for fewer")
				return
			}
		}
		w.array(len(r.Replies))
		for _, reply := range r.Replies {
			value(w, reply)
		}
	}}
	for _, key := range args[1:] {
		a.ops = append(a.ops, kv.Get(string(key)))
	}
	return a, nil
}

func mset(_ *conn, args [][]byte) (action, error) {
	if len(args)%2 == 0 {
		return action{}, wrongNumber(inSmall(args[0]))
	}
	a := action{answer: done}
	for i := 1; i < len(args); i += 2 {
		a.ops = append(a.ops, kv.Set(string(args[i]), args[i+1]))
	}
	return a, nil
}

func msetNX(c *conn, args [][]byte) (action, error) {
	a, err := mset(c, args)
	for _, o := range a.ops {
		a.conds = append(a.conds, kv.IfAbsent().On(o.Key))
	}
	a.answer = func(w *writer, r kv.Result) { w.truth(r.Held) }
	return a, err
}

func appendTo(_ *conn, args [][]byte) (action, error) {
	op := kv.Append(string(args[1]), args[2])
	op.Try = true
	return action{ops: []kv.Op{op}, answer: sum}, nil
}

// sum is the answer of what ends in a number, or fails.
func sum(w *writer, r kv.Result) {
	if reply := r.Replies[0]; reply.Failure != 0 {
		w.fault(failureText(reply.Failure))
	} else {
		w.number(reply.Number)
	}
}

func add(delta int64) func(*conn, [][]byte) (action, error) {
	return func(_ *conn, args [][]byte) (action, error) {
		op := kv.Add(string(args[1]), delta)
		op.Try = true
		return action{ops: []kv.Op{op}, answer: sum}, nil
	}
}

func addBy(sign int64) func(*conn, [][]byte) (action, error) {
	return func(c *conn, args [][]byte) (action, error) {
		n, err := integer(args[2])
		if err != nil {
			return action{}, err
		}
		if sign < 0 && n == math.MinInt64 {
			return action{}, fault("ERR decrement would overflow")
		}
		return add(sign*n)(c, args)
	}
}

func strlen(c *conn, args [][]byte) (action, error) {
	a, err := get(c, args)
	a.answer = func(w *writer, r kv.Result) {
		n := 0
		for _, i := range r.Replies[0].Items {
			n = len(i.Value)
		}
		w.number(int64(n))
	}
	return a, err
}

func getRange(c *conn, args [][]byte) (action, error) {
	a, _ := get(c, args)
	from, err := integer(args[2])
	if err != nil {
		return a, err
	}
	to, err := integer(args[3])
	a.answer = func(w *writer, r kv.Result) {
		var text []byte
		for _, i := range r.Replies[0].Items {
			text = part(i.Value, from, to)
		}
		w.bulk(text)
	}
	return a, err
}

// part is what stands from one place to another, both included; those before 0 are
// counted from the end.
func part(b []byte, from, to int64) []byte {
	n := int64(len(b))
	if from < 0 && to < 0 && from > to {
		return nil
	}
	if from < 0 {
		from = max(from+n, 0)
	}
	if to < 0 {
		to = max(to+n, 0)
	}
	to = min(to, n-1)
	if from > to {
		return nil
	}
	return b[from : to+1]
}
