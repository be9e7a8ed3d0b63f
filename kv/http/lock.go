package http

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
)

// lockPath is where the locks are. A lock is a key of the store, of the same name.
const lockPath = "/lock/"

const (
	// lockTTL is how long a lock is held if nobody says otherwise or keeps it.
	lockTTL = 30 * time.Second
	// maxWait is how long a request may wait for a lock: less than the server lets an
	// answer take.
	maxWait = 30 * time.Second
	// maxOwner bounds the name that a lock shows.
	maxOwner = 256
)

// held is a lock as JSON.
type held struct {
	// Token is higher than that of all holders before, so that what the lock protects can
	// refuse who has lost it and does not know.
	Token balsa.Index `json:"token"`
	Owner string      `json:"owner,omitempty"`
}

// showLock says who holds a lock.
func (h handler) showLock(w http.ResponseWriter, c call) {
	name, problem := keyOf(c)
	if problem != nil {
		problem.write(w)
		return
	}
	ctx, cancel := h.patient(c)
	defer cancel()
	v, problem := h.view(ctx, c, kv.OneKey(name))
	if problem != nil {
		problem.write(w)
		return
	}
	defer v.Close()
	item, err := v.Get(name)
	if err != nil {
		problemOf(err).write(w)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusOK, held{item.Created, kv.LockOwner(item)})
}

// wantedLock is what a request for a lock says of it.
type wantedLock struct {
	owner     string
	ttl, wait time.Duration
}

func wantedLockOf(query url.Values) (l wantedLock, err error) {
	l = wantedLock{owner: query.Get("owner"), ttl: lockTTL}
	if len(l.owner) > maxOwner {
		return l, fmt.Errorf("owner has %d bytes, the limit is %d", len(l.owner), maxOwner)
	}
	if query.Has("ttl") {
		if l.ttl, err = ttlOf(query.Get("ttl")); err != nil {
			return l, fmt.Errorf("ttl=%s: %w", query.Get("ttl"), err)
		}
	}
	if query.Has("wait") {
		l.wait, err = time.ParseDuration(query.Get("wait"))
		if err != nil || l.wait <= 0 || l.wait > maxWait {
			return l, fmt.Errorf("wait=%s: it is how long to wait for the lock, %s at most", query.Get("wait"), maxWait)
		}
	}
	return l, nil
}

// takeLock takes a lock, at once or when it becomes free in time.
func (h handler) takeLock(w http.ResponseWriter, c call) {
	name, problem := keyOf(c)
	if problem != nil {
		problem.write(w)
		return
	}
	wanted, err := wantedLockOf(c.query)
	if err != nil {
		badRequest(err).write(w)
		return
	}
	ctx, cancel := h.patient(c)
	defer cancel()
	l, err := kv.TryLock(ctx, c.store, name, wanted.owner, wanted.ttl)
	if errors.Is(err, kv.ErrLocked) && wanted.wait > 0 {
		l, err = h.awaitLock(c, name, wanted, err)
	}
	if err != nil {
		problemOf(err).write(w)
		return
	}
	setIndex(w, l.Token())
	writeJSON(w, http.StatusOK, held{l.Token(), wanted.owner})
}

// awaitLock waits for a lock that another holds. It counts as a watch, which it is.
func (h handler) awaitLock(c call, name string, wanted wantedLock, locked error) (*kv.Lock, error) {
	select {
	case h.watches <- struct{}{}:
		defer func() { <-h.watches }()
	default:
		return nil, fmt.Errorf("%w: %w: this member serves %d watches and waits for locks already; ask another member", balsa.ErrNotCommitted, balsa.ErrOverloaded, h.MaxWatches)
	}
	ctx, cancel := context.WithTimeout(c.Context(), wanted.wait)
	defer cancel()
	defer h.untilClosing(c, cancel)()
	l, err := kv.AwaitLock(ctx, c.store, name, wanted.owner, wanted.ttl)
	if err != nil && ctx.Err() != nil && errors.Is(err, balsa.ErrNotCommitted) {
		return nil, locked // in all that time
	}
	return l, err
}

// untilClosing calls end when the server closes, until what it returns is called.
func (h handler) untilClosing(c call, end func()) (stop func()) {
	closing, _ := c.Context().Value(closingKey{}).(<-chan struct{})
	done := make(chan struct{})
	go func() {
		select {
		case <-closing:
			end()
		case <-done:
		}
	}()
	return func() { close(done) }
}

func (h handler) keepLock(w http.ResponseWriter, c call) { h.withLock(w, c, (*kv.Lock).KeepAlive) }
func (h handler) giveLock(w http.ResponseWriter, c call) { h.withLock(w, c, (*kv.Lock).Unlock) }

// withLock does something with a lock that the caller holds, as the token says.
func (h handler) withLock(w http.ResponseWriter, c call, do func(*kv.Lock, context.Context) error) {
	name, problem := keyOf(c)
	if problem != nil {
		problem.write(w)
		return
	}
	token, err := indexOf(c.query, "token")
	if err == nil && token == 0 {
		err = errors.New("token is missing: it is what the lock was answered with when it was taken")
	}
	if err != nil {
		badRequest(err).write(w)
		return
	}
	ctx, cancel := h.patient(c)
	defer cancel()
	if err := do(kv.LockWith(c.store, name, token), ctx); err != nil {
		problemOf(err).write(w)
		return
	}
	writeJSON(w, http.StatusOK, held{Token: token})
}
