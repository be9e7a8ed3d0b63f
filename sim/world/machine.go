package world

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/session"
	"github.com/balsaraft/balsa/wire"
)

// machine is the replicated state: how many commands were applied, and a digest of all
// that was and of every decision of the session table. The result of a command is its
// place in the order of all. Each member's machine reports what it applies to the judge.
type machine struct {
	judge   *judge
	who     string
	calls   *calls
	table   session.Table[uint64]
	own     map[session.ID]bool
	at      wire.Index
	count   uint64 // commands applied
	digest  uint64
	padding int // bytes that a snapshot is made longer by
}

func newMachine(j *judge, who string, c *calls, padding int) *machine {
	return &machine{judge: j, who: who, calls: c, own: map[session.ID]bool{}, padding: padding}
}

// Durable implements host.Machine.
func (m *machine) Durable() bool { return false }

// Apply implements host.Machine.
func (m *machine) Apply(in host.ApplyInput) (out host.ApplyOutput, err error) {
	for _, b := range in.Batches {
		for index, e := range b.Entries() {
			if err := m.applyEntry(index, e, b, in.Own, &out); err != nil {
				return out, err
			}
		}
	}
	out.Low = m.calls.low()
	return out, nil
}

func (m *machine) applyEntry(index wire.Index, e wire.Entry, b wire.Batch, own session.ID, out *host.ApplyOutput) error {
	if index != m.at+1 {
		broken("%s applies entry %d after %d", m.who, index, m.at)
	}
	m.at = index
	m.digest = mix(m.digest, uint64(e.Kind))
	var answer func()
	switch e.Kind {
	case wire.KindSession:
		o, err := session.DecodeOpening(e.Payload)
		if err != nil {
			return fmt.Errorf("apply entry %d: %w", index, err)
		}
		m.table.Open(o, b.Time())
		if o.Session == own {
			m.own[own], out.Opened = true, true
		}
	case wire.KindCommand:
		var err error
		if answer, err = m.applyCommand(index, e.Payload, b.Time(), out); err != nil {
			return err
		}
	}
	m.judge.applied(m.who, index, fingerprint(e, b), m.digest, m.count)
	if answer != nil {
		answer()
	}
	return nil
}

// applyCommand runs a command unless it ran before. Its caller is told afterwards, once
// the judge has seen what was applied.
func (m *machine) applyCommand(index wire.Index, payload []byte, now int64, out *host.ApplyOutput) (answer func(), err error) {
	envelope, data, err := session.Cut(payload)
	if err != nil {
		return nil, fmt.Errorf("apply entry %d: %w", index, err)
	}
	if len(data) < 8 {
		return nil, fmt.Errorf("apply entry %d: a command of %d bytes", index, len(data))
	}
	number := binary.LittleEndian.Uint64(data)
	verdict, result := m.table.Begin(envelope, now)
	m.digest = mix(m.digest, number<<3|uint64(verdict))
	if verdict == session.Fresh {
		m.count++
		m.table.Finish(envelope, m.count)
		m.judge.ran(m.who, number, index, m.count)
		verdict, result = session.Repeated, m.count
	}
	if !m.own[envelope.Session] {
		return nil, nil
	}
	if verdict == session.Expired {
		out.Expired = envelope.Session
	}
	return func() { m.answer(envelope.Seq, verdict, result) }, nil
}

func (m *machine) answer(seq uint64, v session.Verdict, result uint64) {
	switch v {
	case session.Repeated:
		m.calls.done(seq, result)
	case session.RepeatedLost:
		m.calls.refused(seq, false)
	case session.Expired:
		m.calls.refused(seq, true)
	}
}

// A snapshot's content:
//
//	u64  commands applied
//	u64  digest
//	u64  length of the session table
//	     the session table
//	     padding
type capture struct {
	content []byte
	padding int
}

// Capture implements host.Machine.
func (m *machine) Capture() (io.WriterTo, error) {
	sessions, err := m.table.Append(nil, func(b []byte, r uint64) ([]byte, error) {
		return binary.LittleEndian.AppendUint64(b, r), nil
	})
	if err != nil {
		return nil, err
	}
	b := binary.LittleEndian.AppendUint64(nil, m.count)
	b = binary.LittleEndian.AppendUint64(b, m.digest)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(sessions)))
	return &capture{append(b, sessions...), m.padding}, nil
}

// WriteTo implements io.WriterTo.
func (c *capture) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(c.content)
	if err != nil {
		return int64(n), err
	}
	p, err := w.Write(make([]byte, c.padding))
	return int64(n + p), err
}

// Restore implements host.Machine.
func (m *machine) Restore(in host.ApplyInput, r io.Reader) (out host.ApplyOutput, err error) {
	content, err := io.ReadAll(r)
	if err != nil {
		return out, err
	}
	if len(content) < 24 {
		return out, fmt.Errorf("a snapshot of %d bytes", len(content))
	}
	count, digest := binary.LittleEndian.Uint64(content), binary.LittleEndian.Uint64(content[8:])
	length := binary.LittleEndian.Uint64(content[16:])
	if length > uint64(len(content)-24) {
		return out, fmt.Errorf("a snapshot of %d bytes claims %d of sessions", len(content), length)
	}
	err = m.table.Decode(content[24:24+length], func(b []byte) (uint64, error) {
		return binary.LittleEndian.Uint64(b), nil
	})
	if err != nil {
		return out, err
	}
	m.count, m.digest, m.at = count, digest, in.At.Index
	m.judge.restored(m.who, in.At.Index, digest, count)
	_, _, out.Opened = m.table.Result(in.Own, 0)
	if in.Own != 0 {
		m.own[in.Own] = true
		m.answerSkipped(in.Own)
	}
	out.Low = m.calls.low()
	return out, nil
}

// answerSkipped tells own callers what became of their commands among the entries that
// a snapshot stands for.
func (m *machine) answerSkipped(own session.ID) {
	for _, seq := range m.calls.waiting() {
		result, verdict, open := m.table.Result(own, seq)
		switch {
		case !open:
			m.calls.refused(seq, false)
		case verdict == session.Repeated || verdict == session.RepeatedLost:
			m.answer(seq, verdict, result)
		}
	}
}

// fingerprint tells an entry from others: its term, kind, time and bytes.
func fingerprint(e wire.Entry, b wire.Batch) uint64 {
	h := mix(uint64(b.Term()), uint64(b.Time()))
	h = mix(h, uint64(e.Kind)<<32|uint64(len(e.Payload)))
	p := e.Payload
	for ; len(p) >= 8; p = p[8:] {
		h = mix(h, binary.LittleEndian.Uint64(p))
	}
	for _, c := range p {
		h = mix(h, uint64(c))
	}
	return h
}

// mix folds a number into a digest.
func mix(digest, v uint64) uint64 {
	digest = (digest ^ v) * 0x9e3779b97f4a7c15
	return digest ^ digest>>29
}
