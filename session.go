package balsa

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/session"
	"github.com/balsaraft/balsa/wire"
)

// SessionID names a session of a caller outside the cluster. It is a random number.
type SessionID = session.ID

// MaxSessionWindow bounds how far Call.Seq may be ahead of Call.Low.
const MaxSessionWindow = session.MaxWindow

// Call numbers a command in its caller's session.
type Call struct {
	Session SessionID
	// Seq is the command's number, from 1. The same number is the same command: only
	// the first to come runs, and its result answers all.
	Seq uint64
	// Low says that the caller waits for no number below it any more, so that their
	// results can be forgotten; a command below it that has not run never will. 0
	// stands for Seq.
	Low uint64
}

func (c Call) envelope() (session.Envelope, error) {
	if c.Low == 0 {
		c.Low = c.Seq
	}
	e := session.Envelope{Session: c.Session, Seq: c.Seq, Low: c.Low}
	if c.Session == 0 || c.Low > c.Seq || c.Seq == 0 || c.Seq-c.Low >= MaxSessionWindow {
		return e, fmt.Errorf("%w: number %d from %d on in session %s: numbers start from 1, and Low is at most Seq and less than %d below", ErrConfig, c.Seq, c.Low, c.Session, MaxSessionWindow)
	}
	return e, nil
}

const (
	opening = "open a session"
	closing = "close a session"
)

// OpenSession opens a session for a caller outside the cluster, who numbers his commands
// in it and may then repeat one through any member: see ProposeAs. The cluster forgets
// the session once it was unused for ttl, in replicated time; 0 stands for
// Config.SessionTTL, and a year is the most. A caller of this process needs none: each
// node has one of its own.
//
// Errors: those of Propose. ErrOverloaded says that there are thousands of sessions
// already; a session whose opening ended with ErrUnknown is left to expire.
func (n *Node[S, C, R]) OpenSession(ctx context.Context, ttl time.Duration) (SessionID, error) {
	if ttl == 0 {
		ttl = n.cfg.SessionTTL
	}
	if ttl < 0 || ttl > session.MaxTTL {
		return 0, outcome(opening, true, fmt.Errorf("%w: a time to live of %s, it must be positive and at most %s", ErrConfig, ttl, session.MaxTTL))
	}
	id := SessionID(n.cfg.Random() | 1)
	p := proposal{wire.KindRelayed, []byte{byte(session.ToOpen)}, session.Opening{Session: id, TTL: ttl}.Append(nil)}
	_, err := n.relay(ctx, opening, func() (*call[R], error) { return n.hand(ctx, p) })
	if err != nil {
		return 0, err
	}
	return id, nil
}

// CloseSession makes the cluster forget a session. Commands of it that are still under
// way, or come later, end with ErrSessionExpired. One that is not known counts as
// closed.
func (n *Node[S, C, R]) CloseSession(ctx context.Context, id SessionID) error {
	p := proposal{wire.KindRelayed, []byte{byte(session.ToClose)}, session.AppendClosing(nil, id)}
	_, err := n.relay(ctx, closing, func() (*call[R], error) { return n.hand(ctx, p) })
	return err
}

// ProposeAs is Propose for a caller outside the cluster, who may lose the member that it
// talks to and ask another one: however often a number comes, through whichever members,
// its command runs once, and all get the one result.
//
// The errors are those of Propose, and speak of this attempt: after ErrNotCommitted an
// earlier one, with the same number through another member, may yet have had an effect.
// ErrSessionExpired says that the cluster does not know the session, so that no attempt
// runs from here on.
func (n *Node[S, C, R]) ProposeAs(ctx context.Context, c Call, command C) (R, error) {
	var none R
	e, err := c.envelope()
	if err != nil {
		return none, outcome(proposing, true, err)
	}
	head := e.Append([]byte{byte(session.ToRun)})
	return n.relay(ctx, proposing, func() (*call[R], error) {
		return n.submitAs(ctx, proposal{kind: wire.KindRelayed, head: head}, command)
	})
}

// relay brings something to the log in this member's own session, and again if that one
// has expired, which is no concern of the caller's: what is relayed does no harm twice.
func (n *Node[S, C, R]) relay(ctx context.Context, did string, submit func() (*call[R], error)) (R, error) {
	var none R
	unknown := false
	for {
		c, err := submit()
		var r R
		if err == nil {
			r, err = n.await(ctx, c)
		}
		if err == nil {
			return r, nil
		}
		unknown = unknown || errors.Is(err, ErrUnknown)
		var caller *callerError
		own := errors.Is(err, ErrSessionExpired) && !errors.As(err, &caller)
		switch {
		case own && ctx.Err() == nil:
		case unknown != errors.Is(err, ErrUnknown):
			return none, n.cfg.Meter.refused(outcome(did, false, reasonOf(err)))
		default:
			return none, n.cfg.Meter.refused(err)
		}
	}
}

// reasonOf is an error without what it says of the outcome.
func reasonOf(err error) error {
	var o *outcomeError
	if errors.As(err, &o) {
		return errors.Join(o.causes[1:]...)
	}
	return err
}

var errGivenUp = errors.New("the command was given up")

// callerError is a verdict on what a caller outside asks of its session.
type callerError struct {
	id  SessionID
	err error
	why string
}

func (e *callerError) Error() string { return fmt.Sprintf("session %s: %v: %s", e.id, e.err, e.why) }
func (e *callerError) Unwrap() error { return e.err }

// relayed is a command of a caller outside in a group: its place there, and its number.
type relayed struct {
	at       int
	envelope session.Envelope
}

func (g *group[C, R]) addCaller(e session.Envelope) {
	if g.lastOf == nil {
		g.lastOf = map[session.ID]uint64{}
	}
	g.callers = append(g.callers, relayed{len(g.envelopes) - 1, e})
	g.lastOf[e.Session] = e.Seq
}

func (g *group[C, R]) forgetCallers() {
	g.callers = g.callers[:0]
	clear(g.lastOf)
}

// applyRelayed does what a caller outside the cluster asks of its session.
func (m *machine[S, C, R]) applyRelayed(index Index, payload []byte, b wire.Batch, out *host.ApplyOutput) error {
	member, request, rest, err := session.CutRequest(payload)
	if err != nil {
		return fmt.Errorf("apply entry %d: %w", index, err)
	}
	switch request {
	case session.ToRun:
		caller, command, err := session.Cut(rest)
		if err != nil {
			return fmt.Errorf("apply entry %d: %w", index, err)
		}
		return m.applyOnce(index, attempt{member, caller}, command, b, out)
	case session.ToOpen, session.ToClose:
		var none R
		verdict, _ := m.table.Begin(member, b.Time())
		if verdict != session.Fresh {
			m.answerAgain(member, verdict, none, out)
			return nil
		}
		if err := m.applySession(request, rest, member, b.Time()); err != nil {
			return fmt.Errorf("apply entry %d: %w", index, err)
		}
		return nil
	}
	return fmt.Errorf("apply entry %d: request %d of a session was written by a newer version; upgrade this member", index, request)
}

// applySession opens or closes the session of a caller outside the cluster.
func (m *machine[S, C, R]) applySession(request session.Request, rest []byte, member session.Envelope, now int64) error {
	var none R
	if request == session.ToClose {
		id, err := session.DecodeClosing(rest)
		if err != nil {
			return err
		}
		m.table.Close(id)
		m.finish(member, none)
		return nil
	}
	o, err := session.DecodeOpening(rest)
	if err != nil {
		return err
	}
	if !m.table.OpenRelayed(o, now) {
		// Not finished, so that it is as if it had not come.
		m.refuse(member, true, &callerError{o.Session, ErrOverloaded, "too many sessions are open; close those that are done with, or wait until they expire"})
		return nil
	}
	m.finish(member, none)
	return nil
}

// settle says what became of a caller's command that another attempt has brought to the
// log before. The member's own number is finished only with a result: what the session
// of the caller says otherwise it will say again.
func (m *machine[S, C, R]) settle(a attempt, verdict session.Verdict, result R) {
	switch verdict {
	case session.Repeated:
		m.finish(a.member, result)
	case session.RepeatedLost:
		m.table.FinishLost(a.member)
		m.refuse(a.member, false, ErrResultLost)
	case session.Answered:
		m.refuse(a.member, false, &callerError{a.caller.Session, errGivenUp, fmt.Sprintf("a later call says that nobody waits for number %d any more", a.caller.Seq)})
	case session.Expired:
		m.refuse(a.member, true, &callerError{a.caller.Session, ErrSessionExpired, "it was closed, or unused for too long"})
	}
}

// finish keeps a result under the number of the member that brought the command, and
// answers who waits for it here.
func (m *machine[S, C, R]) finish(member session.Envelope, result R) {
	m.table.Finish(member, result)
	if m.own[member.Session] {
		m.calls.finish(member.Seq, result, nil)
	}
}

// refuse tells who waits here why there is no result.
func (m *machine[S, C, R]) refuse(member session.Envelope, sure bool, why error) {
	if m.own[member.Session] {
		var none R
		m.calls.finish(member.Seq, none, outcome(proposing, sure, why))
	}
}
