package host

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/balsaraft/balsa/wire"
)

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
			h.cfg.Logger.Warn("dropped a malformed introduction", "peer", m.From, "error", err)
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
	card.Versions = h.contact.versions[card.ID]
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
	if _, s.reason = foundingVersion(cards); s.reason != nil {
		s.at = h.now
		return
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
			h.cfg.Logger.Warn("dropped a malformed welcome", "peer", m.From, "error", err)
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
	h.request(h.cfg.Random(), Command{Op: join, Member: member, Versions: h.contact.versions[card.ID]}, func(_ []Progress, err error) {
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
	h.cfg.Logger.Warn("a newcomer was refused", "peer", card.String(), "error", err)
}
