package host

import (
	"errors"
	"slices"
	"time"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/session"
	"github.com/balsaraft/balsa/wire"
)

// Chunk is a run of this member's own commands, numbered one after the other, ready
// for the log: a body as wire.NewBody and AppendEntry build it, each payload, of a
// command, relayed or of a restore, starting with a session.Envelope, whose session the host fills
// in.
type Chunk struct {
	Body  []byte
	Count int
	First uint64 // number of the first command
	// Made is when the first command was taken, by Now.Mono. Only a Meter asks.
	Made time.Duration
}

// outbox holds this member's own proposals until they are applied here. While there
// is a leader they are with it: appended, if it is this member, else handed over. When
// leader or term change, all go again to the new one: what was committed before is
// recognised by its session and number and does not run twice.
type outbox struct {
	chunks  []*parcel // by number
	session session.ID
	state   sessionState
	opening *parcel
	usedAt  time.Duration // when the session last carried a command
	handed  time.Duration // when commands were last handed over
	random  func() uint64
}

type sessionState uint8

const (
	sessionNone sessionState = iota
	sessionOpening
	sessionOpen
)

// parcel is a chunk and where it is.
type parcel struct {
	Chunk
	opens bool // it opens the session, and holds no command
	state parcelState
	sent  bool          // it has left this host at least once: it may be committed
	id    uint64        // of the hand-over
	again time.Duration // when it is sent again if nothing was heard

	at        wire.Pos // of its first command in the leader's log, 0 while unknown
	withdrawn int      // commands that were given up
	way       way      // of a parcel that a Meter follows
}

type parcelState uint8

const (
	parcelWaiting  parcelState = iota // for a leader, for its turn
	parcelSent                        // handed to the leader, who has not said that it took it
	parcelTaken                       // in the leader's log
	parcelAnswered                    // applied here, or given up
)

func (p *parcel) last() uint64 { return p.First + uint64(p.Count) - 1 }

func (o *outbox) init(random func() uint64) { o.random = random }

// ErrNotTaken is under a refusal of commands that never reached a leader.
var ErrNotTaken = errors.New("no leader has taken it")

// Propose adds own commands. Their answers come from the machine; only commands that
// Withdraw takes back are answered in Output.Refused. The host takes the body over.
func (h *Host) Propose(c Chunk) {
	p := &parcel{Chunk: c}
	if h.standing.removed {
		h.refuse(p)
		return
	}
	h.outbox.chunks = append(h.outbox.chunks, p)
	h.meterProposal(p)
}

// Withdraw asks to give up one own command. The answer is a Refusal in the next
// Output, unless the command is applied before.
func (h *Host) Withdraw(seq uint64, reason error) {
	p := h.outbox.find(seq)
	sure := p != nil && !p.sent
	if sure {
		p.remove(seq)
	}
	if p != nil {
		p.withdrawn++
	}
	h.out.Refused = append(h.out.Refused, Refusal{Seq: seq, Sure: sure, Err: errors.Join(reason, h.whyNoLeader())})
}

// NeverSent says whether an own command is here and has not left: nobody else will
// ever see it.
func (h *Host) NeverSent(seq uint64) bool {
	p := h.outbox.find(seq)
	return p != nil && !p.sent
}

// find is the parcel that holds a command, nil if none does any more.
func (o *outbox) find(seq uint64) *parcel {
	i, found := slices.BinarySearchFunc(o.chunks, seq, func(p *parcel, seq uint64) int {
		switch {
		case p.last() < seq:
			return -1
		case p.First > seq:
			return 1
		}
		return 0
	})
	if !found {
		return nil
	}
	return o.chunks[i]
}

// remove replaces one command by an empty no-op, so that the others keep their
// places.
func (p *parcel) remove(seq uint64) {
	batch := wire.NewBatch(wire.Pos{Term: 1, Index: 1}, 0, p.Count, p.Body)
	body := wire.NewBody(len(p.Body))
	for _, e := range batch.Entries() {
		if envelope, _, err := session.Cut(e.Payload); enveloped(e.Kind) && err == nil && envelope.Seq == seq {
			body = wire.AppendEntry(body, wire.KindNoop, nil)
			continue
		}
		body = wire.AppendEntry(body, e.Kind, e.Payload)
	}
	p.Body = body
}

// retryAfter is how long the outbox waits for the leader's word before it sends again.
func (h *Host) retryAfter() time.Duration { return h.cfg.Raft.ElectionTimeout }

func (o *outbox) due() time.Duration {
	due := never
	if o.opening != nil && o.opening.state == parcelSent {
		due = o.opening.again
	}
	if o.state != sessionOpen {
		return due // the commands wait for their session
	}
	for _, p := range o.chunks {
		if p.state == parcelSent {
			return min(due, p.again)
		}
	}
	return due
}

// leaderChanged makes all go again.
func (o *outbox) leaderChanged() {
	for _, p := range o.chunks {
		p.state = parcelWaiting
		p.forget()
	}
	if o.opening != nil {
		o.opening.state = parcelWaiting
	}
}

// answered drops what the machine has answered.
func (o *outbox) answered(own session.ID, out ApplyOutput) {
	if out.Opened && own == o.session && o.state == sessionOpening {
		o.state, o.opening = sessionOpen, nil
	}
	if out.Expired && own == o.session {
		o.state, o.opening = sessionNone, nil // the next turn opens another
	}
	done := 0
	for done < len(o.chunks) && o.chunks[done].last() < out.Low {
		o.chunks[done].state = parcelAnswered
		o.chunks[done] = nil
		done++
	}
	o.chunks = o.chunks[done:]
}

// skipped makes all go again after entries that a snapshot stands for. What was among
// them under a session that had ended is not found in the state. The machine refuses it; one
// that does not gets it back as expired.
func (o *outbox) skipped() { o.leaderChanged() }

// refused tells callers of what the machine refuses. What it is not sure of, and has not
// left, goes under the next session.
func (h *Host) refused(list []Refusal) {
	for _, r := range list {
		if p := h.outbox.find(r.Seq); r.Sure || p != nil && p.sent {
			h.out.Refused = append(h.out.Refused, r)
		}
	}
}

// turnOutbox brings to the leader what waits. A leader's own proposals wait while the
// log is being written: they are the next batch.
func (h *Host) turnOutbox() {
	if !h.mayDeliver() {
		return
	}
	leading := h.view.Role == raft.Leader
	h.keepSession()
	o := &h.outbox
	if o.opening != nil {
		h.deliver(leading, []*parcel{o.opening})
	}
	if o.state == sessionOpen {
		h.deliver(leading, o.chunks)
	}
	h.takeForwards()
}

// TakesProposals says whether proposals would best go on their way at once. Else they are
// better gathered, until a turn has changed that: they would wait here, for the log or a leader, or
// be one message more for a leader that has not yet taken the one before. They are
// taken in any case.
func (h *Host) TakesProposals() bool {
	return h.standing.removed || h.mayDeliver() && h.now >= h.nextForward()
}

// forwardPause is how long proposals gather while the leader has not said that it took
// those before, so that they go together. A leader that is near says so at its next
// write; where it is far, they wait no longer than that before they go on their way.
const forwardPause = time.Millisecond

// nextForward is from when on proposals are best handed over.
func (h *Host) nextForward() time.Duration {
	o := &h.outbox
	last := len(o.chunks) - 1
	if h.view.Role == raft.Leader || last < 0 || o.chunks[last].state != parcelSent {
		return 0
	}
	return o.handed + forwardPause
}

func (h *Host) mayDeliver() bool {
	return h.view.Leader != 0 && (h.view.Role != raft.Leader || !h.busy[LogLane])
}

// keepSession opens a session if there is none that will last: before the first
// command, and before one that comes after half of the session's life without any.
func (h *Host) keepSession() {
	o := &h.outbox
	stale := o.state == sessionOpen && h.now-o.usedAt > h.cfg.SessionTTL/2
	if len(o.chunks) > 0 && o.chunks[len(o.chunks)-1].state == parcelWaiting && !stale {
		o.usedAt = h.now
	}
	if h.applying.at.Index == 0 {
		return // when it was made cannot be told yet
	}
	unsent := !slices.ContainsFunc(o.chunks, func(p *parcel) bool { return p.sent })
	if o.state == sessionNone || stale && len(o.chunks) > 0 && unsent {
		h.openSession()
	}
}

// openSession begins a session with a number that nobody had.
func (h *Host) openSession() {
	o := &h.outbox
	o.session = session.ID(o.random() | 1)
	o.state, o.usedAt = sessionOpening, h.now
	payload := session.Opening{Session: o.session, TTL: h.cfg.SessionTTL, Made: h.applying.time}.Append(nil)
	body := wire.AppendEntry(wire.NewBody(len(payload)+8), wire.KindSession, payload)
	o.opening = &parcel{Chunk: Chunk{Body: body, Count: 1}, opens: true}
}

// deliver appends or hands over the parcels that wait, and again those of which
// nothing was heard.
func (h *Host) deliver(leading bool, parcels []*parcel) {
	for _, p := range parcels {
		if p.state == parcelTaken || p.state == parcelSent && h.now < p.again {
			continue
		}
		if !p.sent && !p.opens {
			p.stamp(h.outbox.session)
		}
		if leading {
			if !h.appendOwn(p) {
				return
			}
			continue
		}
		h.forward(p)
	}
}

// enveloped says whether a payload starts with the envelope of who brings it to the log.
func enveloped(kind wire.EntryKind) bool {
	return kind == wire.KindCommand || kind == wire.KindRelayed || kind == wire.KindRestore
}

// stamp writes the session into the envelopes of commands that have not left yet.
func (p *parcel) stamp(id session.ID) {
	batch := wire.NewBatch(wire.Pos{Term: 1, Index: 1}, 0, p.Count, p.Body)
	for _, e := range batch.Entries() {
		if enveloped(e.Kind) {
			session.SetSession(e.Payload, id)
		}
	}
}

// appendOwn puts a parcel into this leader's log. It says false if the log takes no
// more now.
func (h *Host) appendOwn(p *parcel) bool {
	// A body that was sent before may still be referred to by the transport or by the
	// log: the header goes before a copy.
	body := p.Body
	if p.sent {
		body = append(wire.NewBody(len(p.Body)), p.Body[wire.BatchHeaderSize:]...)
	}
	at, err := h.appendBody(body, p.Count)
	if err != nil {
		p.state, p.again = parcelSent, h.now+h.cfg.Raft.Heartbeat
		return false
	}
	p.Body, p.sent, p.state, p.at = body, true, parcelTaken, at
	return true
}

// appendBody proposes entries, whose bytes become the log's.
func (h *Host) appendBody(body []byte, count int) (wire.Pos, error) {
	first, err := h.core.Propose(h.now, count, len(body))
	if err != nil {
		return wire.Pos{}, err
	}
	h.carried = append(h.carried[:0:0], wire.NewBatch(first, h.entryTime(), count, body))
	h.execute(nil)
	return first, nil
}

// forward hands a parcel to the leader.
func (h *Host) forward(p *parcel) {
	p.sent, p.state, p.again = true, parcelSent, h.now+h.retryAfter()
	p.id = h.outbox.random()
	h.outbox.handed = h.now
	h.cfg.Transport.Send(h.contact.peer(h.view.Leader), &wire.Message{
		Kind: wire.Forward, From: h.card.ID, To: h.view.Leader, Term: h.view.Term,
		ID: p.id, Index: wire.Index(p.Count), Data: p.Body[wire.BatchHeaderSize:],
	})
}

// forwarded hears from the leader about a parcel.
func (h *Host) forwarded(m *wire.Message) {
	o := &h.outbox
	for _, p := range append(o.chunks, o.opening) {
		if p == nil || p.id != m.ID || p.state != parcelSent {
			continue
		}
		if m.Reject {
			p.again = h.now + h.cfg.Raft.Heartbeat
			return
		}
		p.state, p.at = parcelTaken, m.Pos
		return
	}
}
