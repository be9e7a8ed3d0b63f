package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Card is how a process introduces itself: in the handshake of a connection, to the
// other founders of a cluster, and to the cluster that it wants to join.
type Card struct {
	Cluster     ClusterID // 0 while it belongs to none
	ID          MemberID
	Incarnation uint64 // minted at each start, so that an earlier life is told from this one
	Name        string
	Addr        string // where it can be reached, a hint
	// Versions are the cluster versions that it understands. They are told in handshakes,
	// and no part of the card's encoding. Neither is Door.
	Versions Versions
	Door     string // where it lets windows in, as wss://example.org; "" if nowhere
}

// String prints a card as name(id) at address.
func (c Card) String() string { return fmt.Sprintf("%s(%s) at %s", c.Name, c.ID, c.Addr) }

// ErrCard is under every error about the form of a card.
var ErrCard = errors.New("malformed card")

// Append adds the encoded card to b:
//
//	u64      cluster, id, incarnation
//	uvarint  length and bytes of the name, the same of the address
func (c Card) Append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(c.Cluster))
	b = binary.LittleEndian.AppendUint64(b, uint64(c.ID))
	b = binary.LittleEndian.AppendUint64(b, c.Incarnation)
	return appendBytes(appendBytes(b, c.Name), c.Addr)
}

// CutCard reads a card off the front of b and returns what follows it.
func CutCard(b []byte) (Card, []byte, error) {
	d := decoder{rest: b}
	c := Card{
		Cluster:     ClusterID(d.u64()),
		ID:          MemberID(d.u64()),
		Incarnation: d.u64(),
		Name:        string(d.bytes()),
		Addr:        string(d.bytes()),
	}
	switch {
	case d.err != nil:
		return Card{}, nil, fmt.Errorf("%w: %w", ErrCard, d.err)
	case len(c.Name) > MaxNameLen || len(c.Addr) > MaxNameLen:
		return Card{}, nil, fmt.Errorf("%w: a name or address longer than %d bytes", ErrCard, MaxNameLen)
	case c.ID == 0:
		return Card{}, nil, fmt.Errorf("%w: no identity", ErrCard)
	}
	return c, d.rest, nil
}

// Peer is where a message goes. With ID 0 it is for whoever listens at Addr, as the
// messages are that introduce a process to a cluster; with an ID, Addr is a hint and
// only that member may receive it.
type Peer struct {
	ID   MemberID
	Addr string
}

// Traffic is what goes between this process and a member, counted from when a transport
// first heard of it: bytes of frames, before any encryption, and messages that were given
// up because the queue was full or nobody was reached.
type Traffic struct {
	ID             MemberID
	Sent, Received uint64 // bytes
	Dropped        uint64 // messages
}

// ArrivalKind says what a transport reports.
type ArrivalKind uint8

const (
	// ArrivedMessage is a message that came in whole and checked.
	ArrivedMessage ArrivalKind = 1
	// ArrivedUp says that messages can be sent to Card.ID now, which it said it is.
	ArrivedUp ArrivalKind = 2
	// ArrivedDown says that the connection to Card.ID broke. Gone is set if
	// connecting again was refused at once: its process is not there any more.
	ArrivedDown ArrivalKind = 3
	// ArrivedRefusal says that the process at Card.Addr refused the handshake, or
	// this one refused it; Err says why.
	ArrivedRefusal ArrivalKind = 4
	// ArrivedGuest says that Card.ID holds a connection to this process, and where it
	// listens: it may live elsewhere than anybody here knew.
	ArrivedGuest ArrivalKind = 5
)

// Arrival is something that a transport has to report. Which fields count depends on
// Kind. Whoever takes it owns the message's memory.
type Arrival struct {
	Kind    ArrivalKind
	Card    Card // who sent the message, or whose connection it is
	Message Message
	Gone    bool
	Err     error
}
