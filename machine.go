package balsa

import (
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/balsaraft/balsa/codec"
	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/restoring"
	"github.com/balsaraft/balsa/session"
	"github.com/balsaraft/balsa/wire"
)

// machine joins the user's state machine and the sessions into the state that the log
// drives. Its methods are called by one task at a time; mu keeps reads and applies
// apart.
type machine[S StateMachine[C, R], C, R any] struct {
	mu       sync.RWMutex
	sm       S
	hasher   Hasher // sm, if it is one
	commands codec.Codec[C]
	results  codec.Codec[R]
	table    session.Table[R]
	calls    *calls[R]
	own      map[session.ID]bool // sessions that this node has opened
	current  session.ID          // the one that its host uses now, or is opening
	opened   Index               // what a Durable state machine held when it was opened
	onDisk   Index               // the same until the state is replaced, and 0 from then on
	at       Index               // the last entry applied, or replayed to what onDisk stands for
	group    group[C, R]
	repeats  repeats
	sessions atomic.Int64 // in the table, for whoever looks
	// answered is the last entry whose caller may know its result: the host hears of it when
	// all that was given with it is applied.
	answered atomic.Uint64
	tracker  restoring.Tracker
	rewound  rewound
}

// group is commands of one batch that are applied together.
type group[C, R any] struct {
	entries   []Entry
	commands  []C
	envelopes []session.Envelope
	callers   []relayed             // those of them that members only relay
	lastOf    map[session.ID]uint64 // the last number of each session in callers
}

func newMachine[S StateMachine[C, R], C, R any](sm S) (*machine[S, C, R], error) {
	m := &machine[S, C, R]{sm: sm, own: map[session.ID]bool{}}
	if c, ok := any(sm).(checker); ok {
		if err := c.check(); err != nil {
			return nil, fmt.Errorf("balsa: %w: the state: %w", ErrConfig, err)
		}
	}
	var err error
	if m.commands, err = codec.For[C](); err != nil {
		return nil, fmt.Errorf("balsa: %w: the commands: %w", ErrConfig, err)
	}
	if m.results, err = codec.For[R](); err != nil {
		return nil, fmt.Errorf("balsa: %w: the results: %w", ErrConfig, err)
	}
	if d, ok := any(sm).(Durable); ok {
		m.opened = d.Applied()
		m.onDisk = m.opened
	}
	m.hasher, _ = any(sm).(Hasher)
	return m, nil
}

// Durable implements host.Machine, whose owner asks at any time, also while a task replaces
// the state.
func (m *machine[S, C, R]) Durable() (held Index, ok bool) {
	_, ok = any(m.sm).(Durable)
	return m.opened, ok
}

// Apply implements host.Machine.
func (m *machine[S, C, R]) Apply(in host.ApplyInput) (out host.ApplyOutput, err error) {
	m.current = in.Own
	for _, b := range in.Batches {
		if err := m.applyBatch(b, in, &out); err != nil || out.Install != nil {
			return out, err
		}
	}
	out.Low = m.calls.low()
	out.Staged = m.tracker.Progress()
	m.sessions.Store(int64(m.table.Len()))
	return out, nil
}

func (m *machine[S, C, R]) applyBatch(b wire.Batch, in host.ApplyInput, out *host.ApplyOutput) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for index, e := range b.Entries() {
		if err := m.applyEntry(index, e, b, out); err != nil || out.Install != nil {
			return err
		}
		if m.hasher != nil && index%in.HashEvery == 0 {
			if err := m.hash(index, b, out); err != nil {
				return err
			}
		}
	}
	m.at = b.Last()
	return m.applyGroup(b)
}

// hash takes the state's hash right after an entry. A state that was ahead of the log at
// the start is not of that entry, until the log has caught up with it.
func (m *machine[S, C, R]) hash(index Index, b wire.Batch, out *host.ApplyOutput) (err error) {
	if err := m.applyGroup(b); err != nil || index < m.onDisk {
		return err
	}
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("balsa: StateHash panicked after entry %d: %v\n%s", index, value, debug.Stack())
		}
	}()
	out.Hashes = append(out.Hashes, host.StateHash{Index: index, Hash: m.hasher.StateHash()})
	return nil
}

func (m *machine[S, C, R]) applyEntry(index Index, e wire.Entry, b wire.Batch, out *host.ApplyOutput) error {
	switch e.Kind {
	case wire.KindNoop, wire.KindMembership:
		return nil
	case wire.KindSession:
		o, err := session.DecodeOpening(e.Payload)
		if err != nil {
			return fmt.Errorf("apply entry %d: %w", index, err)
		}
		switch opened := m.table.Open(o, b.Time()); {
		case o.Session != m.current:
		case opened:
			m.own[o.Session], out.Opened = true, true
		default:
			out.Expired = true
		}
		return nil
	case wire.KindCommand:
		return m.applyCommand(index, e.Payload, b, out)
	case wire.KindRelayed:
		return m.applyRelayed(index, e.Payload, b, out)
	case wire.KindRestore:
		return m.applyRestore(index, e.Payload, b, out)
	}
	// Another program knows what this entry means. Going on without it would make
	// this member's state differ from the others'.
	return fmt.Errorf("apply entry %d: its %s was written by a newer version; upgrade this member", index, e.Kind)
}

func (m *machine[S, C, R]) applyCommand(index Index, payload []byte, b wire.Batch, out *host.ApplyOutput) error {
	envelope, data, err := session.Cut(payload)
	if err != nil {
		return fmt.Errorf("apply entry %d: %w", index, err)
	}
	return m.applyOnce(index, attempt{member: envelope}, data, b, out)
}

// attempt is who brings a command to the log: a member, and the caller for whom it does,
// if that is not a caller of its own.
type attempt struct {
	member session.Envelope
	caller session.Envelope // of session 0 for none
}

// applyOnce runs a command, unless it ran before: then who waits for it here gets what
// it came to.
func (m *machine[S, C, R]) applyOnce(index Index, a attempt, data []byte, b wire.Batch, out *host.ApplyOutput) error {
	if m.group.holds(a) {
		// The same command twice in a batch: the second must see the first's result.
		if err := m.applyGroup(b); err != nil {
			return err
		}
	}
	verdict, result := m.table.Begin(a.member, b.Time())
	if verdict != session.Fresh {
		m.repeats.add(index)
		m.answerAgain(a.member, verdict, result, out)
		return nil
	}
	if a.caller.Session != 0 {
		verdict, result = m.table.Begin(a.caller, b.Time())
	}
	switch {
	case verdict != session.Fresh:
		m.repeats.add(index)
		m.settle(a, verdict, result)
	case index > m.onDisk:
		command, err := m.commands.Decode(data)
		if err != nil {
			return fmt.Errorf("apply entry %d: %w; was it proposed by a newer version?", index, err)
		}
		m.group.add(entryIn(b, index), command, a)
	default:
		m.table.FinishLost(a.member)
		if a.caller.Session != 0 {
			m.table.FinishLost(a.caller)
		}
	}
	return nil
}

// answerAgain is for what this or another member has brought to the log before.
func (m *machine[S, C, R]) answerAgain(e session.Envelope, verdict session.Verdict, result R, out *host.ApplyOutput) {
	if !m.own[e.Session] {
		return
	}
	if verdict == session.Expired {
		// Had an earlier copy been applied, its caller would have been answered then; and none
		// can be applied later, because the session does not come back. The caller is told once
		// the host knows, lest the next command goes under this session, too.
		out.Refused = append(out.Refused, host.Refusal{Seq: e.Seq, Sure: true, Err: ErrSessionExpired})
		out.Expired = out.Expired || e.Session == m.current
		return
	}
	m.answer(e, verdict, result)
}

// answer tells an own caller what became of a command that was not run now.
func (m *machine[S, C, R]) answer(e session.Envelope, verdict session.Verdict, result R) {
	switch verdict {
	case session.Repeated:
		m.calls.finish(e.Seq, result, nil)
	case session.RepeatedLost:
		m.calls.finish(e.Seq, result, outcome(proposing, false, ErrResultLost))
	}
}

func (g *group[C, R]) add(e Entry, command C, a attempt) {
	g.entries = append(g.entries, e)
	g.commands = append(g.commands, command)
	g.envelopes = append(g.envelopes, a.member)
	if a.caller.Session != 0 {
		g.addCaller(a.caller)
	}
}

// holds says whether the same command may be in the group: of each session it only
// gathers numbers that ascend, as they mostly do.
func (g *group[C, R]) holds(a attempt) bool {
	if a.caller.Session != 0 {
		if last, ok := g.lastOf[a.caller.Session]; ok && last >= a.caller.Seq {
			return true
		}
	}
	for i := len(g.envelopes) - 1; i >= 0; i-- {
		if g.envelopes[i].Session == a.member.Session {
			return g.envelopes[i].Seq >= a.member.Seq
		}
	}
	return false
}

// applyGroup runs the commands that were gathered, and keeps and gives out their
// results.
func (m *machine[S, C, R]) applyGroup(b wire.Batch) error {
	g := &m.group
	if len(g.entries) == 0 {
		return nil
	}
	results, err := m.run(g.entries, g.commands)
	if err != nil {
		return err
	}
	for i, envelope := range g.envelopes {
		m.table.Finish(envelope, results[i])
	}
	for _, c := range g.callers {
		m.table.Finish(c.envelope, results[c.at])
	}
	m.answered.Store(uint64(g.entries[len(g.entries)-1].Index))
	m.calls.finishGroup(m.own, g.envelopes, results)
	g.forgetCallers()
	clear(g.commands)
	g.entries, g.commands, g.envelopes = g.entries[:0], g.commands[:0], g.envelopes[:0]
	return nil
}

// ApplyPanicError says that the state machine panicked, at which command, with what,
// and where.
type ApplyPanicError struct {
	Index Index
	Value any
	Stack []byte
}

func (e *ApplyPanicError) Error() string {
	return fmt.Sprintf("balsa: Apply panicked at entry %d: %v; this member has stopped, the command is in the log and will be applied again after a restart", e.Index, e.Value)
}

// run applies commands; a panic becomes an error that names the command.
func (m *machine[S, C, R]) run(entries []Entry, commands []C) (results []R, err error) {
	at := entries[0].Index
	defer func() {
		if value := recover(); value != nil {
			err = &ApplyPanicError{Index: at, Value: value, Stack: debug.Stack()}
		}
	}()
	if many, ok := any(m.sm).(BatchApplier[C, R]); ok {
		results = many.ApplyBatch(entries, commands)
		if len(results) != len(commands) {
			return nil, fmt.Errorf("balsa: ApplyBatch returned %d results for %d commands from entry %d on", len(results), len(commands), at)
		}
		return results, nil
	}
	results = make([]R, len(entries))
	for i, e := range entries {
		at = e.Index
		results[i] = m.sm.Apply(e, commands[i])
	}
	return results, nil
}
