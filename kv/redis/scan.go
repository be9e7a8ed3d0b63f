package redis

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"strconv"
	"sync"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
	"github.com/balsaraft/balsa/kv/access"
)

const (
	// pageBytes is how much of the store is looked at before it is let go.
	pageBytes = 1 << 20
	// maxKeys is how many bytes of keys one answer has.
	maxKeys = 16 << 20
	// maxCursors is how many scans a member remembers. The oldest are forgotten.
	maxCursors = 4096
)

// cursors remember where scans are to go on. Any goroutine may use them.
type cursors struct {
	mu    sync.Mutex
	after map[uint64]string // the last key that was looked at
	order []uint64          // oldest first
}

// keep returns a number that stands for what comes behind a key.
func (c *cursors) keep(key string) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.after == nil {
		c.after = map[uint64]string{}
	}
	// By chance, so that another member's number, or one of an earlier life, is not
	// taken for one of these.
	id := rand.Uint64()>>1 | 1
	c.after[id] = key
	if c.order = append(c.order, id); len(c.order) > maxCursors {
		delete(c.after, c.order[0])
		c.order = c.order[1:]
	}
	return id
}

func (c *cursors) find(id uint64) (key string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key, ok = c.after[id]
	return key, ok
}

// pages yields the keys of a range bit by bit. Each bit is as of one moment.
func (c *conn) pages(ctx context.Context, r kv.Range, o kv.ScanOptions) iter.Seq2[[]kv.Item, error] {
	return func(yield func([]kv.Item, error) bool) {
		for first := true; ; first = false {
			items, more, err := c.page(ctx, r, o, first)
			if !yield(items, err) || err != nil || !more {
				return
			}
			r.From = items[len(items)-1].Key + "\x00"
		}
	}
}

func (c *conn) page(ctx context.Context, r kv.Range, o kv.ScanOptions, first bool) ([]kv.Item, bool, error) {
	var options []balsa.ReadOption
	if !first {
		options = append(options, balsa.AtLeast(0)) // the first one was new enough
	}
	parts, err := c.readable(r)
	if err != nil {
		return nil, false, err
	}
	v, err := c.store.View(ctx, options...)
	if err != nil {
		return nil, false, err
	}
	defer v.Close()
	o.MaxBytes = pageBytes
	return scanParts(v, parts, o)
}

// scanParts is View.Scan for several ranges, one behind the other.
func scanParts(v *kv.View, parts []kv.Range, o kv.ScanOptions) (all []kv.Item, more bool, err error) {
	for i, part := range parts {
		items, more, err := v.Scan(part, o)
		all = append(all, items...)
		if err != nil || more {
			return all, more, err
		}
		for _, item := range items {
			o.MaxBytes -= len(item.Key) + len(item.Value)
		}
		full := o.Limit > 0 && len(items) == o.Limit || o.MaxBytes <= 0
		if full && i+1 < len(parts) {
			return all, true, nil
		}
		if o.Limit > 0 {
			o.Limit -= len(items)
		}
	}
	return all, false, nil
}

func keys(c *conn, args [][]byte) (action, error) {
	pattern := string(args[1])
	return action{alone: func(ctx context.Context) {
		var all []string
		size := 0
		for items, err := range c.pages(ctx, kv.Prefix(literal(pattern)), kv.ScanOptions{KeysOnly: true}) {
			if err == nil && ctx.Err() != nil {
				err = fmt.Errorf("%w: there are too many keys to look at in time; use SCAN", balsa.ErrNotCommitted)
			}
			if err != nil {
				c.write(func(w *writer) { w.fault(explained(err)) })
				return
			}
			for _, i := range items {
				if match(pattern, i.Key) {
					all = append(all, i.Key)
					size += len(i.Key)
				}
			}
			if size > maxKeys {
				c.write(func(w *writer) { w.fault("ERR too many keys for one answer; use SCAN") })
				return
			}
		}
		c.write(func(w *writer) { w.texts(all...) })
	}}, nil
}

// scanOptions are what stands behind SCAN's cursor.
type scanOptions struct {
	pattern string
	count   int
	nothing bool // a type was asked for that no key has
}

func scanOptionsOf(args [][]byte) (o scanOptions, err error) {
	o = scanOptions{pattern: "*", count: 10}
	for i := 0; i+1 < len(args); i += 2 {
		switch inSmall(args[i]) {
		case "match":
			o.pattern = string(args[i+1])
		case "count":
			n, err := integer(args[i+1])
			if err != nil {
				return o, err
			}
			if n < 1 {
				return o, errSyntax
			}
			o.count = int(min(n, kv.MaxRange))
		case "type":
			o.nothing = inSmall(args[i+1]) != "string"
		default:
			return o, errSyntax
		}
	}
	if len(args)%2 != 0 {
		return o, errSyntax
	}
	return o, nil
}

func scan(c *conn, args [][]byte) (action, error) {
	cursor, err := strconv.ParseUint(string(args[1]), 10, 64)
	if err != nil {
		return action{}, fault("ERR invalid cursor")
	}
	o, err := scanOptionsOf(args[2:])
	if err != nil {
		return action{}, err
	}
	r := kv.Prefix(literal(o.pattern))
	if cursor != 0 {
		after, ok := c.server.cursors.find(cursor)
		if !ok {
			return action{}, fault("ERR invalid cursor: this member does not know it, or no more; scan from 0 again")
		}
		r.From = max(r.From, after+"\x00")
	}
	return action{alone: func(ctx context.Context) {
		items, more, err := c.page(ctx, r, kv.ScanOptions{Limit: o.count, KeysOnly: true}, true)
		if err != nil {
			c.write(func(w *writer) { w.fault(explained(err)) })
			return
		}
		next := uint64(0)
		if more {
			next = c.server.cursors.keep(items[len(items)-1].Key)
		}
		var fit []string
		for _, i := range items {
			if !o.nothing && match(o.pattern, i.Key) {
				fit = append(fit, i.Key)
			}
		}
		c.write(func(w *writer) {
			w.array(2)
			w.text(strconv.FormatUint(next, 10))
			w.texts(fit...)
		})
	}}, nil
}

func dbSize(c *conn, _ [][]byte) (action, error) {
	return action{alone: func(ctx context.Context) {
		n, err := c.countKeys(ctx)
		c.write(func(w *writer) {
			if err != nil {
				w.fault(explained(err))
			} else {
				w.number(int64(n))
			}
		})
	}}, nil
}

// flush deletes all keys that there are, some with each command.
func flush(c *conn, args [][]byte) (action, error) {
	if len(args) > 2 {
		return action{}, errSyntax
	}
	for _, option := range args[1:] {
		if o := inSmall(option); o != "sync" && o != "async" {
			return action{}, errSyntax
		}
	}
	return action{long: true, alone: func(ctx context.Context) {
		if err := c.deleteAll(ctx); err != nil {
			c.write(func(w *writer) { w.fault(explained(err)) })
			return
		}
		c.write(func(w *writer) { w.ok() })
	}}, nil
}

// deleteAll takes as long as it does; each step has the time of a command. It is not for
// who would delete a part of all.
func (c *conn) deleteAll(ctx context.Context) (err error) {
	if err := c.who.caller.NeedAll(access.Read | access.Write); err != nil {
		return err
	}
	r, more := kv.Range{}, true
	for more && err == nil {
		c.giveTime(ctx, func(ctx context.Context) {
			// With the values, which bounds what deleting them holds in memory.
			const some = 1000
			var items []kv.Item
			if items, more, err = c.page(ctx, r, kv.ScanOptions{Limit: some}, true); err != nil || len(items) == 0 {
				return
			}
			// As single keys, not as a range: a key that is made meanwhile stays.
			var command kv.Command
			for _, i := range items {
				command.Then = append(command.Then, kv.Delete(i.Key))
			}
			r.From = items[len(items)-1].Key + "\x00"
			_, err = c.store.Do(ctx, command)
		})
	}
	return err
}
