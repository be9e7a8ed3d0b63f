package world

import (
	"time"

	"github.com/balsaraft/balsa/session"
	"github.com/balsaraft/balsa/wire"
)

// ledger is the sessions once more, slow and obvious: what the members' tables decide of a
// command must be what it decides. That all members decide alike is looked at elsewhere.
type ledger struct {
	sessions map[session.ID]*entries
	gone     map[session.ID]bool // all that were forgotten
}

// entries is what a session remembers.
type entries struct {
	ttl      time.Duration
	lastUsed int64
	low      uint64
	ran      map[uint64]bool
}

func newLedger() *ledger { return &ledger{map[session.ID]*entries{}, map[session.ID]bool{}} }

func (l *ledger) expire(now int64) {
	for id, s := range l.sessions {
		if now-s.lastUsed > int64(s.ttl) {
			l.forget(id)
		}
	}
}

func (l *ledger) open(o session.Opening, now int64) {
	l.expire(now)
	if s := l.sessions[o.Session]; s != nil {
		s.lastUsed = now
		return
	}
	l.sessions[o.Session] = &entries{ttl: o.TTL, lastUsed: now, low: 1, ran: map[uint64]bool{}}
}

func (l *ledger) forget(id session.ID) {
	delete(l.sessions, id)
	l.gone[id] = true
}

// begin decides about a command. What is fresh runs at once.
func (l *ledger) begin(e session.Envelope, now int64) session.Verdict {
	s := l.sessions[e.Session]
	switch {
	case s == nil:
		return session.Expired
	case now-s.lastUsed > int64(s.ttl):
		l.forget(e.Session)
		return session.Expired
	}
	s.lastUsed, s.low = now, max(s.low, e.Low)
	switch {
	case e.Seq < s.low:
		return session.Answered
	case s.ran[e.Seq]:
		return session.Repeated
	}
	return session.Fresh
}

// ran notes that a command has a result.
func (l *ledger) ran(e session.Envelope) {
	if s := l.sessions[e.Session]; s != nil {
		s.ran[e.Seq] = true
	}
}

// decided looks at a verdict when its entry is applied for the first time.
func (j *judge) decided(who string, index wire.Index, e session.Envelope, now int64, v session.Verdict) {
	if !j.isFirst(index) {
		return
	}
	if v == session.RepeatedLost {
		v = session.Repeated
	}
	if want := j.ledger.begin(e, now); v != want {
		broken("%s decides %d of command %d in session %s at entry %d, and not %d", who, v, e.Seq, e.Session, index, want)
	}
}

// opened looks at what came of the opening of a member's session when its entry is applied
// for the first time: one that is gone never comes back.
func (j *judge) opened(who string, index wire.Index, o session.Opening, now int64, opened bool) {
	if !j.isFirst(index) {
		return
	}
	if !opened {
		if j.ledger.expire(now); j.ledger.sessions[o.Session] != nil {
			broken("%s does not open session %s again at entry %d", who, o.Session, index)
		}
		return
	}
	if j.ledger.open(o, now); j.ledger.gone[o.Session] {
		broken("%s opens session %s at entry %d, which was here before and has expired", who, o.Session, index)
	}
}

// isFirst says whether nobody has applied an entry yet.
func (j *judge) isFirst(index wire.Index) bool { return int(index) == len(j.entries)+1 }
