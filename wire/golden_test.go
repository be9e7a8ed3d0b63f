package wire

import (
	"encoding/hex"
	"strings"
	"testing"
)

// TestTheFormatsStayAsTheyAre holds each format byte by byte, a field a word, as its
// comment draws it: a change of these is a new version.
func TestTheFormatsStayAsTheyAre(t *testing.T) {
	batch := NewBatch(Pos{Term: 7, Index: 300}, 0x1122334455667788, 2,
		AppendEntryParts(AppendEntry(NewBody(0), KindCommand, []byte("abc")), KindNoop, nil, nil))
	card := Card{Cluster: 0xc1, ID: 2, Incarnation: 3, Name: "b", Addr: "h:1"}
	const (
		batchBytes = `07000000 02000000 0700000000000000 2c01000000000000 8877665544332211
			04 02 616263
			01 01`
		cardBytes = `c100000000000000 0200000000000000 0300000000000000 01 62 03 683a31`
	)
	membership := Membership{
		Members:  []Member{{ID: 1, Role: Voter, Name: "a", Addr: "h:1"}, {ID: 2, Role: Learner}},
		Outgoing: []Member{{ID: 3, Role: Voter, Name: "c", Addr: "h:3"}},
	}
	versioned, told, doored := membership, card, card
	versioned.Version = ClusterVersion{Log: 1, Commands: 300}
	told.Versions = Versions{Newest: ClusterVersion{Log: 1, Commands: 300}}
	doored.Door = "ws://a"
	message := Message{
		Kind: Append, From: 1, To: 2, Reject: true, Lease: true, Term: 7, Pos: Pos{Term: 6, Index: 299}, Commit: 200,
		Index: 1, Session: 2, Round: 3, ID: 4, Data: []byte("xyz"), Batches: []Batch{batch},
	}
	frame := make([]byte, FrameHeaderSize)
	PutFrameHeader(frame, FrameMessage, 0x0102030405060708, []byte("pay"), nil, []byte("load"))

	for name, c := range map[string]struct {
		got  []byte
		want string
	}{
		"batch": {batch, batchBytes},
		"membership": {membership.Append(nil), `01 02 01
			0100000000000000 01 01 61 03 683a31
			0200000000000000 02 00 00
			0300000000000000 01 01 63 03 683a33`},
		"membership of a version": {versioned.Append(nil), `02 01 ac02 02 01
			0100000000000000 01 01 61 03 683a31
			0200000000000000 02 00 00
			0300000000000000 01 01 63 03 683a33`},
		"message": {message.Append(nil), `05 05 0100000000000000 0200000000000000
			07 06 ab02 c801 01 02 03 04 03 78797a` + batchBytes},
		"frame header":          {frame, `42414ca5 01 04 0000 07000000 d72c04f0 0807060504030201`},
		"card":                  {card.Append(nil), cardBytes},
		"hello":                 {NewHello(card, LaneBulk, 9).Append(nil), `01 01 02 0900000000000000` + cardBytes},
		"hello with versions":   {NewHello(told, LaneBulk, 9).Append(nil), `01 01 02 0900000000000000` + cardBytes + `00 00 01 ac02 00`},
		"hello with a door":     {NewHello(doored, LaneBulk, 9).Append(nil), `01 01 02 0900000000000000` + cardBytes + `00 00 00 00 06 77733a2f2f61`},
		"welcome with versions": {HandshakeWelcome{Version: 1, Card: told}.Append(nil), `01` + cardBytes + `00 00 01 ac02 00`},
		"welcome":               {HandshakeWelcome{Version: 1, Card: card}.Append(nil), `01` + cardBytes},
		"refusal": {Refusal{What: DifferentGroup, Ours: "o", Theirs: "th", Text: "why"}.Append(nil),
			`04 01 6f 02 7468 03 776879`},
	} {
		want, err := hex.DecodeString(strings.Join(strings.Fields(c.want), ""))
		if err != nil {
			t.Fatal(err)
		}
		if string(c.got) != string(want) {
			t.Errorf("%s is\n%x, and was\n%x", name, c.got, want)
		}
	}
}

// TestNumbersKeepTheirMeaning: members of different versions meet.
func TestNumbersKeepTheirMeaning(t *testing.T) {
	for first, names := range map[MessageKind]string{
		1: "prevote prevote-reply vote vote-reply append append-reply timeout-now read-index read-index-reply",
		// Between members' runtimes.
		16: "snapshot-chunk snapshot-reply forward forward-reply control control-reply regressed state-hash diverged",
		// To an address.
		32: "meet welcome join join-refused",
	} {
		for i, want := range strings.Fields(names) {
			if kind := first + MessageKind(i); kind.String() != want {
				t.Errorf("kind %d is %s, and was %s", uint8(kind), kind, want)
			}
		}
	}
	for i := range messageNames {
		kind := MessageKind(i)
		if kind.Introduces() != (kind >= 32) || kind.Bulk() != (kind == 16) {
			t.Errorf("%s: introduces %v, bulk %v", kind, kind.Introduces(), kind.Bulk())
		}
	}
	for got, want := range map[string]string{
		KindNoop.String() + EntryKind(2).String() + EntryKind(3).String() + KindSession.String() + KindRelayed.String() + EntryKind(9).String(): "noopcommandmembershipsessionrelayedkind(9)",
		LaneOf(Append).String() + LaneOf(SnapshotChunk).String() + LaneOf(Join).String() + Lane(9).String():                                     "messagesbulkintroductionlane(9)",
		Role(1).String() + Role(2).String() + Role(3).String():                                                                                  "voterlearnerrole(3)",
		MessageKind(99).String() + Difference(99).String():                                                                                      "message(99)difference(99)",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
