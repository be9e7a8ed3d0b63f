package balsa

import (
	"fmt"
	"runtime/debug"
	"time"

	"github.com/balsaraft/balsa/host"
)

// turns is who turns the host: whoever holds the only token. Before the loop begins and once
// it ends nobody else can have it.
//
// To wake a goroutine takes longer than most turns, many times so on a machine whose cores
// sleep. So whoever has brought something turns the host at once, unless somebody does; then
// the loop is woken, which waits for the token and turns it once more, so that nothing is left
// lying. Among many who come at once one turns for all of them
// (Hendler, Incze, Shavit, Tzafrir: Flat combining, SPAA 2010).
type turns struct {
	free  chan struct{} // holds the token while nobody turns
	timer *time.Timer   // for when the host wants to be turned next
	err   error         // why the host is not turned any more
}

// run is the loop: it turns the host when it is time, and where nobody else does.
func (n *Node[S, C, R]) run() {
	defer close(n.done)
	for i := range n.lanes {
		n.lanes[i] = make(chan *host.Task, 1)
		go n.work(n.lanes[i])
	}
	t := &n.turns
	t.timer = time.NewTimer(0)
	defer t.timer.Stop()
	for {
		t.free <- struct{}{}
		closing := false
		select {
		case <-n.mail.wake:
		case <-n.transport.Wake():
		case <-t.timer.C:
		case <-n.closing:
			closing = true
		}
		<-t.free
		if t.err == nil && closing {
			t.err = ErrClosed
		}
		n.turn()
		if t.err != nil {
			n.end(t.err)
			return
		}
	}
}

// advance turns the host for who has brought something, or has it turned.
func (n *Node[S, C, R]) advance() {
	select {
	case <-n.turns.free:
		n.turn()
		if n.turns.err != nil {
			n.mail.wakeUp()
		}
		n.turns.free <- struct{}{}
	default:
		n.mail.wakeUp()
	}
}

// turn turns the host once, unless it has ended. A panic below it is a broken invariant, which
// stops the member rather than go on.
func (n *Node[S, C, R]) turn() {
	if n.turns.err != nil {
		return
	}
	defer func() {
		if value := recover(); value != nil {
			n.turns.err = fmt.Errorf("balsa: this member has stopped, because an invariant is broken: %v\n%s", value, debug.Stack())
		}
	}()
	n.takeIn()
	now := n.clock.now()
	out := n.host.Turn(now)
	if n.versions != nil {
		n.versions.cluster.Store(n.host.ClusterVersion().Commands)
	}
	n.putOut(out)
	// Pacing goes by time without sleep, as it is about moments.
	wait := n.deadline - n.clock.now().Mono
	if at, holds := n.pacing.due(); holds {
		wait = min(wait, at-n.clock.sinceStart())
	}
	if at, any := n.ageReads(); any {
		wait = min(wait, at-n.clock.sinceStart())
	}
	if at, any := n.ageCalls(); any {
		wait = min(wait, at-n.clock.sinceStart())
	}
	n.turns.err = n.host.Err()
	n.turns.timer.Reset(wait)
}
