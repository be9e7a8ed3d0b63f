package host

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/balsaraft/balsa/fsys"
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
// and then tells it the cluster. So does a leader that has not heard of it.
type standing struct {
	state   standingState
	next    time.Duration // when to introduce itself again
	pause   time.Duration
	sayAt   time.Duration // when to say again that nothing moves
	reason  error         // why nothing moves, as far as is known
	foreign error         // that a member of this cluster is now one of another
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

// refused keeps the reason of a failed handshake while nothing moves. It is told once.
func (s *standing) refused(err error) {
	var handshake *wire.HandshakeError
	switch {
	case s.state != settled:
		s.reason = err
	case errors.As(err, &handshake) && handshake.What == wire.DifferentCluster && !handshake.Early:
		s.foreign = err
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
	case h.view.Leader == 0 && h.standing.foreign != nil:
		return fmt.Errorf("%w: no majority of %s can be reached: %w; if the cluster was recovered without this member, start it with an empty directory, and it joins as a new one", ErrNoLeader, h.view.Membership, h.standing.foreign)
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
	if err == nil {
		m.Version, err = foundingVersion(cards)
	}
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
	err := identity.Save(h.cfg.Files, i)
	if first == nil && errors.Is(err, fsys.ErrNoSpace) {
		h.standing.reason = err // nothing has happened: it asks again, until there is room
		return nil
	}
	if err != nil {
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
	if h.view.Leader != 0 {
		s.foreign = nil
	}
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

// Leading says whether this member leads.
func (h *Host) Leading() bool { return h.core != nil && h.view.Role == raft.Leader }

// OthersCanLead says whether another voter is connected.
func (h *Host) OthersCanLead() bool {
	return slices.ContainsFunc(h.view.Membership.Voters(), func(id wire.MemberID) bool { return h.contact.up[id] })
}
