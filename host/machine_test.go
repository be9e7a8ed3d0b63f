package host_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/restoring"
	"github.com/balsaraft/balsa/session"
	"github.com/balsaraft/balsa/wire"
)

// machine keeps the commands that were applied, and their times. The answer to a
// command is its place among them.
type machine struct {
	content
	Padding string // behind it in a snapshot, as much as a test wants
	table   session.Table[string]
	next    uint64
	answers map[uint64]string
	own     map[session.ID]bool
	knows   wire.EntryKind // of a newer version
	durable bool           // it claims to have a disk of its own
	held    wire.Index     // on that disk at the start
	unlike  string         // what its state holds and others' do not
	brief   int            // bytes of a command that it keeps, 0 for all
	fails   error          // what Restore says once it holds a part of a snapshot
	staged  restoring.Progress
}

// content is what a snapshot holds.
type content struct {
	Log      []string
	Times    []int64
	Sessions []byte
}

var errExpired = errors.New("session expired")

func newMachine() *machine {
	return &machine{next: 1, answers: map[uint64]string{}, own: map[session.ID]bool{}}
}

// expect numbers an own command.
func (m *machine) expect() uint64 {
	m.next++
	return m.next - 1
}

func (m *machine) answered(seq uint64) bool { _, ok := m.answers[seq]; return ok }

// giveUp is what a caller does whose command was refused: it waits no more.
func (m *machine) giveUp(seq uint64) { m.answers[seq] = "given up" }

func (m *machine) low() uint64 {
	low := uint64(1)
	for m.answered(low) {
		low++
	}
	return low
}

func (m *machine) Durable() (wire.Index, bool) { return m.held, m.durable }

func (m *machine) Apply(in host.ApplyInput) (out host.ApplyOutput, err error) {
	for _, b := range in.Batches {
		for index, e := range b.Entries() {
			if err := m.apply(index, e, b.Time(), in.Own, &out); err != nil {
				return out, err
			}
			if index%in.HashEvery == 0 {
				out.Hashes = append(out.Hashes, host.StateHash{Index: index, Hash: m.hash()})
			}
		}
	}
	out.Low, out.Staged = m.low(), m.staged
	return out, nil
}

func (m *machine) hash() uint64 {
	h := fnv.New64a()
	fmt.Fprint(h, m.Log, m.unlike)
	return h.Sum64()
}

func (m *machine) apply(index wire.Index, e wire.Entry, time int64, own session.ID, out *host.ApplyOutput) error {
	m.Times = append(m.Times, time)
	switch e.Kind {
	case wire.KindNoop, wire.KindMembership:
	case wire.KindSession:
		o, err := session.DecodeOpening(e.Payload)
		if err != nil {
			return err
		}
		switch opened := m.table.Open(o, time); {
		case o.Session != own:
		case opened:
			m.own[own], out.Opened = true, true
		default:
			out.Expired = true
		}
	case wire.KindCommand:
		envelope, command, err := session.Cut(e.Payload)
		if err != nil {
			return err
		}
		verdict, result := m.table.Begin(envelope, time)
		switch verdict {
		case session.Fresh:
			m.Log = append(m.Log, m.shortened(command))
			result = fmt.Sprint(len(m.Log))
			m.table.Finish(envelope, result)
		case session.Expired:
			result = "expired"
			out.Expired = out.Expired || envelope.Session == own
		}
		m.answer(envelope, result)
	case m.knows:
		m.Log = append(m.Log, "new: "+string(e.Payload))
	default:
		return fmt.Errorf("entry %d: its %s was written by a newer version", index, e.Kind)
	}
	return nil
}

func (m *machine) shortened(command []byte) string {
	if m.brief > 0 {
		command = command[:min(len(command), m.brief)]
	}
	return string(command)
}

func (m *machine) answer(e session.Envelope, result string) {
	if m.own[e.Session] && !m.answered(e.Seq) {
		m.answers[e.Seq] = result
	}
}

func (m *machine) Capture() (io.WriterTo, error) {
	var err error
	m.Sessions, err = m.table.Append(nil, func(b []byte, r string) ([]byte, error) { return append(b, r...), nil })
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(m.content)
	return bytes.NewReader(append(data, m.Padding...)), err
}

func (m *machine) Restore(in host.ApplyInput, r io.Reader) (out host.ApplyOutput, err error) {
	var c content
	head := json.NewDecoder(r)
	if err := head.Decode(&c); err != nil {
		return out, err
	}
	m.content = c
	if m.fails != nil {
		return out, m.fails
	}
	if !m.durable || m.held < in.At.Index {
		padding, err := io.ReadAll(io.MultiReader(head.Buffered(), r))
		if err != nil {
			return out, err
		}
		m.Padding = string(padding)
	}
	if err := m.table.Decode(c.Sessions, func(b []byte) (string, error) { return string(b), nil }); err != nil {
		return out, err
	}
	m.own[in.Own] = in.Own != 0
	for seq := uint64(1); seq < m.next; seq++ {
		if result, verdict, _ := m.table.Result(in.Own, seq); verdict == session.Repeated {
			m.answer(session.Envelope{Session: in.Own, Seq: seq}, result)
		}
	}
	_, _, out.Opened = m.table.Result(in.Own, 0)
	for seq := uint64(1); m.own[in.Own] && !out.Opened && seq < m.next; seq++ {
		out.Expired = true
		if !m.answered(seq) {
			out.Refused = append(out.Refused, host.Refusal{Seq: seq, Err: errExpired})
		}
	}
	out.Low = m.low()
	return out, nil
}
