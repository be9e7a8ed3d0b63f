package balsa

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/storage/snapshot"
)

const backingUp = "back up"

// Backup writes the state to w while the member serves on, as the file of a snapshot: it
// carries its own checksums, the cluster's identity and the index up to which it holds all
// and none after, which Backup returns (docs/FORMATS.md, "Snapshots"). That is what was
// applied on this member when Backup was called; a Read before makes it all that was
// acknowledged anywhere. Apply stands still only while StateMachine.Snapshot runs.
//
// What was written is a backup only if err is nil: without its end, Restore refuses it. An
// error is that of w or of the state machine, the cause of ctx's end, or ErrClosed; it Is
// ErrNotCommitted if there was no state to write.
func (n *Node[S, C, R]) Backup(ctx context.Context, w io.Writer) (Index, error) {
	err := ctx.Err()
	var captured host.Captured
	if err == nil {
		captured, err = n.capture(ctx)
	}
	if err != nil {
		return 0, outcome(backingUp, true, err)
	}
	to, err := snapshot.NewEncoder(w, captured.Meta)
	if err != nil {
		release(captured)
		return 0, fmt.Errorf("balsa: back up: %w", err)
	}
	if _, err = captured.State.WriteTo(endable{to, ctx, n.done}); err == nil {
		err = to.Close()
	}
	if err != nil {
		return 0, fmt.Errorf("balsa: back up at entry %d: %w", captured.Meta.Pos.Index, err)
	}
	return captured.Meta.Pos.Index, nil
}

// capture takes hold of the state, between two Applies.
func (n *Node[S, C, R]) capture(ctx context.Context) (host.Captured, error) {
	answer := make(chan host.Captured, 1)
	if !n.ask(func() { n.host.Capture(func(c host.Captured) { answer <- c }) }) {
		return host.Captured{}, ErrClosed
	}
	select {
	case c := <-answer:
		return c, c.Err
	case <-ctx.Done():
		go func() { // the state comes all the same, and is let go of
			select {
			case c := <-answer:
				release(c)
			case <-n.done:
			}
		}()
		return host.Captured{}, context.Cause(ctx)
	case <-n.done:
		return host.Captured{}, ErrClosed
	}
}

// errNobody is what release lets a state machine's writing end with.
var errNobody = errors.New("nobody wants the state any more")

// release lets go of a state that is not wanted: it is written once, and to nobody.
func release(c host.Captured) {
	if c.Err == nil {
		// The error is errNobody.
		_, _ = c.State.WriteTo(nobody{})
	}
}

type nobody struct{}

func (nobody) Write([]byte) (int, error) { return 0, errNobody }

// endable is a writer that fails once its caller has gone or the node has ended.
type endable struct {
	io.Writer
	ctx  context.Context
	done <-chan struct{}
}

func (e endable) Write(b []byte) (int, error) {
	select {
	case <-e.ctx.Done():
		return 0, context.Cause(e.ctx)
	case <-e.done:
		return 0, ErrClosed
	default:
		return e.Writer.Write(b)
	}
}
