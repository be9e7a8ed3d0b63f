package tracker

import (
	"math/bits"
	"slices"
	"time"

	"github.com/balsaraft/balsa/wire"
)

// State is how entries are sent to a peer.
type State uint8

const (
	// Probe looks for the place where the logs agree, one Append at a time.
	Probe State = iota
	// Replicate sends ahead without waiting, as far as the window allows.
	Replicate
	// Snapshot waits for a snapshot to arrive: the log does not reach back to where
	// the peer is. Meanwhile there are only heartbeats.
	Snapshot
)

func (s State) String() string {
	switch s {
	case Replicate:
		return "replicate"
	case Snapshot:
		return "snapshot"
	}
	return "probe"
}

// Peer is the view of one peer, or of the leader itself, which counts like others.
// It is not safe for concurrent use.
type Peer struct {
	ID wire.MemberID
	// Session numbers the connection and the membership that this view is about. An
	// answer to another session is about a former life and is dropped.
	Session uint64

	State State
	Match wire.Index // highest index known to be durable on the peer
	Next  wire.Index // first index not sent yet; Match < Next

	Due      uint64        // newest round of confirmation that the peer is to be sent
	Asked    uint64        // newest round that it was sent
	Answered uint64        // newest round that it answered
	Contact  time.Duration // when the newest round that it answered began
	Told     wire.Index    // commit index that it can know from what was sent

	logged   wire.Index // highest index that the peer said its log holds
	loggedBy uint64     // newest round when it said so
	lacking  uint64     // how often, in this session, it was found to lack what it had

	Window Window // Appends with entries that are not answered yet

	least  wire.Index // Snapshot: where the snapshot under way reaches at least
	probed wire.Index // Probe: last index of the entries that went with the probe
	paused bool       // Probe: one is out
}

// New starts a view of a peer of which nothing is known yet: it is probed at next-1.
func New(id wire.MemberID, session uint64, next wire.Index, now time.Duration) *Peer {
	return &Peer{ID: id, Session: session, Next: next, Contact: now}
}

// Active says whether the peer answered a round that began after since.
func (p *Peer) Active(since time.Duration) bool { return p.Answered > 0 && p.Contact > since }

// Reconnected starts a new session: what was on the way may be lost, so the peer is
// probed again. A snapshot's transfer goes on; its end is reported in any case.
func (p *Peer) Reconnected(session uint64) {
	p.Session, p.Asked, p.Told, p.lacking = session, 0, 0, 0
	p.Window.Clear()
	switch p.State {
	case Probe:
		p.probe(p.Next)
	case Replicate:
		p.probe(p.Match + 1)
	}
}

// Heard notes the answer to a round of confirmation that began at that moment.
func (p *Peer) Heard(round uint64, began time.Duration) {
	if round > p.Answered {
		p.Answered, p.Contact = round, max(p.Contact, began)
	}
}

// Acked notes that the peer's log is durable and equal up to index, and says whether
// that is news. Only such answers move Match, never what was sent. newest is the number
// of the newest round by now.
func (p *Peer) Acked(index wire.Index, newest uint64) bool {
	advanced := index > p.Match
	if index > p.logged {
		p.logged, p.loggedBy = index, newest
	}
	p.Match = max(p.Match, index)
	p.Window.Release(p.Match)
	switch {
	case p.State == Probe && p.Match+1 >= p.Next:
		p.replicate(max(p.Match, p.probed) + 1)
	case p.State == Snapshot && p.Match >= p.least:
		p.replicate(p.Match + 1)
	}
	p.Next = max(p.Next, p.Match+1)
	return advanced
}

// Rejected notes that the peer's log does not hold the entry at asked, and that the
// logs may agree at agreed or before. It says whether that is news: answers to what
// was asked before are not, and nothing moves Next to Match or below.
func (p *Peer) Rejected(asked, agreed wire.Index) bool {
	switch {
	case asked <= p.Match || p.State == Snapshot:
		return false
	case p.State == Probe && asked != p.Next-1:
		return false
	case p.State == Replicate && asked >= p.Next:
		return false
	}
	p.probe(max(p.Match, min(agreed, asked-1)) + 1)
	return true
}

// Lacks says whether an answer to an Append of that round, which the peer could not place
// after the entry at asked, shows that it has lost entries: it had said that it holds that
// entry before the Append was sent. A snapshot that arrived does not count; it may not be
// in the log yet. It says so at the first, the second, the fourth such answer of a session
// and so on: what the peer is told then may not arrive.
func (p *Peer) Lacks(round uint64, asked wire.Index) bool {
	if asked > p.logged || round <= p.loggedBy {
		return false
	}
	p.lacking++
	return bits.OnesCount64(p.lacking) == 1
}

// Sent notes that entries up to last, weighing so many bytes, are on the way.
func (p *Peer) Sent(last wire.Index, bytes int) {
	p.Window.Add(last, bytes)
	if p.State == Probe {
		p.probed, p.paused = last, true
		return
	}
	p.Next = last + 1
}

// Probed notes that a probe without entries is on the way. It may be what gets
// through, so entries that went with an earlier one cannot be relied upon.
func (p *Peer) Probed() {
	p.probed, p.paused = 0, true
	p.Window.Clear()
}

// Paused says that a probe is out, and that the next waits for its answer or for the
// next round.
func (p *Peer) Paused() bool { return p.State == Probe && p.paused }

// AwaitSnapshot notes that a snapshot at least at index was asked for.
func (p *Peer) AwaitSnapshot(least wire.Index) {
	p.State, p.least, p.paused, p.probed = Snapshot, least, false, 0
	p.Window.Clear()
}

// SnapshotArrived notes that a snapshot at index is durable on the peer, and says
// whether that is news. What follows it is found by probing.
func (p *Peer) SnapshotArrived(index wire.Index) bool {
	advanced := index > p.Match
	p.Match = max(p.Match, index)
	p.Next = max(p.Next, p.Match+1)
	p.Window.Release(p.Match)
	if p.State == Snapshot {
		p.probe(p.Match + 1)
	}
	return advanced
}

// SnapshotFailed notes that the transfer was given up. The peer is left alone until
// the next round, lest a transfer that fails at once is asked for without end.
func (p *Peer) SnapshotFailed() {
	if p.State == Snapshot {
		p.probe(p.Match + 1)
		p.paused = true
	}
}

// Lost notes that the log was cut off beyond what the peer needs next.
func (p *Peer) Lost() { p.probe(p.Next) }

func (p *Peer) probe(next wire.Index) {
	p.State, p.Next, p.probed, p.paused = Probe, next, 0, false
	p.Window.Clear()
}

func (p *Peer) replicate(next wire.Index) {
	p.State, p.Next, p.probed, p.paused = Replicate, next, 0, false
}

// Clone is a second view in the same state, which shares nothing with this one.
func (p *Peer) Clone() *Peer {
	c := *p
	c.Window.flights = slices.Clone(p.Window.flights)
	return &c
}
