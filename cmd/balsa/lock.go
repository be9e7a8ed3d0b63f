package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"github.com/balsaraft/balsa/kv"
)

// kvLock runs a command while it holds a lock.
type kvLock struct {
	servers `embed:""`
	Name    string        `arg:"" help:"The lock's name, which is that of a key."`
	Command []string      `arg:"" passthrough:"" help:"What to run, and its arguments. BALSA_LOCK_TOKEN tells it the lock's token, which is higher than that of each holder before."`
	TTL     time.Duration `name:"ttl" help:"How long the lock outlives this process at most. Default: ${default}." default:"30s" placeholder:"TIME"`
	Wait    time.Duration `help:"How long to wait for the lock at most; without it, as long as it takes." placeholder:"TIME"`
	Try     bool          `help:"Do not wait for the lock."`
	Owner   string        `help:"A name for others to see. Default: this machine's and the process's number." placeholder:"NAME"`
}

const (
	leastTTL = time.Second
	// endWithin is how long the command may take to end once it should.
	endWithin = 5 * time.Second
)

// exitError is the exit code of a command that was run, which has said itself why.
type exitError struct{ code int }

func (e exitError) Error() string {
	return fmt.Sprintf("the command has ended with exit code %d", e.code)
}

// Run takes the lock, runs the command and gives the lock back. Its exit code is the
// command's, unless there was none, or the lock was lost.
func (l kvLock) Run(ctx context.Context, c console) (err error) {
	if len(l.Command) > 0 && l.Command[0] == "--" {
		l.Command = l.Command[1:]
	}
	switch {
	case len(l.Command) == 0:
		return fmt.Errorf("%w: lock needs a command to run: balsa kv lock NAME -- COMMAND", errUsage)
	case l.TTL < leastTTL || l.TTL > kv.MaxTTL || l.TTL%time.Millisecond != 0:
		return fmt.Errorf("%w: --ttl is whole milliseconds, %s at least", errUsage, leastTTL)
	case l.Try && l.Wait != 0:
		return fmt.Errorf("%w: --try and --wait exclude each other", errUsage)
	}
	path, err := exec.LookPath(l.Command[0])
	if err != nil {
		return err // before anybody has to wait for it
	}
	cluster, err := dial(ctx, l.Server, l.credentials)
	if err != nil {
		return err
	}
	defer cluster.Close()
	s := lockStore{store{cluster}, l.servers}
	lock, err := l.take(ctx, s)
	if err != nil {
		return err
	}
	h := holding{lock: lock, ttl: l.TTL, until: time.Now().Add(l.TTL)}
	defer func() { h.giveBack(ctx, c, l.Timeout) }()
	return l.run(ctx, c, path, &h)
}

// take takes the lock, and returns when it surely lasts a while: how long it took to hear
// that it is ours, nobody knows.
func (l kvLock) take(ctx context.Context, s lockStore) (lock *kv.Lock, err error) {
	owner := l.Owner
	if owner == "" {
		host, _ := os.Hostname()
		owner = host + ":" + strconv.Itoa(os.Getpid())
	}
	if l.Try {
		lock, err = kv.TryLock(ctx, s, l.Name, owner, l.TTL)
	} else {
		waiting, cancel := ctx, context.CancelFunc(func() {})
		if l.Wait > 0 {
			waiting, cancel = context.WithTimeout(ctx, l.Wait)
		}
		defer cancel()
		lock, err = kv.AwaitLock(waiting, s, l.Name, owner, l.TTL)
		if err != nil && ctx.Err() == nil && waiting.Err() != nil {
			err = fmt.Errorf("%s was %w by another for %s: %w", l.Name, kv.ErrLocked, l.Wait, err)
		}
	}
	if err != nil {
		return nil, err
	}
	return lock, lock.KeepAlive(ctx)
}

// run runs the command until it ends, or the lock is lost.
func (l kvLock) run(ctx context.Context, c console, path string, h *holding) error {
	ctx, cancel := context.WithCancelCause(ctx)
	keeping := make(chan struct{})
	go func() { defer close(keeping); h.keep(ctx, cancel) }()
	defer func() { cancel(nil); <-keeping }()
	cmd := exec.CommandContext(ctx, path, l.Command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.stdin, c.stdout, c.stderr
	cmd.Env = append(os.Environ(), "BALSA_LOCK_NAME="+l.Name, fmt.Sprint("BALSA_LOCK_TOKEN=", h.lock.Token()))
	cmd.WaitDelay = endWithin
	cmd.Cancel = func() error {
		if err := cmd.Process.Signal(syscall.SIGTERM); err == nil || errors.Is(err, os.ErrProcessDone) {
			return err
		}
		return cmd.Process.Kill() // where there is no such signal
	}
	err := cmd.Run()
	if lost := context.Cause(ctx); errors.Is(lost, kv.ErrLockLost) {
		h.lost = true
		return fmt.Errorf("%w; the command was ended, and what it did last may have come too late: see its token", lost)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() >= 0 {
		return exitError{exit.ExitCode()}
	}
	if errors.Is(err, context.Canceled) && cmd.ProcessState != nil && cmd.ProcessState.Success() {
		return nil // it was asked to end, and did
	}
	return err
}

// holding keeps a lock.
type holding struct {
	lock  *kv.Lock
	ttl   time.Duration
	until time.Time // it surely lasts so long
	lost  bool
}

// keep keeps the lock until ctx ends, or ends it when the lock is lost, or nobody could
// say for so long whether it is.
func (h *holding) keep(ctx context.Context, end context.CancelCauseFunc) {
	for {
		select {
		case <-time.After(h.ttl / 3):
		case <-ctx.Done():
			return
		}
		asked := time.Now()
		asking, cancel := context.WithDeadline(ctx, h.until)
		err := h.lock.KeepAlive(asking)
		cancel()
		switch {
		case err == nil:
			h.until = asked.Add(h.ttl)
		case ctx.Err() != nil:
			return
		case errors.Is(err, kv.ErrLockLost):
			end(err)
			return
		case !time.Now().Before(h.until):
			end(fmt.Errorf("%w: %w", kv.ErrLockLost, err))
			return
		}
	}
}

// giveBack lets the next one have the lock at once, rather than when its time is over.
func (h *holding) giveBack(ctx context.Context, c console, patience time.Duration) {
	if h.lost {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if err := h.lock.Unlock(ctx); err != nil {
		fmt.Fprintf(c.stderr, "balsa: the lock was not given back, and is held for %s at most: %v\n", h.ttl, err)
	}
}

// lockStore is the cluster as locks need it.
type lockStore struct {
	store
	servers
}

// Do implements kv.LockStore.
func (s lockStore) Do(ctx context.Context, command kv.Command) (kv.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	result, err := s.Propose(ctx, command)
	if err != nil {
		return kv.Result{}, err
	}
	return result, result.Err()
}

// Watch implements kv.LockStore, for a range of one key. Of an event it knows whether the
// key is gone.
func (s lockStore) Watch(ctx context.Context, w kv.Watch) iter.Seq2[kv.Changes, error] {
	return func(yield func(kv.Changes, error) bool) {
		f, err := s.follower(url.Values{"key": {w.Range.From}}, w.From, func(data []byte) error {
			var c changed
			if err := json.Unmarshal(data, &c); err != nil {
				return err
			}
			changes := kv.Changes{Index: c.Index}
			for _, e := range c.Events {
				changes.Events = append(changes.Events, kv.Event{Removed: e.Removed})
			}
			if !yield(changes, nil) {
				return errSeen
			}
			return nil
		})
		if err == nil {
			err = f.follow(ctx)
		}
		if !errors.Is(err, errSeen) {
			yield(kv.Changes{}, err)
		}
	}
}

// errSeen ends a watch whose user has seen enough.
var errSeen = errors.New("enough")
