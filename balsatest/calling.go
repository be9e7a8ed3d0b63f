package balsatest

import (
	"sync"
	"testing"

	"github.com/balsaraft/balsa/wire"
)

// testOnMessage checks a transport that has a method OnMessage, as balsa.Transport describes
// it; others have nothing to check. All of what comes is taken in the function, or after Wake.
func testOnMessage(t *testing.T, listen Listen) {
	a, b := pair(t, listen)
	calling, ok := b.Transport.(interface{ OnMessage(func()) })
	if !ok {
		return
	}
	const messages = 100
	var mu sync.Mutex
	var got []wire.Arrival
	called := 0
	take := func() {
		mu.Lock()
		defer mu.Unlock()
		for _, arrival := range b.Drain(nil) {
			if arrival.Kind != wire.ArrivedMessage {
				continue
			}
			got = append(got, arrival)
			b.Send(a.peer(), b.message(1, arrival.Message.ID))
			b.connect(a)
		}
	}
	calling.OnMessage(func() {
		take()
		mu.Lock()
		defer mu.Unlock()
		called++
	})
	for id := uint64(1); id <= messages; id++ {
		a.Send(b.peer(), a.message(2, id))
		if id%10 > 0 {
			continue // some come together, some alone
		}
		a.awaitWhile("the answer to a message", isMessage(id), func() {
			select {
			case <-b.Wake():
				take()
			default:
			}
		})
	}
	mu.Lock()
	defer mu.Unlock()
	for i, arrival := range got {
		if arrival.Message.ID != uint64(i+1) {
			t.Fatalf("message %d of %d is the one with number %d", i+1, messages, arrival.Message.ID)
		}
	}
	if len(got) != messages || called == 0 {
		t.Errorf("%d of %d messages arrived, with %d calls", len(got), messages, called)
	}
}
