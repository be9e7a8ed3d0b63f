package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Lane says what a connection is for. Messages flow one way on a connection: from who
// dialled it.
type Lane uint8

const (
	// LaneMessages carries the messages to a member, bulk data apart.
	LaneMessages Lane = 1
	// LaneBulk carries the kinds that are Bulk, so that nothing waits behind them.
	LaneBulk Lane = 2
	// LaneIntroduction carries the kinds that Introduces, between processes that need
	// not share a cluster yet.
	LaneIntroduction Lane = 3
)

func (l Lane) String() string {
	switch l {
	case LaneMessages:
		return "messages"
	case LaneBulk:
		return "bulk"
	case LaneIntroduction:
		return "introduction"
	}
	return fmt.Sprintf("lane(%d)", uint8(l))
}

// LaneOf is the lane that messages of a kind travel on.
func LaneOf(k MessageKind) Lane {
	switch {
	case k.Introduces():
		return LaneIntroduction
	case k.Bulk():
		return LaneBulk
	}
	return LaneMessages
}

// MaxHandshake bounds the payload of a Hello, a Welcome and a Refusal, in bytes.
const MaxHandshake = 4 << 10

// OldestVersion is the oldest protocol that this program speaks beside Version.
const OldestVersion = 1

// Hello is what who dialled says first, the payload of a FrameHello.
type Hello struct {
	MinVersion, MaxVersion uint8 // the protocols it speaks
	Lane                   Lane
	Expect                 MemberID // whom it wants to reach, 0 for whoever is there
	Card                   Card     // who it is
}

// NewHello is the Hello of this program.
func NewHello(own Card, lane Lane, expect MemberID) Hello {
	return Hello{MinVersion: OldestVersion, MaxVersion: Version, Lane: lane, Expect: expect, Card: own}
}

// HandshakeWelcome is the answer that opens a connection, the payload of a
// FrameWelcome.
type HandshakeWelcome struct {
	Version uint8 // the protocol that both speak from here on
	Card    Card  // who answered
}

// Refusal is the answer that ends a connection, the payload of a FrameRefuse. Ours is
// of who refuses.
type Refusal struct {
	What         Difference
	Ours, Theirs string
	Text         string
}

// ErrHandshake is under every error about the form of a handshake.
var ErrHandshake = errors.New("malformed handshake")

// Append adds the encoded hello to b:
//
//	u8   lowest version, highest version, lane
//	u64  expected member
//	     the card
//	     the cluster versions that the process understands, then uvarint length and
//	     bytes of its door; neither from a process that knows of no versions and has no door
//
// What follows is a newer version's, and ignored.
func (h Hello) Append(b []byte) []byte {
	b = append(b, h.MinVersion, h.MaxVersion, byte(h.Lane))
	b = binary.LittleEndian.AppendUint64(b, uint64(h.Expect))
	return h.Card.appendTold(b)
}

// DecodeHello reads what Append wrote.
func DecodeHello(b []byte) (Hello, error) {
	d := decoder{rest: b}
	h := Hello{MinVersion: d.byte(), MaxVersion: d.byte(), Lane: Lane(d.byte()), Expect: MemberID(d.u64())}
	if d.err != nil {
		return Hello{}, fmt.Errorf("%w: hello: %w", ErrHandshake, d.err)
	}
	var err error
	if h.Card, err = cutTold(d.rest); err != nil {
		return Hello{}, fmt.Errorf("%w: hello: %w", ErrHandshake, err)
	}
	return h, nil
}

// Append adds the encoded welcome to b: u8 version, then card, cluster versions and door as
// in a hello. What follows is a newer version's, and ignored.
func (w HandshakeWelcome) Append(b []byte) []byte { return w.Card.appendTold(append(b, w.Version)) }

// DecodeHandshakeWelcome reads what Append wrote.
func DecodeHandshakeWelcome(b []byte) (HandshakeWelcome, error) {
	d := decoder{rest: b}
	w := HandshakeWelcome{Version: d.byte()}
	if d.err != nil {
		return HandshakeWelcome{}, fmt.Errorf("%w: welcome: %w", ErrHandshake, d.err)
	}
	var err error
	if w.Card, err = cutTold(d.rest); err != nil {
		return HandshakeWelcome{}, fmt.Errorf("%w: welcome: %w", ErrHandshake, err)
	}
	return w, nil
}

// appendTold adds a card with what else a process says of itself in a handshake.
func (c Card) appendTold(b []byte) []byte {
	b = c.Append(b)
	if c.Versions == (Versions{}) && c.Door == "" {
		return b
	}
	return appendBytes(c.Versions.append(b), c.Door)
}

// cutTold reads what appendTold wrote.
func cutTold(b []byte) (Card, error) {
	c, rest, err := CutCard(b)
	if err != nil || len(rest) == 0 {
		return c, err
	}
	if c.Versions, rest, err = cutVersions(rest); err != nil || len(rest) == 0 {
		return c, err // a program that knows of no doors ends here
	}
	d := decoder{rest: rest}
	switch c.Door = string(d.bytes()); {
	case d.err != nil:
		return Card{}, d.err
	case len(c.Door) > MaxNameLen:
		return Card{}, fmt.Errorf("a door longer than %d bytes", MaxNameLen)
	}
	return c, nil
}

// Append adds the encoded refusal to b: u8 what differs, then ours, theirs and the
// text, each a uvarint length and bytes. What follows is a newer version's, and
// ignored.
func (r Refusal) Append(b []byte) []byte {
	b = append(b, byte(r.What))
	return appendBytes(appendBytes(appendBytes(b, r.Ours), r.Theirs), r.Text)
}

// DecodeRefusal reads what Append wrote.
func DecodeRefusal(b []byte) (Refusal, error) {
	d := decoder{rest: b}
	r := Refusal{What: Difference(d.byte()), Ours: string(d.bytes()), Theirs: string(d.bytes()), Text: string(d.bytes())}
	if d.err != nil {
		return Refusal{}, fmt.Errorf("%w: refusal: %w", ErrHandshake, d.err)
	}
	return r, nil
}

// Difference names what two ends of a connection do not agree on.
type Difference uint8

const (
	// DifferentVersion: they have no protocol version in common.
	DifferentVersion Difference = 1
	// DifferentCluster: they belong to different clusters, or one to none yet.
	DifferentCluster Difference = 2
	// DifferentMember: another member answers than the one that was looked for, or
	// two processes have one identity.
	DifferentMember Difference = 3
	// DifferentGroup: the frames name another log than the receiver's.
	DifferentGroup Difference = 4
	// DifferentSecurity: one speaks TLS and the other does not, or does not trust it.
	DifferentSecurity Difference = 5
	// DifferentManners: what came after the handshake breaks its rules; the text of
	// the error says which.
	DifferentManners Difference = 6
)

func (d Difference) String() string {
	switch d {
	case DifferentVersion:
		return "protocol version"
	case DifferentCluster:
		return "cluster"
	case DifferentMember:
		return "member identity"
	case DifferentGroup:
		return "group"
	case DifferentSecurity:
		return "transport security"
	case DifferentManners:
		return "protocol"
	}
	return fmt.Sprintf("difference(%d)", uint8(d))
}

// HandshakeError says why two processes do not talk. Both ends have one, each from its
// own side.
type HandshakeError struct {
	What         Difference
	Ours, Theirs string
	Text         string // more about it, for people; may be empty
	Dialled      bool   // this end dialled
	Early        bool   // it may pass by itself: one of them belongs to no cluster yet
}

// Error says what differs, and how.
func (e *HandshakeError) Error() string {
	var s string
	switch {
	case e.What == DifferentMember && e.Ours == e.Theirs:
		s = "both ends are member " + e.Ours
	case e.What == DifferentMember && e.Dialled:
		s = fmt.Sprintf("member identity differs: %s was expected, %s answers", e.Ours, e.Theirs)
	case e.What == DifferentMember:
		s = fmt.Sprintf("member identity differs: this is %s, the other expects %s", e.Ours, e.Theirs)
	case e.What == DifferentManners:
		return "protocol violated: " + e.Text
	default:
		s = fmt.Sprintf("%s differs: ours is %s, theirs is %s", e.What, e.Ours, e.Theirs)
	}
	if e.Text != "" {
		s += " (" + e.Text + ")"
	}
	return s
}

// Refusal is what to tell the other end.
func (e *HandshakeError) Refusal() Refusal {
	return Refusal{What: e.What, Ours: e.Ours, Theirs: e.Theirs, Text: e.Text}
}

// HandshakeError is a refusal as the end sees it that it was sent to.
func (r Refusal) HandshakeError() *HandshakeError {
	return &HandshakeError{
		What: r.What, Ours: r.Theirs, Theirs: r.Ours, Text: r.Text, Dialled: true,
		Early: r.What == DifferentCluster && (r.Ours == noCluster || r.Theirs == noCluster),
	}
}

const noCluster = "none yet"

func clusterName(c ClusterID) string {
	if c == 0 {
		return noCluster
	}
	return c.String()
}

func versions(low, high uint8) string {
	if low == high {
		return fmt.Sprint(low)
	}
	return fmt.Sprintf("%d to %d", low, high)
}

// Answer is what the process with that card, which listens for that group, has to say
// to a hello that came in a frame of another group or its own: a welcome, or the
// error to refuse it with.
func (h Hello) Answer(own Card, group, helloGroup GroupID) (HandshakeWelcome, *HandshakeError) {
	version := min(h.MaxVersion, Version)
	switch {
	case version < max(h.MinVersion, OldestVersion):
		return HandshakeWelcome{}, &HandshakeError{What: DifferentVersion,
			Ours: versions(OldestVersion, Version), Theirs: versions(h.MinVersion, h.MaxVersion)}
	case helloGroup != group:
		return HandshakeWelcome{}, differentGroup(group, helloGroup, false)
	case h.Lane < LaneMessages || h.Lane > LaneIntroduction:
		return HandshakeWelcome{}, &HandshakeError{What: DifferentManners, Text: h.Lane.String() + " is unknown here"}
	}
	if err := checkIdentities(own, h.Card, h.Lane, false); err != nil {
		return HandshakeWelcome{}, err
	}
	if h.Expect != 0 && h.Expect != own.ID {
		return HandshakeWelcome{}, &HandshakeError{What: DifferentMember, Ours: own.ID.String(), Theirs: h.Expect.String()}
	}
	if err := checkStrangers(own, h.Card, h.Lane, false); err != nil {
		return HandshakeWelcome{}, err
	}
	return HandshakeWelcome{Version: version, Card: own}, nil
}

// Check says whether who dialled with h agrees with the welcome that it got in a frame
// of that group.
func (w HandshakeWelcome) Check(h Hello, group, welcomeGroup GroupID) *HandshakeError {
	switch {
	case w.Version < h.MinVersion || w.Version > h.MaxVersion:
		return &HandshakeError{What: DifferentVersion, Dialled: true,
			Ours: versions(h.MinVersion, h.MaxVersion), Theirs: versions(w.Version, w.Version)}
	case welcomeGroup != group:
		return differentGroup(group, welcomeGroup, true)
	}
	if err := checkIdentities(h.Card, w.Card, h.Lane, true); err != nil {
		return err
	}
	if h.Expect != 0 && h.Expect != w.Card.ID {
		return &HandshakeError{What: DifferentMember, Dialled: true, Ours: h.Expect.String(), Theirs: w.Card.ID.String()}
	}
	return checkStrangers(h.Card, w.Card, h.Lane, true)
}

func differentGroup(ours, theirs GroupID, dialled bool) *HandshakeError {
	return &HandshakeError{What: DifferentGroup, Ours: fmt.Sprint(uint64(ours)), Theirs: fmt.Sprint(uint64(theirs)), Dialled: dialled}
}

// checkIdentities refuses who belongs to another cluster, and who has this very
// identity: itself, or a copy of its directory.
func checkIdentities(own, other Card, lane Lane, dialled bool) *HandshakeError {
	if own.Cluster != 0 && other.Cluster != 0 && own.Cluster != other.Cluster {
		return &HandshakeError{What: DifferentCluster, Ours: own.Cluster.String(), Theirs: other.Cluster.String(), Dialled: dialled}
	}
	if own.ID != other.ID {
		return nil
	}
	err := &HandshakeError{What: DifferentMember, Ours: own.ID.String(), Theirs: other.ID.String(), Dialled: dialled,
		Text: "two processes have one identity; was a directory copied?"}
	if own.Incarnation == other.Incarnation {
		err.Text = textItself
	}
	return err
}

const textItself = "the address is this process's own"

// Itself says whether the process has dialled its own address.
func (e *HandshakeError) Itself() bool { return e.What == DifferentMember && e.Text == textItself }

// checkStrangers keeps all but introductions between members of one cluster.
func checkStrangers(own, other Card, lane Lane, dialled bool) *HandshakeError {
	if lane == LaneIntroduction || own.Cluster != 0 && other.Cluster != 0 {
		return nil
	}
	return &HandshakeError{What: DifferentCluster, Ours: clusterName(own.Cluster), Theirs: clusterName(other.Cluster), Dialled: dialled, Early: true}
}

// CheckManners says whether a message may come on a connection of that lane from the
// process with that card.
func CheckManners(m *Message, card Card, lane Lane) *HandshakeError {
	switch {
	case m.From != card.ID:
		return &HandshakeError{What: DifferentManners,
			Text: fmt.Sprintf("a %s from member %s on a connection of member %s", m.Kind, m.From, card.ID)}
	case lane == LaneIntroduction && !m.Kind.Introduces():
		return &HandshakeError{What: DifferentManners,
			Text: fmt.Sprintf("a %s on a connection for introductions", m.Kind)}
	}
	return nil
}
