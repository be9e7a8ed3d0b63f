package balsa

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"runtime/debug"
	"sync"

	"github.com/balsaraft/balsa/codec"
	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/session"
	"github.com/balsaraft/balsa/wire"
)

// machine joins the user's state machine and the sessions into the state that the log
// drives. Its methods are called by one task at a time; mu keeps reads and applies
// apart.
type machine[S StateMachine[C, R], C, R any] struct {
	mu       sync.RWMutex
	sm       S
	commands codec.Codec[C]
	results  codec.Codec[R]
	table    session.Table[R]
	calls    *calls[R]
	own      map[session.ID]bool // sessions that this node has opened
	onDisk   Index               // what a Durable state machine held at the start
	group    group[C, R]
	repeats  repeats
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
		m.onDisk = d.Applied()
	}
	return m, nil
}

// Durable implements host.Machine.
func (m *machine[S, C, R]) Durable() bool {
	_, ok := any(m.sm).(Durable)
	return ok
}

// Apply implements host.Machine.
func (m *machine[S, C, R]) Apply(in host.ApplyInput) (out host.ApplyOutput, err error) {
	for _, b := range in.Batches {
		if err := m.applyBatch(b, in.Own, &out); err != nil {
			return out, err
		}
	}
	out.Low = m.calls.low()
	return out, nil
}

func (m *machine[S, C, R]) applyBatch(b wire.Batch, own session.ID, out *host.ApplyOutput) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for index, e := range b.Entries() {
		if err := m.applyEntry(index, e, b, own, out); err != nil {
			return err
		}
	}
	return m.applyGroup(b)
}

func (m *machine[S, C, R]) applyEntry(index Index, e wire.Entry, b wire.Batch, own session.ID, out *host.ApplyOutput) error {
	switch e.Kind {
	case wire.KindNoop, wire.KindMembership:
		return nil
	case wire.KindSession:
		o, err := session.DecodeOpening(e.Payload)
		if err != nil {
			return fmt.Errorf("apply entry %d: %w", index, err)
		}
		m.table.Open(o, b.Time())
		if o.Session == own {
			m.own[own], out.Opened = true, true
		}
		return nil
	case wire.KindCommand:
		return m.applyCommand(index, e.Payload, b, out)
	case wire.KindRelayed:
		return m.applyRelayed(index, e.Payload, b, out)
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
		m.group.add(entryAt(index, b), command, a)
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
	m.answer(e, verdict, result)
	if verdict == session.Expired {
		out.Expired = e.Session
	}
}

// answer tells an own caller what became of a command that was not run now.
func (m *machine[S, C, R]) answer(e session.Envelope, verdict session.Verdict, result R) {
	switch verdict {
	case session.Repeated:
		m.calls.finish(e.Seq, result, nil)
	case session.RepeatedLost:
		m.calls.finish(e.Seq, result, outcome(proposing, false, ErrResultLost))
	case session.Expired:
		// Had an earlier copy been applied, its caller would have been answered then;
		// and none can be applied later, because the session does not come back.
		m.calls.finish(e.Seq, result, outcome(proposing, true, ErrSessionExpired))
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
	if last, ok := g.lastOf[a.caller.Session]; ok && last >= a.caller.Seq {
		return true
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

// A snapshot's content begins with the sessions:
//
//	u8   version, 1
//	u64  length of the session table
//	     the session table
//	     what the state machine wrote
const contentVersion = 1

// capture is the state at one moment, to be written later.
type capture struct {
	head  []byte
	state io.WriterTo
}

// Capture implements host.Machine.
func (m *machine[S, C, R]) Capture() (w io.WriterTo, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("balsa: Snapshot panicked: %v\n%s", value, debug.Stack())
		}
	}()
	sessions, err := m.table.Append(nil, m.results.Append)
	if err != nil {
		return nil, err
	}
	head := binary.LittleEndian.AppendUint64([]byte{contentVersion}, uint64(len(sessions)))
	state, err := m.sm.Snapshot()
	if err != nil {
		return nil, err
	}
	return &capture{append(head, sessions...), state}, nil
}

// WriteTo implements io.WriterTo.
func (c *capture) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(c.head)
	if err != nil {
		return int64(n), err
	}
	m, err := c.state.WriteTo(w)
	return int64(n) + m, err
}

// maxSessionBytes bounds what a snapshot may say its session table takes.
const maxSessionBytes = 1 << 30

// Restore implements host.Machine.
func (m *machine[S, C, R]) Restore(in host.ApplyInput, r io.Reader) (out host.ApplyOutput, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("balsa: Restore panicked: %v\n%s", value, debug.Stack())
		}
	}()
	if err := m.restoreSessions(r); err != nil {
		return out, err
	}
	if in.At.Index > m.onDisk {
		if err := m.sm.Restore(r); err != nil {
			return out, err
		}
		m.onDisk = 0
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		return out, err // what the state machine left unread is checked, too
	}
	m.repeats.restart(in.At.Index)
	_, _, out.Opened = m.table.Result(in.Own, 0)
	if in.Own != 0 {
		m.own[in.Own] = true
		m.answerSkipped(in.Own)
	}
	out.Low = m.calls.low()
	return out, nil
}

func (m *machine[S, C, R]) restoreSessions(r io.Reader) error {
	var head [9]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return fmt.Errorf("read the head of the snapshot's content: %w", err)
	}
	if head[0] != contentVersion {
		return fmt.Errorf("%w: snapshot content of version %d, this program knows %d", ErrNewerVersion, head[0], contentVersion)
	}
	length := binary.LittleEndian.Uint64(head[1:])
	if length > maxSessionBytes {
		return fmt.Errorf("the snapshot's session table claims %d bytes, %d is the most", length, maxSessionBytes)
	}
	var sessions bytes.Buffer
	if _, err := io.CopyN(&sessions, r, int64(length)); err != nil {
		return fmt.Errorf("read the snapshot's session table: %w", err)
	}
	return m.table.Decode(sessions.Bytes(), func(b []byte) (R, error) { return m.results.Decode(bytes.Clone(b)) })
}

// answerSkipped tells own callers what became of their commands among the entries that
// a snapshot stands for, which this member never applied.
func (m *machine[S, C, R]) answerSkipped(own session.ID) {
	for _, seq := range m.calls.waiting() {
		result, verdict, open := m.table.Result(own, seq)
		switch {
		case !open:
			// Whether it ran before the session went cannot be told from here.
			m.calls.finishSent(seq, outcome(proposing, false, ErrSessionExpired))
		case verdict == session.Repeated || verdict == session.RepeatedLost:
			m.answer(session.Envelope{Session: own, Seq: seq}, verdict, result)
		}
	}
}

// repeats are the indexes of commands that stand in the log a second time and were not
// run again.
type repeats struct {
	mu      sync.Mutex
	from    Index // known for all entries after this one
	indexes map[Index]bool
}

func (r *repeats) add(i Index) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.indexes == nil {
		r.indexes = map[Index]bool{}
	}
	r.indexes[i] = true
}

func (r *repeats) restart(at Index) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.from, r.indexes = at, nil
}

// isRepeat says whether the entry was not run, and known whether that is known.
func (r *repeats) isRepeat(i Index) (repeat, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.indexes[i], i > r.from
}
