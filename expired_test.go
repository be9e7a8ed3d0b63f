package balsa

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/session"
	"github.com/balsaraft/balsa/wire"
)

// A caller whose command came to the log under a session that has expired hears so once the
// host knows it. Who heard it from the state machine could propose again before that, under
// the same session.
func TestWhoseSessionHasExpiredHearsItFromTheHost(t *testing.T) {
	m, err := newMachine(Func(0, func(sum *int, _ Entry, add int) int { *sum += add; return *sum }))
	if err != nil {
		t.Fatal(err)
	}
	const gone, next = session.ID(5), session.ID(7)
	for own, expired := range map[session.ID]bool{gone: true, next: false} {
		m.calls, m.own[gone] = newCalls[int](), true
		c, _, err := m.calls.submit(t.Context(), proposal{kind: wire.KindCommand, body: []byte("1")})
		if err != nil {
			t.Fatal(err)
		}
		m.calls.take(nil)
		body := wire.AppendEntry(wire.NewBody(64), wire.KindCommand, append(session.Envelope{Session: gone, Seq: c.seq, Low: c.seq}.Append(nil), '1'))
		out, err := m.Apply(host.ApplyInput{Own: own, Batches: []wire.Batch{wire.NewBatch(wire.Pos{Term: 1, Index: m.at + 1}, 1, 1, body)}})
		if err != nil {
			t.Fatal(err)
		}
		if len(c.news) > 0 || out.Low != c.seq || out.Expired != expired {
			t.Errorf("with session %d now: answered %v, lowest unanswered %d, expired %v", own, len(c.news) > 0, out.Low, out.Expired)
		}
		if len(out.Refused) != 1 || out.Refused[0].Seq != c.seq || !out.Refused[0].Sure || !errors.Is(out.Refused[0].Err, ErrSessionExpired) {
			t.Errorf("with session %d now, the host is to refuse %+v", own, out.Refused)
		}
	}
}

// So do those whose session is not in a snapshot that becomes the state: what was sent may
// have run before the session went, and only the host knows what has left. Scenario
// session-lost-in-snapshot.
func TestWhoseSessionIsNotInASnapshotHearsItFromTheHost(t *testing.T) {
	sum := func(sum *int, _ Entry, add int) int { *sum += add; return *sum }
	const own = session.ID(5)
	for known, opens := range map[bool]session.ID{true: own, false: 7} {
		other, err := newMachine(Func(0, sum))
		if err != nil {
			t.Fatal(err)
		}
		other.calls = newCalls[int]()
		opening := session.Opening{Session: opens, TTL: time.Hour, Made: 1}.Append(nil)
		body := wire.AppendEntry(wire.NewBody(64), wire.KindSession, opening)
		if _, err := other.Apply(host.ApplyInput{Batches: []wire.Batch{wire.NewBatch(wire.Pos{Term: 1, Index: 1}, 1, 1, body)}}); err != nil {
			t.Fatal(err)
		}
		var content bytes.Buffer
		capture, err := other.Capture()
		if err == nil {
			_, err = capture.WriteTo(&content)
		}
		if err != nil {
			t.Fatal(err)
		}
		m, err := newMachine(Func(0, sum))
		if err != nil {
			t.Fatal(err)
		}
		m.calls, m.own[own] = newCalls[int](), true
		c, _, err := m.calls.submit(t.Context(), proposal{kind: wire.KindCommand, body: []byte("1")})
		if err != nil {
			t.Fatal(err)
		}
		m.calls.take(nil)
		out, err := m.Restore(host.ApplyInput{Own: own, At: wire.Pos{Term: 1, Index: 1}}, &content)
		if err != nil {
			t.Fatal(err)
		}
		if len(c.news) > 0 || out.Low != c.seq || out.Opened != known || out.Expired == known {
			t.Errorf("session known %v: answered %v, lowest unanswered %d, opened %v, expired %v", known, len(c.news) > 0, out.Low, out.Opened, out.Expired)
		}
		if known != (len(out.Refused) == 0) {
			t.Fatalf("session known %v: the host is to refuse %+v", known, out.Refused)
		}
		for _, r := range out.Refused {
			if r.Seq != c.seq || r.Sure || !errors.Is(r.Err, ErrSessionExpired) {
				t.Errorf("the host is to refuse %+v", r)
			}
		}
	}
}
