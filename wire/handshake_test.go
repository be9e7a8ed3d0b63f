package wire

import (
	"errors"
	"strings"
	"testing"
)

func cardOf(cluster ClusterID, id MemberID) Card {
	return Card{Cluster: cluster, ID: id, Incarnation: 1, Name: "m" + id.String(), Addr: "h:" + id.String()}
}

func TestHandshakesReadBackAsTheyWereMade(t *testing.T) {
	own := cardOf(1, 2)
	own.Versions = Versions{Oldest: ClusterVersion{1, 2}, Newest: ClusterVersion{3, 400}}
	own.Door = "wss://a.example.org"
	hello := NewHello(own, LaneIntroduction, 3)
	if back, err := DecodeHello(append(hello.Append(nil), "newer"...)); err != nil || back != hello {
		t.Errorf("hello: %+v, %v", back, err)
	}
	welcome := HandshakeWelcome{Version: 1, Card: own}
	if back, err := DecodeHandshakeWelcome(append(welcome.Append(nil), "newer"...)); err != nil || back != welcome {
		t.Errorf("welcome: %+v, %v", back, err)
	}
	own.Door = ""
	if back, err := DecodeHello(own.Versions.append(own.Append(NewHello(own, LaneBulk, 3).Append(nil)[:11]))); err != nil || back.Card != own {
		t.Errorf("hello of a program that knows of no doors: %+v, %v", back, err)
	}
	own.Door, own.Versions = "wss://a.example.org", Versions{}
	if back, err := DecodeHello(NewHello(own, LaneBulk, 3).Append(nil)); err != nil || back.Card != own {
		t.Errorf("hello without versions: %+v, %v", back, err)
	}
	refusal := Refusal{What: DifferentCluster, Ours: "a", Theirs: "b", Text: "c"}
	if back, err := DecodeRefusal(append(refusal.Append(nil), "newer"...)); err != nil || back != refusal {
		t.Errorf("refusal: %+v, %v", back, err)
	}
	card, rest, err := CutCard(append(cardOf(1, 2).Append(nil), "rest"...))
	if err != nil || card != cardOf(1, 2) || string(rest) != "rest" || card.String() != "m2(2) at h:2" {
		t.Errorf("card: %s, rest %q, %v", card, rest, err)
	}
}

func TestMalformedHandshakesAreRefused(t *testing.T) {
	long, nobody := cardOf(1, 2), cardOf(1, 0)
	long.Name = strings.Repeat("x", MaxNameLen+1)
	hello := NewHello(cardOf(1, 2), LaneMessages, 3).Append(nil)
	farDoor := cardOf(1, 2)
	farDoor.Door = long.Name
	for name, c := range map[string]struct {
		err  error
		is   error
		says string
	}{
		"an empty hello":     {second(DecodeHello(nil)), ErrHandshake, "hello: cut off"},
		"a hello cut off":    {second(DecodeHello(hello[:len(hello)-1])), ErrCard, "cut off"},
		"versions cut off":   {second(DecodeHello(append(hello[:len(hello):len(hello)], 1, 2, 1))), ErrHandshake, "hello: cut off"},
		"versions that fall": {second(DecodeHello(append(hello[:len(hello):len(hello)], 1, 2, 1, 1))), ErrHandshake, "versions from 1.2 down to 1.1"},
		"a door cut off":     {second(DecodeHello(append(hello[:len(hello):len(hello)], 1, 2, 1, 2, 3))), ErrHandshake, "hello: cut off"},
		"a door too long":    {second(DecodeHello(NewHello(farDoor, LaneBulk, 3).Append(nil))), ErrHandshake, "a door longer than 255 bytes"},
		"an empty welcome":   {second(DecodeHandshakeWelcome(nil)), ErrHandshake, "welcome: cut off"},
		"a welcome cut off":  {second(DecodeHandshakeWelcome([]byte{1, 2})), ErrCard, "cut off"},
		"an empty refusal":   {second(DecodeRefusal(nil)), ErrHandshake, "refusal: cut off"},
		"a card of nobody":   {third(CutCard(nobody.Append(nil))), ErrCard, "no identity"},
		"a card too long":    {third(CutCard(long.Append(nil))), ErrCard, "longer than 255 bytes"},
	} {
		if !errors.Is(c.err, c.is) || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%s: got %v, want a word of %q", name, c.err, c.says)
		}
	}
}

func second[T any](_ T, err error) error        { return err }
func third[A, B any](_ A, _ B, err error) error { return err }

// TestBothEndsComeToTheSameView: for each difference, what the one who is dialled
// answers, what the refusal tells who dialled, and what who dialled would find by
// itself if the other had welcomed it.
func TestBothEndsComeToTheSameView(t *testing.T) {
	const a, b = MemberID(0xa), MemberID(0xb)
	twin := cardOf(1, b)
	twin.Incarnation = 2
	for name, c := range map[string]struct {
		hello            Hello
		own              Card
		group            GroupID // of who is dialled; who dials has 0
		dialled, dialler string  // the errors' words; "" if they agree
		early, itself    bool
	}{
		"members of one cluster": {hello: NewHello(cardOf(1, a), LaneMessages, b), own: cardOf(1, b)},
		"bulk":                   {hello: NewHello(cardOf(1, a), LaneBulk, b), own: cardOf(1, b)},
		"a stranger introduces itself to a member": {hello: NewHello(cardOf(0, a), LaneIntroduction, 0), own: cardOf(1, b)},
		"a member introduces itself to a stranger": {hello: NewHello(cardOf(1, a), LaneIntroduction, 0), own: cardOf(0, b)},
		"strangers introduce themselves":           {hello: NewHello(cardOf(0, a), LaneIntroduction, 0), own: cardOf(0, b)},
		"another cluster": {hello: NewHello(cardOf(1, a), LaneMessages, b), own: cardOf(2, b),
			dialled: "cluster differs: ours is 0000000000000002, theirs is 0000000000000001",
			dialler: "cluster differs: ours is 0000000000000001, theirs is 0000000000000002"},
		"another cluster's introduction": {hello: NewHello(cardOf(1, a), LaneIntroduction, 0), own: cardOf(2, b),
			dialled: "cluster differs: ours is 0000000000000002, theirs is 0000000000000001",
			dialler: "cluster differs: ours is 0000000000000001, theirs is 0000000000000002"},
		"a member to a stranger": {hello: NewHello(cardOf(1, a), LaneMessages, b), own: cardOf(0, b), early: true,
			dialled: "cluster differs: ours is none yet, theirs is 0000000000000001",
			dialler: "cluster differs: ours is 0000000000000001, theirs is none yet"},
		"a stranger to a member": {hello: NewHello(cardOf(0, a), LaneMessages, b), own: cardOf(1, b), early: true,
			dialled: "cluster differs: ours is 0000000000000001, theirs is none yet",
			dialler: "cluster differs: ours is none yet, theirs is 0000000000000001"},
		"another member": {hello: NewHello(cardOf(1, a), LaneMessages, 0xc), own: cardOf(1, b),
			dialled: "member identity differs: this is b, the other expects c",
			dialler: "member identity differs: c was expected, b answers"},
		"one identity twice": {hello: NewHello(cardOf(1, b), LaneMessages, b), own: twin,
			dialled: "both ends are member b (two processes have one identity; was a directory copied?)",
			dialler: "both ends are member b (two processes have one identity; was a directory copied?)"},
		"itself": {hello: NewHello(cardOf(1, b), LaneIntroduction, 0), own: cardOf(1, b), itself: true,
			dialled: "both ends are member b (the address is this process's own)",
			dialler: "both ends are member b (the address is this process's own)"},
		"another group": {hello: NewHello(cardOf(1, a), LaneMessages, b), own: cardOf(1, b), group: 4,
			dialled: "group differs: ours is 4, theirs is 0", dialler: "group differs: ours is 0, theirs is 4"},
	} {
		t.Run(name, func(t *testing.T) {
			welcome, refused := c.hello.Answer(c.own, c.group, 0)
			if c.dialled == "" {
				if refused != nil || welcome.Card != c.own || welcome.Version != Version {
					t.Fatalf("answer %+v, %v", welcome, refused)
				}
				if bad := welcome.Check(c.hello, 0, c.group); bad != nil {
					t.Errorf("who dialled does not accept the welcome: %v", bad)
				}
				return
			}
			if refused == nil {
				t.Fatal("they are welcome to each other")
			}
			told := refused.Refusal().HandshakeError()
			found := HandshakeWelcome{Version: Version, Card: c.own}.Check(c.hello, 0, c.group)
			if found == nil {
				t.Fatal("who dialled finds no difference")
			}
			if refused.Error() != c.dialled || told.Error() != c.dialler || found.Error() != c.dialler {
				t.Errorf("who is dialled says  %s\nwho dialled is told   %s\nwho dialled would find %s", refused, told, found)
			}
			for _, err := range []*HandshakeError{refused, told, found} {
				if err.Early != c.early || err.Itself() != c.itself {
					t.Errorf("%v: early %v, itself %v", err, err.Early, err.Itself())
				}
			}
			if refused.Dialled || !told.Dialled || !found.Dialled {
				t.Error("the errors confuse who dialled")
			}
		})
	}
}

// TestVersionsOverlapOrPart: the table of the ranges that the other may speak.
func TestVersionsOverlapOrPart(t *testing.T) {
	for name, c := range map[string]struct {
		low, high, agreed uint8 // 0 for none
	}{
		"ours":            {1, 1, 1},
		"newer with ours": {1, 9, 1},
		"only newer":      {2, 9, 0},
		"only older":      {0, 0, 0},
	} {
		hello := NewHello(cardOf(1, 2), LaneMessages, 3)
		hello.MinVersion, hello.MaxVersion = c.low, c.high
		welcome, refused := hello.Answer(cardOf(1, 3), 0, 0)
		if welcome.Version != c.agreed || (refused != nil) != (c.agreed == 0) {
			t.Errorf("%s: version %d, %v", name, welcome.Version, refused)
		}
		if refused != nil && (refused.What != DifferentVersion || !strings.HasPrefix(refused.Error(), "protocol version differs: ours is 1, theirs is ")) {
			t.Errorf("%s: %v", name, refused)
		}
	}
	hello := NewHello(cardOf(1, 2), LaneMessages, 3)
	if bad := (HandshakeWelcome{Version: 2, Card: cardOf(1, 3)}).Check(hello, 0, 0); bad == nil || bad.What != DifferentVersion {
		t.Errorf("a welcome in a version that was not offered: %v", bad)
	}
	hello.Lane = 9
	if _, bad := hello.Answer(cardOf(1, 3), 0, 0); bad == nil || bad.Error() != "protocol violated: lane(9) is unknown here" {
		t.Errorf("an unknown lane: %v", bad)
	}
}

func TestMannersOfMessages(t *testing.T) {
	card := cardOf(1, 2)
	for name, c := range map[string]struct {
		message Message
		lane    Lane
		says    string
	}{
		"its own":                    {Message{Kind: Vote, From: 2}, LaneMessages, ""},
		"an introduction":            {Message{Kind: Join, From: 2}, LaneIntroduction, ""},
		"another's":                  {Message{Kind: Vote, From: 3}, LaneMessages, "a vote from member 3 on a connection of member 2"},
		"a vote among introductions": {Message{Kind: Vote, From: 2}, LaneIntroduction, "a vote on a connection for introductions"},
	} {
		err := CheckManners(&c.message, card, c.lane)
		if (err != nil) != (c.says != "") || err != nil && err.Error() != "protocol violated: "+c.says {
			t.Errorf("%s: %v", name, err)
		}
	}
}
