package redis

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/balsaraft/balsa/kv"
	"github.com/balsaraft/balsa/kv/access"
)

var notifyCommands = []command{
	{name: "subscribe", arity: -2, flags: subscribed | unqueueable, group: "pubsub", does: "Tells of changes of a key, __keyspace@0__:KEY, or of a kind, __keyevent@0__:set or :del.", run: subscribe(false)},
	{name: "psubscribe", arity: -2, flags: subscribed | unqueueable, group: "pubsub", does: "The same for the channels that fit patterns.", run: subscribe(true)},
	{name: "unsubscribe", arity: -1, flags: subscribed | unqueueable, group: "pubsub", does: "Ends that.", run: unsubscribe(false)},
	{name: "punsubscribe", arity: -1, flags: subscribed | unqueueable, group: "pubsub", does: "Ends that for patterns.", run: unsubscribe(true)},
}

// The channels there are: a key's, on which the event is told, and an event's, on which
// the key is.
const (
	keyChannel   = "__keyspace@0__:"
	eventChannel = "__keyevent@0__:"
)

// The events.
const (
	wasSet     = "set"
	wasDeleted = "del"
)

// maxSubscriptions is how many channels and patterns a connection has.
const maxSubscriptions = 1000

// subscriptions are what a connection wants to be told. A goroutine tells it.
type subscriptions struct {
	cancel context.CancelFunc
	ended  chan struct{}

	mu       sync.Mutex
	channels map[string]bool
	patterns map[string]bool
}

func (s *subscriptions) of(patterns bool) map[string]bool {
	if patterns {
		return s.patterns
	}
	return s.channels
}

func (s *subscriptions) count() int { return len(s.channels) + len(s.patterns) }

func subscribe(patterns bool) func(*conn, [][]byte) (action, error) {
	kind := map[bool]string{false: "subscribe", true: "psubscribe"}[patterns]
	return func(c *conn, args [][]byte) (action, error) {
		for _, name := range args[1:] {
			switch n := string(name); {
			case len(n) > len(keyChannel)+2*kv.MaxKey:
				return action{}, fault("ERR the name of a channel is too long")
			case !patterns && !isChannel(n):
				return action{}, fault("ERR there are no channels but those of keys, " + keyChannel + "KEY, and of events, " + eventChannel + wasSet + " and " + eventChannel + wasDeleted)
			}
		}
		return action{alone: func(ctx context.Context) { c.subscribe(ctx, kind, patterns, args[1:]) }}, nil
	}
}

// isChannel says whether something is ever told on a channel. Nothing would be on that of an
// event which there is not, such as expired, and nobody would know.
func isChannel(name string) bool {
	event, ofEvent := strings.CutPrefix(name, eventChannel)
	return strings.HasPrefix(name, keyChannel) || ofEvent && (event == wasSet || event == wasDeleted)
}

func (c *conn) subscribe(ctx context.Context, kind string, patterns bool, names [][]byte) {
	for _, name := range names {
		if err := mayHear(c.who.caller, string(name), patterns); err != nil {
			c.write(func(w *writer) { w.fault(explained(err)) })
			return
		}
	}
	if c.subs == nil {
		if err := c.listen(ctx); err != nil {
			c.write(func(w *writer) { w.fault(explained(err)) })
			return
		}
	}
	s := c.subs
	// Both locks, so that nothing is told of a channel before the answer that it is
	// subscribed to.
	c.write(func(w *writer) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, name := range names {
			if s.count() >= maxSubscriptions {
				w.fault("ERR too many channels and patterns on one connection")
				return
			}
			s.of(patterns)[string(name)] = true
			w.push(3)
			w.text(kind)
			w.bulk(name)
			w.number(int64(s.count()))
		}
	})
}

// listen begins to tell of changes from now on: all that were not acknowledged yet.
func (c *conn) listen(ctx context.Context) error {
	v, err := c.store.View(ctx)
	if err != nil {
		return err
	}
	from := v.Applied() + 1
	if err := v.Close(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &subscriptions{cancel: cancel, ended: make(chan struct{}), channels: map[string]bool{}, patterns: map[string]bool{}}
	c.subs = s
	// All changes, of which the caller is told those of keys that it may read then.
	who, all := c.who, c.server.store.Watch(ctx, kv.Watch{From: from, KeysOnly: true})
	go func() {
		defer close(s.ended)
		c.tell(ctx, s, who, all)
	}()
	return nil
}

// mayHear says whether a caller may subscribe to a channel: to a key's, who may read the
// key; to others and to patterns, who may read something, and is told of no more.
func mayHear(caller *access.Caller, name string, pattern bool) error {
	if key, ofKey := strings.CutPrefix(name, keyChannel); ofKey && !pattern {
		return caller.Need(access.Read, key)
	}
	return caller.NeedSome(access.Read)
}

// stillMay says whether a caller may hear all that is subscribed to.
func (s *subscriptions) stillMay(caller *access.Caller) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range s.channels {
		if err := mayHear(caller, name, false); err != nil {
			return err
		}
	}
	return caller.NeedSome(access.Read)
}

// heard are the changes that a caller may know of.
func heard(caller *access.Caller, all []kv.Event) []kv.Event {
	if caller.NeedAll(access.Read) == nil {
		return all
	}
	return slices.DeleteFunc(all, func(e kv.Event) bool { return !caller.May(access.Read, e.Item.Key) })
}

// tell tells of changes until ctx ends, or the connection.
func (c *conn) tell(ctx context.Context, s *subscriptions, who standing, all iter.Seq2[kv.Changes, error]) {
	for changes, err := range all {
		// Callers may have been replaced.
		if now, _ := c.server.now(who); err == nil && now.caller != who.caller {
			who = now
			err = s.stillMay(now.caller)
		}
		switch {
		case err == nil:
			c.write(func(w *writer) { s.tell(w, heard(who.caller, changes.Events)) })
			err = c.flush()
		case ctx.Err() != nil:
			return
		case errors.Is(err, kv.ErrClosed):
		default:
			// Whoever missed something must know it: the end of the connection says so.
			c.write(func(w *writer) { w.fault(explained(err)) })
			c.flush()
		}
		if err != nil {
			c.net.Close()
			return
		}
	}
}

// tell writes what is subscribed to of some changes.
func (s *subscriptions) tell(w *writer, events []kv.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	patterns := slices.Sorted(maps.Keys(s.patterns))
	for _, e := range events {
		what := wasSet
		if e.Removed {
			what = wasDeleted
		}
		for _, m := range [...]struct{ channel, text string }{{keyChannel + e.Item.Key, what}, {eventChannel + what, e.Item.Key}} {
			if s.channels[m.channel] {
				w.push(3)
				w.texts2("message", m.channel, m.text)
			}
			for _, p := range patterns {
				if match(p, m.channel) {
					w.push(4)
					w.texts2("pmessage", p, m.channel, m.text)
				}
			}
		}
	}
}

func unsubscribe(patterns bool) func(*conn, [][]byte) (action, error) {
	kind := map[bool]string{false: "unsubscribe", true: "punsubscribe"}[patterns]
	return func(c *conn, args [][]byte) (action, error) {
		return action{alone: func(context.Context) { c.leave(kind, patterns, args[1:]) }}, nil
	}
}

// leave ends some subscriptions, or all of a kind, and answers each.
func (c *conn) leave(kind string, patterns bool, names [][]byte) {
	left := 0
	c.write(func(w *writer) {
		s := c.subs
		if s == nil {
			s = &subscriptions{}
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		of := s.of(patterns)
		if len(names) == 0 {
			for _, name := range slices.Sorted(maps.Keys(of)) {
				names = append(names, []byte(name))
			}
		}
		if len(names) == 0 {
			w.push(3)
			w.text(kind)
			w.none()
			w.number(int64(s.count()))
		}
		for _, name := range names {
			delete(of, string(name))
			w.push(3)
			w.text(kind)
			w.bulk(name)
			w.number(int64(s.count()))
		}
		left = s.count()
	})
	if left == 0 {
		c.unsubscribe()
	}
}

// unsubscribe ends what tells of changes.
func (c *conn) unsubscribe() {
	if c.subs == nil {
		return
	}
	c.subs.cancel()
	// It may be waiting for the client to read, but no longer than Config.Unread.
	<-c.subs.ended
	c.subs = nil
}
