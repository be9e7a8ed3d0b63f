package balsatest

import (
	"slices"
	"testing"
	"time"

	"github.com/balsaraft/balsa/wire"
)

// counter is what balsa.TrafficCounter asks for.
type counter interface{ Traffic() []wire.Traffic }

// testTraffic asks nothing of a transport that does not count.
func testTraffic(t *testing.T, listen Listen) {
	a, b := pair(t, listen)
	if _, counts := a.Transport.(counter); !counts {
		return
	}
	before := b.trafficWith(a.card.ID).Received
	large := a.message(b.card.ID, 7)
	large.Kind, large.Index, large.Data = wire.Forward, 1, make([]byte, 100_000)
	a.Send(b.peer(), large)
	b.await("the message", isMessage(7))
	const fields = 200 // of a frame, at most
	if got := b.trafficWith(a.card.ID).Received - before; got < 100_000 || got > 100_000+fields {
		t.Errorf("a message with 100,000 bytes has arrived, and %d bytes were counted", got)
	}
	for end := time.Now().Add(eventually); a.trafficWith(b.card.ID).Sent != b.trafficWith(a.card.ID).Received; time.Sleep(again) {
		if time.Now().After(end) {
			t.Fatalf("one end counts %+v, the other %+v", a.Transport.(counter).Traffic(), b.Transport.(counter).Traffic())
		}
	}
	b.Close()
	// Until it is noticed that nobody is there, messages are written to a broken connection.
	for end := time.Now().Add(eventually); a.trafficWith(b.card.ID).Dropped == 0; time.Sleep(again) {
		if a.Send(b.peer(), a.message(b.card.ID, 8)); time.Now().After(end) {
			t.Fatal("nobody is there, and no message was counted as dropped")
		}
	}
	a.Connect(nil)
	if all := a.Transport.(counter).Traffic(); len(all) > 0 {
		t.Errorf("of members that are none any more there is %+v", all)
	}
}

func (s *station) trafficWith(id wire.MemberID) wire.Traffic {
	all := s.Transport.(counter).Traffic()
	if i := slices.IndexFunc(all, func(t wire.Traffic) bool { return t.ID == id }); i >= 0 {
		return all[i]
	}
	return wire.Traffic{}
}
