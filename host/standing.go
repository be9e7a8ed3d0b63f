package host

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/storage/identity"
	"github.com/balsaraft/balsa/wire"
)

// standing is this member's relation to a cluster. Founding: every founder tells all
// others who it is; the first by name, once it has heard all of them say that they
// belong to no cluster, decides on the members and the cluster's identity, and tells
// them. So all founders must be there once, at the first start, and a founder whose
// disk was wiped can never found a second cluster: whoever remembers the first one
// answers with it, and it joins as a new member.
//
// Joining: the newcomer asks any member, which asks the leader to add it as a learner
// and then tells it the cluster.
type standing struct {
	state   standingState
	next    time.Duration // when to introduce itself again
	pause   time.Duration
	sayAt   time.Duration // when to say again that nothing moves
	reason  error         // why nothing moves, as far as is known
	at      time.Duration // when reason was found
	cards   map[string]heardCard
	joins   map[wire.MemberID]bool          // newcomers that the leader was asked to add
	member  bool                            // a membership that was applied lists this member
	removed bool                            // the cluster goes on without this member
	askAt   time.Duration                   // when to ask around for a leader, 0 while there is one
	told    map[wire.MemberID]time.Duration // former members that were told, refused ones that were spoken of: when
	damage  error                           // why the member is repaired
	founded wire.Batch                      // the first entry, on the member that decided
}

type standingState uint8

const (
	settled standingState = iota
	founding
	joining
	repairing // joining in its own place, because its files are damaged
)

type heardCard struct {
	wire.Card
	at time.Duration
}

const (
	firstIntroduction = 50 * time.Millisecond
	introductionPause = time.Second
	forgetAfter       = 3 * introductionPause // of who has not introduced itself again
	sayEvery          = 10 * time.Second
)

// ErrNoLeader says that no leader is known now.
var ErrNoLeader = errors.New("no leader")

func (s *standing) due() time.Duration {
	if s.state == settled {
		return never
	}
	return s.next
}

// refused keeps the reason of a failed handshake while nothing moves.
func (s *standing) refused(err error) {
	if s.state != settled {
		s.reason = err
	}
}

// whyNoLeader says what is known about why there is no leader, nil if there is one.
func (h *Host) whyNoLeader() error {
	switch {
	case h.err != nil:
		return h.err
	case h.logging.full != nil:
		return h.logging.full
	case h.standing.removed:
		return ErrRemoved
	case h.standing.state == founding:
		return fmt.Errorf("%w: the cluster is not founded yet: %w", ErrNoLeader, h.standing.because(h.missing()))
	case h.standing.state == repairing:
		return fmt.Errorf("%w: this member's files are damaged (%w), and it waits for the others to take it in as a new one: %w",
			ErrNoLeader, h.standing.damage, h.standing.because("no member has answered at "+strings.Join(h.others(), ", ")))
	case h.standing.state == joining && (h.core == nil || h.view.Leader == 0):
		return fmt.Errorf("%w: this member has not joined yet: %w", ErrNoLeader, h.standing.because("no member has answered at "+strings.Join(h.others(), ", ")))
	case h.view.Leader == 0:
		return fmt.Errorf("%w: no majority of %s can be reached or has agreed yet", ErrNoLeader, h.view.Membership)
	}
	return nil
}

// WhyNoLeader says why there is no leader, nil if there is one.
func (h *Host) WhyNoLeader() error { return h.whyNoLeader() }

func (s *standing) because(otherwise string) error {
	if s.reason != nil {
		return s.reason
	}
	return errors.New(otherwise)
}

// missing names the founders that have not been heard.
func (h *Host) missing() string {
	var names []string
	for name, addr := range h.cfg.Founders {
		if _, ok := h.standing.cards[name]; !ok && name != h.card.Name {
			names = append(names, name+" at "+addr)
		}
	}
	slices.Sort(names)
	if len(names) == 0 {
		return "waiting for " + h.decider() + " to found it"
	}
	return "waiting to hear from " + strings.Join(names, ", ")
}

func (h *Host) decider() string { return slices.Min(slices.Collect(maps.Keys(h.cfg.Founders))) }

func (s *standing) init() {
	s.cards = map[string]heardCard{}
	s.joins = map[wire.MemberID]bool{}
	s.told = map[wire.MemberID]time.Duration{}
}

// enterStanding looks at what the directory says and goes on from there.
func (h *Host) enterStanding() error {
	h.standing.init()
	h.cfg.Transport.Introduce(h.card)
	if h.card.Cluster != 0 {
		if err := h.startCore(h.log.Spans()); err != nil {
			return err
		}
		if h.view.Membership.Empty() {
			h.standing.state = joining // it was told of the cluster, but holds nothing of it yet
		}
		return nil
	}
	if h.log.Last().Index > 0 {
		h.log.Reset(wire.Pos{}) // a founding that was cut short before anyone was told
	}
	switch {
	case len(h.cfg.Founders) > 1:
		h.standing.state = founding
	case len(h.cfg.Join) > 0:
		h.standing.state = joining
	default:
		return h.found(h.card)
	}
	h.standing.sayAt = h.now + sayEvery
	return nil
}

// found makes the cluster of these members, this one among them. It waits for the
// disk, once in a member's life.
func (h *Host) found(cards ...wire.Card) error {
	var members []wire.Member
	for _, c := range cards {
		members = append(members, wire.Member{ID: c.ID, Name: c.Name, Addr: c.Addr, Role: wire.Voter})
	}
	m, err := wire.NewMembership(members...)
	if err != nil {
		return fmt.Errorf("found the cluster: %w", err)
	}
	body := wire.AppendEntry(wire.NewBody(256), wire.KindMembership, m.Append(nil))
	h.standing.founded = wire.NewBatch(wire.Pos{Term: 1, Index: 1}, h.wall, 1, body)
	return h.adopt(wire.ClusterID(h.cfg.Random()|1), h.standing.founded)
}

// adopt makes this member one of a cluster. first is the log's first entry, if this
// member founds the cluster with others: each writes it, as if a leader of term 1 had
// sent it to all. It is durable before the cluster's identity is, and nobody hears of
// that before it is durable, too.
func (h *Host) adopt(cluster wire.ClusterID, first wire.Batch) error {
	var entries []wire.Span
	if first != nil {
		span, err := first.Span()
		if err != nil {
			return fmt.Errorf("found the cluster: %w", err)
		}
		entries = append(entries, span)
		h.log.SaveHardState(wire.HardState{Term: 1})
		h.log.Append(first)
	}
	// Without a first entry, what may be staged is that an earlier founding's goes.
	if flush := h.log.Flush(); flush != nil {
		if err := h.log.Flushed(flush, flush.Run()); err != nil {
			return fmt.Errorf("write the start of the log: %w", err)
		}
	}
	i := h.cfg.Identity
	i.Cluster = cluster
	if err := identity.Save(h.cfg.Files, i); err != nil {
		return err
	}
	h.cfg.Identity, h.card.Cluster = i, cluster
	h.standing.state, h.standing.reason = settled, nil
	h.cfg.Transport.Introduce(h.card)
	if err := h.startCore(slices.Values(entries)); err != nil {
		return err
	}
	if h.view.Membership.Empty() {
		h.standing.state = joining
	}
	h.event(Event{Kind: Joined, Cluster: cluster})
	return nil
}

// turnStanding introduces this member where it is not known yet.
func (h *Host) turnStanding() {
	s := &h.standing
	if s.state == joining && h.core != nil {
		if _, in := h.view.Membership.Find(h.card.ID); in {
			s.state, s.reason = settled, nil
		}
	}
	if s.state == settled {
		return
	}
	if h.now >= s.next {
		s.pause = min(max(2*s.pause, firstIntroduction), introductionPause)
		s.next = h.now + s.pause
		h.introduce()
	}
	if h.now >= s.sayAt {
		s.sayAt = h.now + sayEvery
		err := h.whyNoLeader()
		h.cfg.Logger.Warn("still waiting", "error", err)
		h.event(Event{Kind: Waiting, Err: err})
	}
}

// introduce sends this member's card to all who may know the cluster.
func (h *Host) introduce() {
	m := wire.Message{Kind: wire.Join, From: h.card.ID, Data: h.card.Append(nil)}
	if h.standing.state == founding {
		m.Kind, m.Data = wire.Meet, append(h.card.Append(nil), h.founderList()...)
	}
	for _, addr := range h.others() {
		h.cfg.Transport.Send(wire.Peer{Addr: addr}, &m)
	}
}

// others are the addresses that this member was told of.
func (h *Host) others() []string {
	addrs := slices.Clone(h.cfg.Join)
	for name, addr := range h.cfg.Founders {
		if name != h.card.Name {
			addrs = append(addrs, addr)
		}
	}
	slices.Sort(addrs)
	return slices.Compact(addrs)
}

// founderList is the list of founders in one spelling, for comparison.
func (h *Host) founderList() string {
	var list []string
	for name, addr := range h.cfg.Founders {
		list = append(list, name+"="+addr)
	}
	slices.Sort(list)
	return strings.Join(list, ",")
}

// receiveIntroduction takes a message from a process that may be a stranger.
func (h *Host) receiveIntroduction(m *wire.Message) {
	switch m.Kind {
	case wire.Meet, wire.Join:
		card, rest, err := wire.CutCard(m.Data)
		if err != nil || card.ID != m.From {
			h.cfg.Logger.Warn("dropped a malformed introduction", "from", m.From, "error", err)
			return
		}
		h.onIntroduction(m.Kind, card, string(rest))
	case wire.Welcome:
		h.onWelcome(m)
	case wire.Removed:
		h.onRemoved(m.From, m.Index)
	case wire.JoinRefused:
		if h.standing.state != settled {
			h.standing.reason = fmt.Errorf("%w: %s", ErrRefused, m.Data)
		}
	}
}

func (h *Host) onIntroduction(kind wire.MessageKind, card wire.Card, list string) {
	switch {
	case h.core != nil && h.founding(card):
		h.welcome(card, h.standing.founded)
	case h.core != nil && h.standing.state == settled:
		h.addNewcomer(card)
	case h.standing.state == founding && kind == wire.Meet:
		h.onMeet(card, list)
	}
}

// founding says whether a card is of a member that was there at the founding and may
// have missed the news.
func (h *Host) founding(card wire.Card) bool {
	_, in := h.view.Membership.Find(card.ID)
	return in
}

// onMeet hears of another founder. What is wrong with one stays the reason for a while,
// however well the others introduce themselves.
func (h *Host) onMeet(card wire.Card, list string) {
	s := &h.standing
	if err := h.objection(card, list); err != nil {
		s.reason, s.at = err, h.now
		return
	}
	if h.now > s.at+forgetAfter {
		s.reason = nil
	}
	s.cards[card.Name] = heardCard{card, h.now}
	if h.decider() != h.card.Name || len(s.cards)+1 < len(h.cfg.Founders) {
		return
	}
	cards := []wire.Card{h.card}
	for _, name := range slices.Sorted(maps.Keys(s.cards)) {
		c := s.cards[name]
		if h.now-c.at > forgetAfter {
			return // not there any more: its disk may be another by now
		}
		cards = append(cards, c.Card)
	}
	if err := h.found(cards...); err != nil {
		h.fail(err)
		return
	}
	for _, c := range cards[1:] {
		h.welcome(c, h.standing.founded)
	}
}

// objection is why a founder cannot be founded with.
func (h *Host) objection(card wire.Card, list string) error {
	before, known := h.standing.cards[card.Name]
	switch {
	case list != h.founderList():
		return fmt.Errorf("member %s was started with another list of founders (%s) than this one (%s); give all the same", card, list, h.founderList())
	case h.cfg.Founders[card.Name] == "":
		return fmt.Errorf("member %s is not in the list of founders (%s)", card, list)
	case card.Name == h.card.Name || known && before.ID != card.ID && h.now-before.at < forgetAfter:
		return fmt.Errorf("two members are named %q: one is %s; stop one, or give it a name of its own", card.Name, card)
	}
	return nil
}

// welcome tells a process which cluster it has found, and a founder the first entry.
func (h *Host) welcome(card wire.Card, first wire.Batch) {
	data := binary.LittleEndian.AppendUint64(nil, uint64(h.card.Cluster))
	h.cfg.Transport.Send(wire.Peer{Addr: card.Addr}, &wire.Message{
		Kind: wire.Welcome, From: h.card.ID, To: card.ID, Data: append(data, first...),
	})
}

// onWelcome learns of the cluster. Who is not one of its founders holds nothing of its
// log yet, and gets it from the leader.
func (h *Host) onWelcome(m *wire.Message) {
	if h.core != nil || m.To != h.card.ID || len(m.Data) < 8 {
		return
	}
	cluster := wire.ClusterID(binary.LittleEndian.Uint64(m.Data))
	var first wire.Batch
	if len(m.Data) > 8 {
		batch, rest, err := wire.ParseBatch(m.Data[8:])
		if err != nil || len(rest) > 0 || batch.First() != 1 || membershipOf(batch) == nil {
			h.cfg.Logger.Warn("dropped a malformed welcome", "from", m.From, "error", err)
			return
		}
		if _, in := membershipOf(batch).Find(h.card.ID); in {
			first = batch
		}
	}
	if cluster == 0 || h.card.Cluster != 0 && cluster != h.card.Cluster {
		return
	}
	if h.standing.state == repairing {
		if err := h.beginAnew(); err != nil {
			h.fail(err)
			return
		}
	}
	if err := h.adopt(cluster, first); err != nil {
		h.fail(err)
	}
}

// addNewcomer asks the leader, which may be this member, to add a newcomer, and tells
// the newcomer how it went.
func (h *Host) addNewcomer(card wire.Card) {
	if h.standing.joins[card.ID] {
		return
	}
	h.standing.joins[card.ID] = true
	member := wire.Member{ID: card.ID, Name: card.Name, Addr: card.Addr, Role: wire.Learner}
	h.request(h.cfg.Random(), Command{Op: join, Member: member}, func(_ []Progress, err error) {
		delete(h.standing.joins, card.ID)
		if err == nil {
			h.welcome(card, nil)
			return
		}
		h.sayRefused(card, err)
		h.cfg.Transport.Send(wire.Peer{Addr: card.Addr}, &wire.Message{
			Kind: wire.JoinRefused, From: h.card.ID, To: card.ID, Data: []byte(strings.TrimPrefix(err.Error(), ErrRefused.Error()+": ")),
		})
	})
}

// sayRefused logs a refusal, now and then: who was refused tries again.
func (h *Host) sayRefused(card wire.Card, err error) {
	if at, said := h.standing.told[card.ID]; said && h.now < at+sayEvery {
		return
	}
	h.standing.told[card.ID] = h.now
	h.cfg.Logger.Warn("a newcomer was refused", "newcomer", card.String(), "error", err)
}

// Leading says whether this member leads.
func (h *Host) Leading() bool { return h.core != nil && h.view.Role == raft.Leader }

// OthersCanLead says whether another voter is connected.
func (h *Host) OthersCanLead() bool {
	return slices.ContainsFunc(h.view.Membership.Voters(), func(id wire.MemberID) bool { return h.contact.up[id] })
}
