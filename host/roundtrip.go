package host

import (
	"maps"
	"slices"
	"time"

	"github.com/balsaraft/balsa/wire"
)

// roundTrip is how long another member takes to answer this leader. It is measured by
// rounds of confirmation. An answer that waits for a disk takes longer than one that only
// travels, so it is the least of the last few that says how far away the member is.
type roundTrip struct {
	round         uint64 // the one that was measured last
	at            time.Duration
	waiting       bool          // it has not been answered
	least, lately time.Duration // of the period before, and of the one that runs; 0 for none
	since         time.Duration // when the latter began
}

// roundTripPeriod is over how long the least is taken.
const roundTripPeriod = 2 * time.Second

// sent begins a measurement, unless one is under way whose answer may still come.
func (t *roundTrip) sent(round uint64, now time.Duration) {
	if round > t.round && (!t.waiting || now-t.at > roundTripPeriod) {
		t.round, t.at, t.waiting = round, now, true
	}
}

func (t *roundTrip) answered(round uint64, now time.Duration) {
	if !t.waiting || round < t.round {
		return
	}
	t.waiting = false
	if now-t.since > roundTripPeriod {
		t.least, t.lately, t.since = t.lately, 0, now
	}
	// A member that answers within the turn is still not here.
	t.lately = lesser(t.lately, max(now-t.at, 1))
}

// lesser is the smaller one of those that are known.
func lesser(a, b time.Duration) time.Duration {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

// time is the round trip as it is known now, 0 if it is not.
func (t *roundTrip) time() time.Duration { return lesser(t.least, t.lately) }

func (h *Host) forgetRoundTrips() {
	maps.DeleteFunc(h.contact.roundTrips, func(id wire.MemberID, _ *roundTrip) bool { return !slices.Contains(h.contact.ids, id) })
}

// noteSent and noteAnswer look at what goes to a member and what comes from it.
func (h *Host) noteSent(m *wire.Message) {
	t := h.contact.roundTrips[m.To]
	if t == nil {
		t = &roundTrip{}
		h.contact.roundTrips[m.To] = t
	}
	t.sent(m.Round, h.now)
}

func (h *Host) noteAnswer(m *wire.Message) {
	if t := h.contact.roundTrips[m.From]; t != nil && m.Kind == wire.AppendReply {
		t.answered(m.Round, h.now)
	}
}
