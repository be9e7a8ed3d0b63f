package host

import (
	"slices"
	"time"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

// contact is what is known about reaching the others. A member is known by its
// identity; where it listens is a hint, which its own word on connecting replaces.
type contact struct {
	ids         []wire.MemberID          // the other members, in order
	addr        map[wire.MemberID]string // where each was last known to listen
	announced   map[wire.MemberID]string // where each itself said that it listens
	incarnation map[wire.MemberID]uint64
	up          map[wire.MemberID]bool          // there is a connection
	versions    map[wire.MemberID]wire.Versions // what each said that it understands
	roundTrips  map[wire.MemberID]*roundTrip
	changed     bool          // the membership is another one
	upkeepAt    time.Duration // when the membership may be mended next
}

func (c *contact) init() {
	c.addr = map[wire.MemberID]string{}
	c.announced = map[wire.MemberID]string{}
	c.incarnation = map[wire.MemberID]uint64{}
	c.up = map[wire.MemberID]bool{}
	c.versions = map[wire.MemberID]wire.Versions{}
	c.roundTrips = map[wire.MemberID]*roundTrip{}
}

func (c *contact) membershipChanged() { c.changed = true }

func (c *contact) peer(id wire.MemberID) wire.Peer { return wire.Peer{ID: id, Addr: c.addr[id]} }

// turnContact keeps connections to the members there are. A leader mends the addresses in
// the membership, so that they outlive a restart of all, and the cluster's version, and tells
// those of the cluster who may not know.
func (h *Host) turnContact() {
	if h.contact.changed {
		h.contact.changed = false
		h.connect()
	}
	if h.leads() && h.now >= h.contact.upkeepAt {
		const pause = time.Second // one that changes nothing costs nothing
		h.contact.upkeepAt = h.now + pause
		h.mendAddresses()
		h.raiseVersion()
		h.welcomeUnheard()
	}
}

// welcomeUnheard welcomes members that this process has never had a connection to. One that
// was added hears of it from whom it asked, who may be gone by then; to connect to others it
// has to know their cluster.
func (h *Host) welcomeUnheard() {
	for _, id := range h.contact.ids {
		if h.contact.incarnation[id] == 0 {
			h.welcome(wire.Card{ID: id, Addr: h.contact.addr[id]}, h.standing.founded)
		}
	}
}

func (h *Host) connect() {
	c := &h.contact
	c.ids = c.ids[:0]
	var peers []wire.Peer
	for _, m := range h.view.Membership.All() {
		if m.ID == h.card.ID {
			continue
		}
		switch hint := h.hint(m.Name); {
		case c.announced[m.ID] != "":
		case hint != "":
			c.addr[m.ID] = hint
		default:
			c.addr[m.ID] = m.Addr
		}
		c.ids = append(c.ids, m.ID)
		peers = append(peers, c.peer(m.ID))
	}
	h.cfg.Transport.Connect(peers)
	h.forgetRoundTrips()
	h.forgetFetches()
	h.startFetch() // something may wait already for those who are new
}

// hint is the address that this member was started with for a name: all may have
// moved since they last ran.
func (h *Host) hint(name string) string { return h.cfg.Founders[name] }

// mendAddresses lets a leader write into the membership where members say they are.
func (h *Host) mendAddresses() {
	mended := slices.Clone(h.view.Membership.Members)
	for i := range mended {
		addr := h.contact.announced[mended[i].ID]
		if mended[i].ID == h.card.ID {
			addr = h.card.Addr
		}
		if addr != "" {
			mended[i].Addr = addr
		}
	}
	// One that is refused because another change is under way is tried again.
	_ = h.core.ChangeMembers(h.now, mended)
	h.execute(nil)
}

// meet notes where a process says that it listens.
func (h *Host) meet(card wire.Card) {
	if card.ID == 0 || card.ID == h.card.ID {
		return
	}
	h.noteVersions(card, false)
	if card.Addr != "" && h.contact.announced[card.ID] != card.Addr {
		h.contact.announced[card.ID], h.contact.addr[card.ID] = card.Addr, card.Addr
		h.contact.changed = true
		h.passOn(card)
	}
}

// passOn tells the leader where a member says that it listens: the two may never have
// met, and each may know only an address that the other has left.
func (h *Host) passOn(card wire.Card) {
	m, in := h.view.Membership.Find(card.ID)
	if !in || m.Addr == card.Addr || h.view.Role == raft.Leader {
		return
	}
	moved := Command{Op: move, Member: wire.Member{ID: card.ID, Addr: card.Addr}}
	h.request(h.cfg.Random(), moved, func([]Progress, error) {})
}

// hearOf takes another member's word for where a third one listens, unless this one has
// met it.
func (h *Host) hearOf(m wire.Member) {
	if _, in := h.view.Membership.Find(m.ID); in && !h.contact.up[m.ID] && m.ID != h.card.ID {
		h.contact.announced[m.ID], h.contact.addr[m.ID] = m.Addr, m.Addr
		h.contact.changed = true
	}
}

// arrive takes what the transport has brought.
func (h *Host) arrive(a *wire.Arrival) {
	if h.err != nil {
		return
	}
	switch a.Kind {
	case wire.ArrivedMessage:
		h.meet(a.Card)
		m := a.Message
		h.receive(&m)
	case wire.ArrivedUp:
		h.meet(a.Card)
		h.linkUp(a.Card)
	case wire.ArrivedGuest:
		h.meet(a.Card)
	case wire.ArrivedDown:
		h.contact.up[a.Card.ID] = false
		if h.core != nil {
			h.step(raft.LinkDown{ID: a.Card.ID, Gone: a.Gone})
		}
	case wire.ArrivedRefusal:
		h.cfg.Logger.Warn("a connection was refused", "address", a.Card.Addr, "peer", a.Card.ID, "error", a.Err)
		h.event(Event{Kind: MemberRefused, Member: a.Card.ID, Err: a.Err})
		h.standing.refused(a.Err)
	}
}

// linkUp tells the algorithm of a new connection, and before it, if another process
// answers than the last time, that the former one is dead.
func (h *Host) linkUp(card wire.Card) {
	h.contact.up[card.ID] = true
	h.noteVersions(card, true)
	if h.core == nil {
		return
	}
	before := h.contact.incarnation[card.ID]
	h.contact.incarnation[card.ID] = card.Incarnation
	if before != 0 && before != card.Incarnation {
		h.step(raft.LinkDown{ID: card.ID, Gone: true})
	}
	h.step(raft.LinkUp{ID: card.ID})
	if s := h.sending[card.ID]; s != nil && s.source != nil {
		s.again = h.now
	}
}

// receive takes a message to where it belongs.
func (h *Host) receive(m *wire.Message) {
	if m.Kind.Introduces() {
		h.receiveIntroduction(m)
		return
	}
	if h.core == nil {
		return
	}
	h.tellRemoved(m.From)
	switch m.Kind {
	case wire.Forward:
		h.onForward(m)
	case wire.ForwardReply:
		h.forwarded(m)
	case wire.SnapshotChunk:
		h.onSnapshotChunk(m)
	case wire.SnapshotReply:
		h.onSnapshotReply(m)
	case wire.Control:
		h.onControl(m)
	case wire.ControlReply:
		h.onControlReply(m)
	case wire.Regressed:
		h.onRegressed(m)
	case wire.StateHash:
		h.onStateHash(m)
	case wire.Diverged:
		h.onDiverged(m)
	default:
		h.noteAnswer(m)
		h.carried = m.Batches
		h.step(raft.Received{Message: *m})
		h.readMark(m)
		h.standing.removed = h.standing.removed && (m.Kind != wire.Append || m.From != h.view.Leader)
	}
}
