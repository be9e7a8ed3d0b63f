package world

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/restoring"
	"github.com/balsaraft/balsa/session"
	"github.com/balsaraft/balsa/wire"
)

// machine is the replicated state: how many commands were applied, and a digest of all
// that was and of every decision of the session table. The result of a command is its
// place in the order of all. Each member's machine reports what it applies to the judge.
type machine struct {
	judge        *judge
	who          string
	calls        *calls
	table        session.Table[uint64]
	own          map[session.ID]bool
	at           wire.Index
	count        uint64 // commands applied
	digest       uint64
	version      program // of the cluster, as the log says
	knowsVersion bool    // all of the log's word on it was applied here
	padding      int     // bytes that a snapshot is made longer by
	seat         *seat
	durable      bool
	kept         kept // what the state's own disk held at the start
	applies      int
	tracker      restoring.Tracker
}

func newMachine(s *seat, c *calls) *machine {
	w := s.w
	m := &machine{judge: &w.judge, who: s.name, calls: c, own: map[session.ID]bool{}, padding: w.shape.padding, seat: s, durable: w.shape.durable}
	m.wake(s.kept)
	return m
}

// Durable implements host.Machine.
func (m *machine) Durable() (held wire.Index, ok bool) { return m.kept.at, m.durable }

// Apply implements host.Machine.
func (m *machine) Apply(in host.ApplyInput) (out host.ApplyOutput, err error) {
	for _, b := range in.Batches {
		for index, e := range b.Entries() {
			if err := m.applyEntry(index, e, b, in.Own, &out); err != nil || out.Install != nil {
				return out, err
			}
			if index%in.HashEvery == 0 {
				out.Hashes = append(out.Hashes, host.StateHash{Index: index, Hash: m.hash()})
			}
		}
	}
	m.flush()
	out.Low, out.Staged = m.calls.low(), m.tracker.Progress()
	return out, nil
}

func (m *machine) applyEntry(index wire.Index, e wire.Entry, b wire.Batch, own session.ID, out *host.ApplyOutput) error {
	if index != m.at+1 {
		broken("%s applies entry %d after %d", m.who, index, m.at)
	}
	m.at = index
	m.digest = mix(m.digest, uint64(e.Kind))
	m.judgeEntry(index, e)
	var answer func()
	switch e.Kind {
	case wire.KindSession:
		o, err := session.DecodeOpening(e.Payload)
		if err != nil {
			return fmt.Errorf("apply entry %d: %w", index, err)
		}
		switch opened := m.open(index, o, b.Time()); {
		case o.Session != own:
		case opened:
			m.own[own], out.Opened = true, true
		default:
			out.Expired = true
		}
	case wire.KindCommand:
		var err error
		if answer, err = m.applyCommand(index, e.Payload, b.Time(), own, out); err != nil {
			return err
		}
	case wire.KindRelayed:
		var err error
		if answer, err = m.applyRelayed(index, e.Payload, b.Time(), own, out); err != nil {
			return err
		}
	case wire.KindRestore:
		var err error
		if answer, err = m.applyRestore(index, e.Payload, b.Time(), own, out); err != nil {
			return err
		}
	}
	m.judge.rules.place(m.who, index, e, b)
	m.judge.applied(m.who, index, fingerprint(e, b), m.digest, m.counted())
	if answer != nil {
		answer()
	}
	return nil
}

// applyCommand runs a command unless it ran before. Its caller is told afterwards, once
// the judge has seen what was applied.
func (m *machine) applyCommand(index wire.Index, payload []byte, now int64, own session.ID, out *host.ApplyOutput) (answer func(), err error) {
	envelope, data, err := session.Cut(payload)
	if err != nil {
		return nil, fmt.Errorf("apply entry %d: %w", index, err)
	}
	if len(data) < 8 {
		return nil, fmt.Errorf("apply entry %d: a command of %d bytes", index, len(data))
	}
	number, version := cutNumber(binary.LittleEndian.Uint64(data))
	m.judgeCommand(index, version)
	verdict, result := m.begin(index, envelope, now)
	m.digest = mix(m.digest, number<<3|uint64(known(verdict)))
	if verdict == session.Fresh {
		result, verdict = m.run(index, number, envelope)
	}
	if !m.own[envelope.Session] {
		return nil, nil
	}
	if verdict == session.Expired {
		m.expired(envelope, own, out)
		return nil, nil
	}
	return func() { m.answer(envelope.Seq, verdict, result) }, nil
}

// expired has the host tell whoever waits for a command that its session is gone, as a node
// does.
func (m *machine) expired(e session.Envelope, own session.ID, out *host.ApplyOutput) {
	m.calls.meetExpired(m.who, e)
	out.Refused = append(out.Refused, host.Refusal{Seq: e.Seq, Sure: true, Err: errExpired})
	out.Expired = out.Expired || e.Session == own
}

// errExpired stands for the word of a node.
var errExpired = errors.New("session expired")

func (m *machine) answer(seq uint64, v session.Verdict, result uint64) {
	switch v {
	case session.Repeated:
		m.calls.done(seq, result)
	case session.RepeatedLost, session.Answered:
		m.calls.refused(seq, false)
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
	if m.ahead() {
		return nil, errAhead
	}
	head, err := m.head()
	if err != nil {
		return nil, err
	}
	return &capture{head, m.padding}, nil
}

// head is a snapshot's content without padding.
func (m *machine) head() ([]byte, error) {
	sessions, err := m.table.Append(nil, func(b []byte, r uint64) ([]byte, error) {
		return binary.LittleEndian.AppendUint64(b, r), nil
	})
	if err != nil {
		return nil, err
	}
	b := binary.LittleEndian.AppendUint64(nil, m.counted())
	b = binary.LittleEndian.AppendUint64(b, m.digest)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(sessions)))
	return append(b, sessions...), nil
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
	count, digest, err := m.readHead(r)
	if err != nil {
		return out, err
	}
	if !m.durable || in.At.Index > m.kept.at {
		if _, err := io.Copy(io.Discard, r); err != nil {
			return out, err
		}
	} // else the rest is left alone, as a node does
	m.digest, m.at, m.tracker = digest, in.At.Index, restoring.Tracker{}
	m.version, m.knowsVersion = 0, false
	if !m.durable || m.at > m.kept.at {
		m.count, m.kept = count, kept{}
		m.seat.kept = kept{m.at, count}
	}
	m.judge.restored(m.who, in.At.Index, digest, count)
	_, _, out.Opened = m.table.Result(in.Own, 0)
	if out.Opened || m.own[in.Own] {
		m.own[in.Own] = true
		m.answerSkipped(in.Own, &out)
	}
	out.Low = m.calls.low()
	return out, nil
}

// readHead reads what head has written.
func (m *machine) readHead(r io.Reader) (count, digest uint64, err error) {
	var fixed [24]byte
	if _, err := io.ReadFull(r, fixed[:]); err != nil {
		return 0, 0, fmt.Errorf("read the head of a snapshot: %w", err)
	}
	count, digest = binary.LittleEndian.Uint64(fixed[:]), binary.LittleEndian.Uint64(fixed[8:])
	var sessions bytes.Buffer
	if _, err := io.CopyN(&sessions, r, int64(binary.LittleEndian.Uint64(fixed[16:]))); err != nil {
		return 0, 0, fmt.Errorf("read the sessions of a snapshot: %w", err)
	}
	return count, digest, m.table.Decode(sessions.Bytes(), func(b []byte) (uint64, error) {
		return binary.LittleEndian.Uint64(b), nil
	})
}

// answerSkipped tells own callers what became of their commands among the entries that
// a snapshot stands for. The host tells those whose session is gone.
func (m *machine) answerSkipped(own session.ID, out *host.ApplyOutput) {
	if !out.Opened {
		m.seat.w.count("session-lost")
		out.Expired = true
	}
	for _, seq := range m.calls.waiting() {
		result, verdict, open := m.table.Result(own, seq)
		switch {
		case !open:
			m.calls.lost(own, seq)
			out.Refused = append(out.Refused, host.Refusal{Seq: seq, Err: errExpired})
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
