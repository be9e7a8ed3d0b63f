package balsa

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/session"
	"github.com/balsaraft/balsa/wire"
)

// Committed is a command that was applied, and where it stands in the log.
type Committed[C any] struct {
	Entry
	Command C
}

// Committed yields the commands that were applied, from index from on, in order and
// each once, and goes on with those to come until ctx ends or the loop does. To resume,
// ask for the index after the last one seen. It ends with an error: that of ctx,
// ErrCompacted if the log does not reach back to from any more, or a backup was restored
// since (read the state instead, and resume after Status.Applied), ErrClosed, or damage to
// the log.
func (n *Node[S, C, R]) Committed(ctx context.Context, from Index) iter.Seq2[Committed[C], error] {
	return func(yield func(Committed[C], error) bool) {
		next := max(from, 1)
		for {
			grown := n.applied.after(next)
			batches, err := n.read(next, maxChunk)
			for _, b := range batches {
				if !n.yieldCommands(b, next, yield) {
					return
				}
				next = b.Last() + 1
			}
			if err == nil && len(batches) == 0 {
				err = n.awaitGrowth(ctx, grown)
			}
			if err != nil {
				yield(Committed[C]{}, err)
				return
			}
		}
	}
}

func (n *Node[S, C, R]) awaitGrowth(ctx context.Context, grown <-chan struct{}) error {
	select {
	case <-grown:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-n.done:
		return ErrClosed
	}
}

// yieldCommands yields the commands of a batch that are new and were run.
func (n *Node[S, C, R]) yieldCommands(b wire.Batch, from Index, yield func(Committed[C], error) bool) bool {
	for index, e := range b.Entries() {
		if index >= from && e.Kind == wire.KindRestore && n.machine.restoredAt(index) {
			err := fmt.Errorf("balsa: entry %d: %w: a backup became the state there", index, ErrCompacted)
			yield(Committed[C]{Entry: entryIn(b, index)}, err)
			return false
		}
		data, runs, err := CommandIn(e)
		if index < from || !runs {
			continue
		}
		repeat, known := n.machine.repeats.isRepeat(index)
		if repeat {
			continue
		}
		var command C
		switch {
		case err != nil:
		case !known:
			// Whether it ran was decided before the snapshot that this member started
			// from, and is not known any more.
			err = fmt.Errorf("balsa: entry %d: %w: it lies before the snapshot that this member started from", index, ErrCompacted)
		default:
			command, err = n.machine.commands.Decode(slices.Clone(data))
		}
		if !yield(Committed[C]{entryIn(b, index), command}, err) || err != nil {
			return false
		}
	}
	return true
}

// CommandIn cuts the encoded command out of an entry, and says whether there is one in it
// that is to run: for tools that read a member's files.
func CommandIn(e wire.Entry) (data []byte, runs bool, err error) {
	switch e.Kind {
	case wire.KindCommand:
		_, data, err = session.Cut(e.Payload)
		return data, true, err
	case wire.KindRelayed:
		_, request, data, err := session.CutRequest(e.Payload)
		if err == nil && request == session.ToRun {
			_, data, err = session.Cut(data)
		}
		return data, err != nil || request == session.ToRun, err
	}
	return nil, false, nil
}

// progress lets goroutines wait until the applied index has grown.
type progress struct {
	mu    sync.Mutex
	index Index
	grown chan struct{} // closed when index grows; nil while nobody waits
}

// after is closed once entry i is applied.
func (p *progress) after(i Index) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.grown == nil {
		p.grown = make(chan struct{})
	}
	if p.index >= i {
		ready := make(chan struct{})
		close(ready)
		return ready
	}
	return p.grown
}

func (p *progress) reach(i Index) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i <= p.index {
		return
	}
	p.index = i
	if p.grown != nil {
		close(p.grown)
		p.grown = nil
	}
}

// Event is something that people may want to know of a member.
type Event = host.Event

// EventKind says what has happened.
type EventKind = host.EventKind

// What an Event can be about; host.Event says which fields count.
const (
	LeaderChanged      = host.LeaderChanged
	RoleChanged        = host.RoleChanged
	MembersChanged     = host.MembersChanged
	SnapshotTaken      = host.SnapshotTaken
	SnapshotFailed     = host.SnapshotFailed
	SnapshotSending    = host.SnapshotSending
	SnapshotReceiving  = host.SnapshotReceiving
	SnapshotInstalled  = host.SnapshotInstalled
	DiskFull           = host.DiskFull
	Joined             = host.Joined
	Waiting            = host.Waiting
	MemberRefused      = host.MemberRefused
	Damaged            = host.Damaged
	RemovedFromCluster = host.RemovedFromCluster
	Diverged           = host.Diverged
	Restored           = host.Restored
)

// eventBuffer is how many events a slow listener may be behind before it misses the
// oldest.
const eventBuffer = 256

// Events yields what happens to this member from now on, until ctx ends, the loop does
// or the node. A listener that is more than 256 events behind misses the oldest.
func (n *Node[S, C, R]) Events(ctx context.Context) iter.Seq[Event] {
	l := n.events.listen()
	return func(yield func(Event) bool) {
		defer n.events.leave(l)
		for {
			for _, e := range l.take() {
				if !yield(e) {
					return
				}
			}
			select {
			case <-l.wake:
			case <-ctx.Done():
				return
			case <-n.done:
				for _, e := range l.take() {
					if !yield(e) {
						return
					}
				}
				return
			}
		}
	}
}

// noteEvents hands the events of a turn to those who listen, and says in the log what
// people should know.
func (n *Node[S, C, R]) noteEvents(events []Event) {
	n.applied.reach(n.host.Readable())
	for _, e := range events {
		if e.Kind == RemovedFromCluster {
			n.failAsking(ErrRemoved)
		}
		n.say(e)
		n.events.send(e)
	}
}

func (n *Node[S, C, R]) say(e Event) {
	log := n.cfg.Logger
	switch e.Kind {
	case LeaderChanged:
		if e.Leader != 0 {
			log.Info("leader", "term", e.Term, "leader", e.Leader)
		}
	case MembersChanged:
		log.Info("members", "membership", e.Membership.String())
	case Restored:
		log.Warn("the state was replaced by that of a backup", "index", e.Index)
	case SnapshotTaken, SnapshotInstalled:
		log.Info(e.Kind.String(), "index", e.Index)
	case SnapshotSending, SnapshotReceiving:
		log.Info(e.Kind.String(), "index", e.Index, "peer", e.Member)
	case Joined:
		log.Info("joined", "cluster", e.Cluster)
	}
}

// hub spreads events to listeners.
type hub struct {
	mu        sync.Mutex
	listeners map[*listener]bool
}

type listener struct {
	mu     sync.Mutex
	events []Event
	wake   chan struct{}
}

func (h *hub) listen() *listener {
	l := &listener{wake: make(chan struct{}, 1)}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.listeners == nil {
		h.listeners = map[*listener]bool{}
	}
	h.listeners[l] = true
	return l
}

func (h *hub) leave(l *listener) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.listeners, l)
}

func (h *hub) send(e Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for l := range h.listeners {
		l.add(e)
	}
}

func (l *listener) add(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.events) >= eventBuffer {
		l.events = l.events[1:]
	}
	l.events = append(l.events, e)
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *listener) take() []Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	events := l.events
	l.events = nil
	return events
}
