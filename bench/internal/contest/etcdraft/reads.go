package etcdraft

import (
	"bytes"
	"context"
	"encoding/binary"
	"sync"
	"time"

	"go.etcd.io/raft/v3"

	"github.com/balsaraft/balsa/bench/internal/contest"
)

// reads are those that wait for the leader's word. All that have come meanwhile share
// the next one, as in etcd (etcdserver/v3_server.go, linearizableReadLoop).
type reads struct {
	wake   chan struct{}
	states chan raft.ReadState

	mu      sync.Mutex
	next    *group
	applied uint64
	target  uint64        // the loop waits until this is applied
	reached chan struct{} // and is told here
}

// group is reads that go together.
type group struct {
	done chan struct{}
	err  error
}

func (r *reads) init() {
	r.wake, r.states, r.reached = make(chan struct{}, 1), make(chan raft.ReadState, 16), make(chan struct{}, 1)
	r.next = &group{done: make(chan struct{})}
}

// Read implements contest.Member. Whether a read at Lease needs a round is decided when
// the member is opened.
func (m *member) Read(ctx context.Context, level contest.Level) error {
	if level == contest.Stale { // is to look at the state without asking
		return contest.ErrUnsupported
	}
	r := &m.reads
	r.mu.Lock()
	g := r.next
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
	select {
	case <-g.done:
		if g.err == nil {
			m.state.View()
		}
		return g.err
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-m.done:
		return raft.ErrStopped
	}
}

// run asks for one group after the other.
func (r *reads) run(m *member) func() {
	return func() {
		for n := uint64(0); ; {
			select {
			case <-m.done:
				return
			case <-r.wake:
			}
			r.mu.Lock()
			g := r.next
			r.next = &group{done: make(chan struct{})}
			r.mu.Unlock()
			index, ok := r.ask(m, &n)
			if !ok || !r.await(m, index) {
				g.err = raft.ErrStopped
			}
			close(g.done)
		}
	}
}

// ask gets the index that a read which began by now must see.
func (r *reads) ask(m *member, n *uint64) (index uint64, ok bool) {
	const retry = 500 * time.Millisecond // etcd's
	for {
		*n++
		token := binary.BigEndian.AppendUint64(nil, *n)
		ctx, cancel := context.WithTimeout(context.Background(), retry)
		err := m.core.ReadIndex(ctx, token)
		for err == nil {
			select {
			case s := <-r.states:
				if bytes.Equal(s.RequestCtx, token) {
					cancel()
					return s.Index, true
				}
				continue
			case <-ctx.Done():
			case <-m.done:
			}
			break
		}
		cancel()
		select {
		case <-m.done:
			return 0, false
		default:
		}
	}
}

// await waits until an entry is applied.
func (r *reads) await(m *member, index uint64) bool {
	r.mu.Lock()
	there := r.applied >= index
	r.target = index
	r.mu.Unlock()
	for !there {
		select {
		case <-m.done:
			return false
		case <-r.reached:
		}
		r.mu.Lock()
		there = r.applied >= index
		r.mu.Unlock()
	}
	return true
}

// appliedUpTo is told by who applies.
func (r *reads) appliedUpTo(index uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	waited := r.applied < r.target
	r.applied = index
	if waited && r.applied >= r.target {
		select {
		case r.reached <- struct{}{}:
		default:
		}
	}
}

// confirmed is told the leader's words. The loop awaits one of them at a time, so the
// others may be dropped.
func (r *reads) confirmed(states []raft.ReadState) {
	for _, s := range states {
		select {
		case r.states <- s:
		default:
		}
	}
}
