package rpc

import (
	"context"
	"fmt"
	"sync"
	"time"

	"connectrpc.com/connect"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/rpc/balsav1"
	"github.com/balsaraft/balsa/unread"
)

// pulse is how often a stream says that it lives. One whose member has been without a
// leader for as long ends, so that the caller goes where there is more to be seen.
const pulse = time.Second

// Watch implements balsav1.ClusterHandler.
func (s *service[S, C, R]) Watch(ctx context.Context, q *balsav1.WatchRequest, stream *connect.ServerStream[balsav1.WatchResponse]) error {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watch{stream: stream}
	var beating sync.WaitGroup
	beating.Go(func() { cancel(s.beat(ctx, w)) })
	defer beating.Wait()
	defer cancel(nil)
	answers := unread.In(ctx, s.answers)
	for e, err := range s.node.Committed(ctx, balsa.Index(q.GetFrom())) {
		if err == nil {
			err = s.sendCommand(w, e, answers)
		}
		if err != nil {
			return s.fail(err)
		}
	}
	return nil
}

// watch is a stream that two may send on.
type watch struct {
	mu     sync.Mutex
	stream *connect.ServerStream[balsav1.WatchResponse]
}

func (w *watch) send(m *balsav1.WatchResponse) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stream.Send(m)
}

// sendCommand sends a command, which counts until the caller has taken it. A stream for which
// there is no room ends: the caller goes on where it was, here later or at another member.
func (s *service[S, C, R]) sendCommand(w *watch, e balsa.Committed[C], answers *unread.Answers) error {
	data, err := s.commands.Append(nil, e.Command)
	if err != nil {
		return fmt.Errorf("rpc: encode the command of entry %d: %w", e.Index, err)
	}
	done := answers.Room(len(data))
	if done == nil {
		return fmt.Errorf("%w: %s", balsa.ErrOverloaded, unread.Why)
	}
	defer done()
	return w.send(&balsav1.WatchResponse{
		Index: uint64(e.Index), Term: uint64(e.Term), Time: e.Time.UnixNano(), Seed: e.Seed, Command: data,
	})
}

// beat sends signs of life until the stream ends, and says why it should if it should.
// The first goes out at once: it brings the caller the headers.
func (s *service[S, C, R]) beat(ctx context.Context, w *watch) error {
	tick := time.NewTicker(s.pulse)
	defer tick.Stop()
	alone := false
	for {
		standing := s.standing.now()
		if err := w.send(&balsav1.WatchResponse{Standing: standing}); err != nil {
			return err
		}
		if alone && standing.GetLeader() == "" {
			return fmt.Errorf("rpc: watch: %w for %s: ask another member", balsa.ErrNoLeader, s.pulse)
		}
		alone = standing.GetLeader() == ""
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}
