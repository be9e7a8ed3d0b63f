package balsa

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/restoring"
	"github.com/balsaraft/balsa/session"
)

// A snapshot's content begins with the sessions:
//
//	u8   version: 2 once a backup was restored into the running cluster, else 1
//	     of version 2: u64 the newest such restore, u64 index of its last entry
//	u64  length of the session table
//	     the session table
//	     what the state machine wrote
const (
	contentVersion = 1
	contentRewound = 2
)

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
	if m.at < m.onDisk {
		// Whoever restored it at that position would apply what it holds of later ones again.
		return nil, fmt.Errorf("balsa: the state machine's disk holds entry %d already, and the log was replayed up to %d: a snapshot can be taken once it has caught up", m.onDisk, m.at)
	}
	head, err := m.contentHead(m.rewound)
	if err != nil {
		return nil, err
	}
	state, err := m.sm.Snapshot()
	if err != nil {
		return nil, err
	}
	return &capture{head, state}, nil
}

// contentHead is what stands before what the state machine writes.
func (m *machine[S, C, R]) contentHead(last rewound) ([]byte, error) {
	sessions, err := m.table.Append(nil, m.results.Append)
	if err != nil {
		return nil, err
	}
	head := []byte{contentVersion}
	if last.at != 0 {
		head[0] = contentRewound
		head = binary.LittleEndian.AppendUint64(head, uint64(last.id))
		head = binary.LittleEndian.AppendUint64(head, uint64(last.at))
	}
	head = binary.LittleEndian.AppendUint64(head, uint64(len(sessions)))
	return append(head, sessions...), nil
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
		if err := m.restoreState(in, r); err != nil {
			return out, err
		}
	}
	m.at = in.At.Index
	m.tracker = restoring.Tracker{} // no snapshot is taken while one is under way
	m.repeats.restart(in.At.Index)
	m.sessions.Store(int64(m.table.Len()))
	_, _, out.Opened = m.table.Result(in.Own, 0)
	if out.Opened || m.own[in.Own] {
		m.own[in.Own] = true
		m.answerSkipped(in.Own, &out)
	}
	out.Low = m.calls.low()
	return out, nil
}

// restoreState replaces the state. One with a disk of its own that holds as much already is
// left alone, and so is the rest of the snapshot, however long it is: the host reads that
// once the member serves.
func (m *machine[S, C, R]) restoreState(in host.ApplyInput, r io.Reader) error {
	if err := m.sm.Restore(r); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err // what the state machine left unread is checked, too
	}
	m.onDisk = 0
	if rewinder, ok := any(m.sm).(Rewinder); ok && m.rewound.at == in.At.Index {
		rewinder.Rewound(entryAt(in.At, in.Time))
	}
	return nil
}

func (m *machine[S, C, R]) restoreSessions(r io.Reader) error {
	last, length, err := readContentHead(r)
	if err != nil {
		return err
	}
	var sessions bytes.Buffer
	if _, err := io.CopyN(&sessions, r, length); err != nil {
		return fmt.Errorf("read the snapshot's session table: %w", err)
	}
	m.rewound = last
	return m.table.Decode(sessions.Bytes(), func(b []byte) (R, error) { return m.results.Decode(bytes.Clone(b)) })
}

// readContentHead reads up to the session table, and says how long that is.
func readContentHead(r io.Reader) (last rewound, sessions int64, err error) {
	var head [16]byte
	read := func(n int) (b []byte) {
		if err == nil {
			_, err = io.ReadFull(r, head[:n])
		}
		return head[:n]
	}
	switch version := read(1)[0]; {
	case err != nil:
	case version == contentRewound:
		b := read(16)
		last = rewound{restoring.ID(binary.LittleEndian.Uint64(b)), Index(binary.LittleEndian.Uint64(b[8:]))}
	case version != contentVersion:
		return last, 0, fmt.Errorf("%w: snapshot content of version %d, this program knows %d", ErrNewerVersion, version, contentRewound)
	}
	length := binary.LittleEndian.Uint64(read(8))
	switch {
	case err != nil:
		return last, 0, fmt.Errorf("read the head of the snapshot's content: %w", err)
	case length > maxSessionBytes:
		return last, 0, fmt.Errorf("the snapshot's session table claims %d bytes, %d is the most", length, maxSessionBytes)
	}
	return last, int64(length), nil
}

// answerSkipped tells own callers what became of their commands among the entries that
// a snapshot stands for, which this member never applied. If their session is not known any
// more, the host tells them, which knows what has left, once it uses another: who hears it
// earlier could propose again under the same one. Under a session of which it does not know
// yet that it is open, nothing was sent: those commands are still to come.
func (m *machine[S, C, R]) answerSkipped(own session.ID, out *host.ApplyOutput) {
	out.Expired = !out.Opened
	for _, seq := range m.calls.waiting() {
		result, verdict, open := m.table.Result(own, seq)
		switch {
		case !open:
			// Whether it ran before the session went cannot be told from here.
			out.Refused = append(out.Refused, host.Refusal{Seq: seq, Err: ErrSessionExpired})
		case verdict == session.Repeated || verdict == session.RepeatedLost:
			m.answer(session.Envelope{Session: own, Seq: seq}, verdict, result)
		}
	}
}
