package kv

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/balsaraft/balsa"
)

// Lock is a lock that is held: a key that goes with a lease. Its holder keeps the lease
// alive; when it does not, for as long as the lease lasts, the lock is another's to take.
//
// A holder that was asleep may not know that it has lost the lock. So what the lock
// protects must check the token: one that is higher than all before it is that of the
// newest holder. In this store, give the commands Held as a condition.
type Lock struct {
	store LockStore
	name  string
	token balsa.Index
}

// LockStore is what a lock needs; a Store is one.
type LockStore interface {
	Do(ctx context.Context, c Command) (Result, error)
	Watch(ctx context.Context, w Watch) iter.Seq2[Changes, error]
}

// ErrLocked says that another holds the lock. It is a *LockedError.
var ErrLocked = errors.New("locked")

// ErrLockLost says that the lock is not this holder's any more.
var ErrLockLost = errors.New("the lock is lost: its lease was not kept alive in time; take it anew")

// LockedError says who holds the lock.
type LockedError struct {
	Name  string
	Owner string
	Token balsa.Index
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("%s is locked by %q, with token %d", e.Name, e.Owner, e.Token)
}

// Is makes a LockedError an ErrLocked.
func (e *LockedError) Is(target error) bool { return target == ErrLocked }

// TryLock takes a lock if it is free, for as long as ttl unless it is kept alive. The
// owner is a name for people to see. Errors: *LockedError, and those of Store.Do. After
// one that Is balsa.ErrUnknown the lock may be held by nobody who knows until ttl is
// over.
func TryLock(ctx context.Context, s LockStore, name, owner string, ttl time.Duration) (*Lock, error) {
	l, _, err := take(ctx, s, name, mark(owner), ttl)
	return l, err
}

// AwaitLock takes a lock as soon as it is free.
func AwaitLock(ctx context.Context, s LockStore, name, owner string, ttl time.Duration) (*Lock, error) {
	marked := mark(owner)
	for {
		l, at, err := take(ctx, s, name, marked, ttl)
		if !errors.Is(err, ErrLocked) {
			return l, err
		}
		if err := awaitFree(ctx, s, name, at); err != nil {
			return nil, err
		}
	}
}

// ownerMark ends the owner in the lock's value: random, so that who asks again after an
// unknown outcome knows its own lock.
const ownerMark = "\x00"

func mark(owner string) string {
	var b [8]byte
	rand.Read(b[:])
	return owner + ownerMark + hex.EncodeToString(b[:])
}

// LockOwner is the owner's name, of the key of a lock that is held.
func LockOwner(i Item) string {
	owner, _, _ := strings.Cut(string(i.Value), ownerMark)
	return owner
}

// LockWith is a lock that was taken elsewhere, such as by an earlier request, by its token.
// Whether it is still held, the store says when it is used.
func LockWith(s LockStore, name string, token balsa.Index) *Lock { return &Lock{s, name, token} }

// take asks for the lock once. The lease, the lock's key and the token are made by one
// command, and have its index as their number.
func take(ctx context.Context, s LockStore, name, owner string, ttl time.Duration) (*Lock, balsa.Index, error) {
	key := Set(name, []byte(owner))
	key.Lease = NewLease
	result, err := s.Do(ctx, Command{
		If:   []Condition{IfAbsent().On(name)},
		Then: []Op{Grant(ttl), key},
		Else: []Op{Get(name)},
	})
	if err != nil {
		return nil, 0, err
	}
	if result.Held {
		return &Lock{s, name, result.Index}, 0, nil
	}
	holder := LockedError{Name: name}
	for _, item := range result.Replies[0].Items {
		if string(item.Value) == owner {
			return &Lock{s, name, item.Created}, 0, nil
		}
		holder.Owner = LockOwner(item)
		holder.Token = item.Created
	}
	return nil, result.Index, &holder
}

// awaitFree returns once the lock's key may be gone.
func awaitFree(ctx context.Context, s LockStore, name string, after balsa.Index) error {
	for changes, err := range s.Watch(ctx, Watch{Range: OneKey(name), From: after + 1}) {
		if errors.Is(err, balsa.ErrCompacted) {
			return nil // what has happened meanwhile is unknown: ask again
		}
		if err != nil {
			return fmt.Errorf("wait for the lock %s: %w: %w", name, balsa.ErrNotCommitted, err)
		}
		if changes.Events[len(changes.Events)-1].Removed {
			return nil
		}
	}
	return nil
}

// Token is the lock's fencing token: each holder's is higher than those before it.
func (l *Lock) Token() balsa.Index { return l.token }

// Held is the condition that the lock is still this holder's, for the commands that it
// protects.
func (l *Lock) Held() Condition { return IfCreated(l.token).On(l.name) }

// KeepAlive lets the lock last its time again. Errors: ErrLockLost, and those of
// Store.Do.
func (l *Lock) KeepAlive(ctx context.Context) error {
	return l.whileHeld(ctx, KeepAlive(LeaseID(l.token)))
}

// Unlock gives the lock back. Errors: ErrLockLost, and those of Store.Do.
func (l *Lock) Unlock(ctx context.Context) error {
	return l.whileHeld(ctx, Revoke(LeaseID(l.token)))
}

func (l *Lock) whileHeld(ctx context.Context, o Op) error {
	result, err := l.store.Do(ctx, Command{If: []Condition{l.Held()}, Then: []Op{o}})
	switch {
	case err != nil:
		return err
	case !result.Held || !result.Replies[0].Found:
		return ErrLockLost
	}
	return nil
}
