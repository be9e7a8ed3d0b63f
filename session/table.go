package session

import "time"

// MaxSessions bounds the table. When one more is opened, the session that was used
// longest ago goes.
const MaxSessions = 10_000

// MaxWindow bounds how far a command's number may be ahead of its session's oldest
// unanswered one, and so the results that are kept.
const MaxWindow = 1 << 17

// Table is the replicated memory of sessions. Its owner is who applies the log. R is
// the type of results.
type Table[R any] struct {
	sessions map[ID]*record[R]
	cutShort int64 // when a session last went before it had expired, ns of replicated time
}

type record[R any] struct {
	ttl      time.Duration
	lastUsed int64  // replicated time, ns
	low      uint64 // all commands below are answered and forgotten
	slots    []slot[R]
	// slots is a ring: command seq has slots[seq % len(slots)], and the window from
	// low is never longer than the ring.
}

type slot[R any] struct {
	seq    uint64 // 0 while unused
	lost   bool   // it ran, but its result is not known here
	result R
}

// Verdict says what to do with a command.
type Verdict uint8

const (
	// Fresh: run it, and tell Finish its result.
	Fresh Verdict = iota
	// Repeated: it ran before; its result is at hand.
	Repeated
	// RepeatedLost: it ran before, and its result is not known on this member.
	RepeatedLost
	// Answered: it ran before, and its caller said that it has the answer.
	Answered
	// Expired: its session is not known any more, or never was; it must not run.
	Expired
)

// Open makes a session of a member at a moment of replicated time, after those that have
// expired by then are gone. Opening one again changes nothing but its last use.
//
// It says false where the session may have been here before and gone: what was answered
// in it is forgotten, and its commands were refused for good, so that a late copy of the
// entry that opened it must not let copies of them run. Whoever opened it comes with
// another.
func (t *Table[R]) Open(o Opening, now int64) bool {
	t.forgetExpired(now)
	// It was opened after Made, if it was, and lived for TTL at least if it was not cut short.
	if t.sessions[o.Session] == nil && (now-o.Made > int64(o.TTL) || o.Made <= t.cutShort) {
		return false
	}
	t.open(o, now)
	return true
}

func (t *Table[R]) open(o Opening, now int64) {
	if s := t.sessions[o.Session]; s != nil {
		s.lastUsed = now
		return
	}
	if len(t.sessions) >= MaxSessions {
		t.cut(t.oldest(), now)
	}
	t.sessions[o.Session] = &record[R]{ttl: o.TTL, lastUsed: now, low: 1}
}

func (t *Table[R]) forgetExpired(now int64) {
	if t.sessions == nil {
		t.sessions = map[ID]*record[R]{}
	}
	for id, s := range t.sessions {
		if s.expired(now) {
			delete(t.sessions, id)
		}
	}
}

// cut forgets a session before its time.
func (t *Table[R]) cut(id ID, now int64) {
	delete(t.sessions, id)
	t.cutShort = now
}

// Reserved is how much room of the table is not for callers outside the cluster, so
// that they cannot push out the sessions of members.
const Reserved = 1000

// OpenRelayed makes a session for a caller outside the cluster, or says false because
// there are too many. That a copy does not open it again is for the session of the member
// that relays it to see to.
func (t *Table[R]) OpenRelayed(o Opening, now int64) bool {
	t.forgetExpired(now)
	if t.sessions[o.Session] == nil && len(t.sessions) >= MaxSessions-Reserved {
		return false
	}
	t.open(o, now)
	return true
}

// Close forgets a session. Its commands that may still come are Expired.
func (t *Table[R]) Close(id ID) { delete(t.sessions, id) }

// oldest is the session used longest ago; of several the one with the least ID, so
// that every member names the same.
func (t *Table[R]) oldest() (oldest ID) {
	var of *record[R]
	for id, s := range t.sessions {
		if of == nil || s.lastUsed < of.lastUsed || s.lastUsed == of.lastUsed && id < oldest {
			oldest, of = id, s
		}
	}
	return oldest
}

func (s *record[R]) expired(now int64) bool { return now-s.lastUsed > int64(s.ttl) }

// Begin decides about a command that stands in the log at a moment of replicated
// time, and returns the earlier result if it is Repeated. After Fresh, Finish must
// follow before the same command comes again.
func (t *Table[R]) Begin(e Envelope, now int64) (Verdict, R) {
	var none R
	s := t.sessions[e.Session]
	if s == nil {
		return Expired, none
	}
	if s.expired(now) {
		delete(t.sessions, e.Session)
		return Expired, none
	}
	if e.Seq-e.Low >= MaxWindow {
		t.cut(e.Session, now)
		return Expired, none
	}
	s.lastUsed = now
	s.forget(e.Low)
	if e.Seq < s.low {
		return Answered, none
	}
	if slot := s.find(e.Seq); slot != nil {
		if slot.lost {
			return RepeatedLost, none
		}
		return Repeated, slot.result
	}
	return Fresh, none
}

// Finish keeps the result of a command that Begin called Fresh.
func (t *Table[R]) Finish(e Envelope, result R) {
	t.finish(e, slot[R]{seq: e.Seq, result: result})
}

// FinishLost notes that a command that Begin called Fresh has run, but not here and
// now, so that its result is not known on this member.
func (t *Table[R]) FinishLost(e Envelope) { t.finish(e, slot[R]{seq: e.Seq, lost: true}) }

func (t *Table[R]) finish(e Envelope, done slot[R]) {
	// Its caller may have given it up meanwhile, and told so with a later command; and a
	// session that was opened anew does not keep what is not in its window.
	if s := t.sessions[e.Session]; s != nil && e.Seq >= s.low && e.Seq-s.low < MaxWindow {
		s.put(done)
	}
}

// Result returns what a command of a session came to, for a caller that could not
// see it being applied: Fresh if it has not run as far as the table knows;
// the session itself may be gone, which open tells.
func (t *Table[R]) Result(id ID, seq uint64) (result R, verdict Verdict, open bool) {
	s := t.sessions[id]
	if s == nil {
		return result, Expired, false
	}
	if seq < s.low {
		return result, Answered, true
	}
	slot := s.find(seq)
	switch {
	case slot == nil:
		return result, Fresh, true
	case slot.lost:
		return result, RepeatedLost, true
	}
	return slot.result, Repeated, true
}

// Len is the number of sessions.
func (t *Table[R]) Len() int { return len(t.sessions) }

func (s *record[R]) find(seq uint64) *slot[R] {
	if len(s.slots) == 0 {
		return nil
	}
	if slot := &s.slots[seq%uint64(len(s.slots))]; slot.seq == seq {
		return slot
	}
	return nil
}

// forget drops the results below low.
func (s *record[R]) forget(low uint64) {
	if low <= s.low {
		return
	}
	if low-s.low >= uint64(len(s.slots)) {
		clear(s.slots)
	} else {
		for seq := s.low; seq < low; seq++ {
			s.slots[seq%uint64(len(s.slots))] = slot[R]{}
		}
	}
	s.low = low
}

func (s *record[R]) put(done slot[R]) {
	for done.seq-s.low >= uint64(len(s.slots)) {
		s.grow()
	}
	s.slots[done.seq%uint64(len(s.slots))] = done
}

func (s *record[R]) grow() {
	old := s.slots
	s.slots = make([]slot[R], max(8, 2*len(old)))
	for _, kept := range old {
		if kept.seq != 0 {
			s.slots[kept.seq%uint64(len(s.slots))] = kept
		}
	}
}
