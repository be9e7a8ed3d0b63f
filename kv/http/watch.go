package http

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
	"github.com/balsaraft/balsa/kv/access"
	"github.com/balsaraft/balsa/unread"
)

// watch answers with server-sent events: one for each command that changed keys with
// the prefix. It takes one goroutine and a bounded part of the history at a time; who
// does not read is cut off, and resumes from the last id that it has seen.
func (h handler) watch(w http.ResponseWriter, c call) {
	wanted, problem := h.wanted(c)
	if problem != nil {
		problem.write(w)
		return
	}
	select {
	case h.watches <- struct{}{}:
		defer func() { <-h.watches }()
	default:
		refuse(http.StatusServiceUnavailable, "overloaded", fmt.Sprintf("this member serves %d watches already; end one, or ask another member", h.MaxWatches)).write(w)
		return
	}
	if wanted.From, problem = h.begin(c, wanted.From); problem != nil {
		problem.write(w)
		return
	}
	h.follow(w, c, wanted)
}

// wanted is what the query asks to see, and whether the caller may.
func (h handler) wanted(c call) (kv.Watch, *problem) {
	r, err := watchedRange(c.query)
	if err != nil {
		return kv.Watch{}, badRequest(err)
	}
	wanted := kv.Watch{Range: r, Progress: true}
	if wanted.Previous, err = isSet(c.query, "previous"); err != nil {
		return wanted, badRequest(err)
	}
	if wanted.From, err = indexOf(c.query, "from"); err != nil {
		return wanted, badRequest(err)
	}
	// A browser that connects again sends the address that it had, and this with it.
	if last := c.Header.Get("Last-Event-ID"); last != "" {
		i, err := strconv.ParseUint(last, 10, 63)
		if err != nil {
			return wanted, badRequest(fmt.Errorf("Last-Event-ID: %q; it is the id of an event of this watch", last))
		}
		wanted.From = balsa.Index(i) + 1
	}
	if err := c.caller.NeedRange(access.Read, wanted.Range); err != nil {
		return wanted, problemOf(err)
	}
	return wanted, nil
}

// watchedRange is one key, or what begins with a prefix.
func watchedRange(query url.Values) (kv.Range, error) {
	key, prefix := query.Get("key"), query.Get("prefix")
	switch {
	case query.Has("key") && query.Has("prefix"):
		return kv.Range{}, errors.New("key and prefix exclude each other; give one")
	case query.Has("key"):
		return kv.OneKey(key), kv.CheckKey(key)
	case len(prefix) > kv.MaxKey:
		return kv.Range{}, fmt.Errorf("prefix has %d bytes, the limit of keys is %d", len(prefix), kv.MaxKey)
	}
	return kv.Prefix(prefix), nil
}

// begin finds where a watch begins. One without a beginning begins after all that was
// acknowledged before; one whose beginning is forgotten is told now, rather than in a
// stream.
func (h handler) begin(c call, from balsa.Index) (balsa.Index, *problem) {
	ctx, cancel := h.patient(c)
	defer cancel()
	var options []balsa.ReadOption
	if from != 0 {
		options = []balsa.ReadOption{balsa.AtLeast(0)} // what is here will do
	}
	v, err := c.store.View(ctx, options...)
	if err != nil {
		return 0, problemOf(err)
	}
	defer v.Close()
	if from == 0 {
		from = v.Applied() + 1
	}
	if from <= v.Compacted() {
		return 0, problemOf(&kv.CompactedError{Asked: from, Compacted: v.Compacted()})
	}
	return from, nil
}

var (
	errShutDown = errors.New("this member is shutting down; go on at another one")
	errStopped  = errors.New("this member has stopped; go on at another one")
	errAlone    = errors.New("this member hears of no leader, so that changes may go past it; go on at another one")
	errUnread   = errors.New("the watcher does not read, or is gone")
	// errCrowdedOut ends a watch rather than let it hold what there is no room for.
	errCrowdedOut = errors.New("this member is busy with other large answers, which their readers take slowly; go on after the last id, here or at another one")
)

// follow sends what changes until something ends it.
func (h handler) follow(w http.ResponseWriter, c call, wanted kv.Watch) {
	ctx, end := context.WithCancelCause(c.Context())
	s := &stream{w: w, control: http.NewResponseController(w), patience: h.WatchPatience, answers: h.answers, seen: wanted.From - 1}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would collect what should go out
	setIndex(w, s.seen)
	err := s.beat()
	var beating sync.WaitGroup
	beating.Go(func() { h.beat(ctx, end, s, c, wanted.Range) })
	if err == nil {
		err = h.send(ctx, s, c, wanted)
	}
	end(err)
	beating.Wait()
	s.end(err)
}

// send writes the changes as they come. It returns why they end.
func (h handler) send(ctx context.Context, s *stream, c call, wanted kv.Watch) error {
	for changes, err := range c.store.Watch(ctx, wanted) {
		if err != nil {
			return err
		}
		if err := h.stillMay(c, wanted.Range); err != nil {
			return err
		}
		if err := s.send(changes); err != nil {
			return err
		}
	}
	return errStopped // no watch ends without an error
}

// beat keeps the stream alive, and ends it when the member, the server or the caller's
// right does, or when the member has heard of no leader from one beat to the next: it may
// be cut off, and not know of what happens.
func (h handler) beat(ctx context.Context, end context.CancelCauseFunc, s *stream, c call, r kv.Range) {
	closing, _ := c.Context().Value(closingKey{}).(<-chan struct{})
	ticks := time.NewTicker(h.WatchBeat)
	defer ticks.Stop()
	alone := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-closing:
			end(errShutDown)
		case <-h.Member.Done():
			end(errStopped)
		case <-ticks.C:
			err := h.stillMay(c, r)
			before := alone
			alone = h.Member.Status().Leader == ""
			switch {
			case err != nil:
			case before && alone:
				err = errAlone
			default:
				err = s.beat()
			}
			if err != nil {
				end(err)
			}
		}
	}
}

// stillMay asks again for a right: callers may have been replaced meanwhile.
func (h handler) stillMay(c call, r kv.Range) error {
	if h.Access == nil {
		return nil
	}
	caller, problem := h.callerOf(c.Request)
	if problem != nil {
		return (*access.Caller)(nil).NeedRange(access.Read, r)
	}
	return caller.NeedRange(access.Read, r)
}

// stream writes server-sent events. Two goroutines use it.
type stream struct {
	w        http.ResponseWriter
	control  *http.ResponseController
	patience time.Duration
	answers  *unread.Answers

	mu   sync.Mutex
	seen balsa.Index // all up to here was sent, or was in no range
	told balsa.Index // the id that the watcher knows
}

// change is an Event as JSON.
type change struct {
	Item
	Removed  bool  `json:"removed,omitempty"`
	Previous *Item `json:"previous,omitempty"`
}

// send writes what one command has changed as one event, and remembers to where it has
// come if there is nothing to write.
func (s *stream) send(c kv.Changes) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	done := s.answers.Room(sizeOf(c))
	if done == nil {
		return errCrowdedOut // and it was not seen: no beat may tell its index
	}
	defer done()
	s.seen = c.Index
	if len(c.Events) == 0 {
		return nil
	}
	s.told = c.Index
	// One at a time: together they may be large.
	err := s.write(fmt.Appendf(nil, "id: %d\ndata: {\"index\":%d,\"events\":[", c.Index, c.Index))
	for i, e := range c.Events {
		if i > 0 && err == nil {
			err = s.write([]byte(","))
		}
		if err == nil {
			err = s.writeJSON(changeOf(e))
		}
	}
	if err == nil {
		err = s.write([]byte("]}\n\n"))
	}
	return s.flush(err)
}

// sizeOf is how many bytes a change holds until it is sent.
func sizeOf(c kv.Changes) (bytes int) {
	for _, e := range c.Events {
		bytes += len(e.Item.Key) + len(e.Item.Value)
		if e.Previous != nil {
			bytes += len(e.Previous.Value)
		}
	}
	return bytes
}

func changeOf(e kv.Event) change {
	shown := change{Item: ItemOf(e.Item, !e.Removed), Removed: e.Removed}
	if e.Previous != nil {
		before := ItemOf(*e.Previous, true)
		shown.Previous = &before
	}
	return shown
}

// beat writes a comment, which keeps proxies from taking the stream for dead. An id goes
// with it if the watch has come further, so that who resumes need not go through what
// was not for it, which may be forgotten then.
func (s *stream) beat() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	line := fmt.Appendf(nil, ": all is sent up to %d\n", s.seen)
	if s.told != s.seen {
		line = fmt.Appendf(line, "id: %d\n", s.seen)
		s.told = s.seen
	}
	return s.flush(s.write(append(line, '\n')))
}

// end says why the stream ends, unless nobody listens.
func (s *stream) end(err error) {
	if errors.Is(err, context.Canceled) || errors.Is(err, errUnread) {
		return
	}
	p := problemOf(err)
	if errors.Is(err, errShutDown) || errors.Is(err, errStopped) {
		p = refuse(http.StatusServiceUnavailable, "closed", err.Error())
	}
	if errors.Is(err, errCrowdedOut) {
		p = refuse(http.StatusServiceUnavailable, "overloaded", err.Error())
	}
	if errors.Is(err, errAlone) {
		p = refuse(http.StatusServiceUnavailable, "no_leader", err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	err = s.write([]byte("event: end\ndata: "))
	if err == nil {
		err = s.writeJSON(p.body())
	}
	if err == nil {
		s.flush(s.write([]byte("\n\n")))
	}
}

func (s *stream) writeJSON(value any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return err
	}
	return s.write(bytes.TrimSuffix(b.Bytes(), []byte("\n"))) // a line's end would end the data
}

// write gives every part the same time, so that the server's deadline, which is for whole
// answers, does not count.
func (s *stream) write(b []byte) error {
	s.control.SetWriteDeadline(time.Now().Add(s.patience))
	if _, err := s.w.Write(b); err != nil {
		return fmt.Errorf("%w: %w", errUnread, err)
	}
	return nil
}

func (s *stream) flush(err error) error {
	if err == nil {
		err = s.control.Flush()
		if err != nil {
			err = fmt.Errorf("%w: %w", errUnread, err)
		}
	}
	return err
}
