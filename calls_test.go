package balsa

import (
	"bytes"
	"context"
	"testing"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/wire"
)

// submitMany hands in proposals of 256 bytes, and takes what they were gathered into.
func submitMany(t *testing.T, c *calls[int], count int) []host.Chunk {
	t.Helper()
	body := bytes.Repeat([]byte{'x'}, 256)
	for range count {
		if _, _, err := c.submit(context.Background(), proposal{kind: wire.KindCommand, body: body}); err != nil {
			t.Fatal(err)
		}
	}
	return c.take(nil)
}

// The body of a batch has room for as much as the last one, but the log does not keep
// room that was never used.
func TestABodyHasRoomForWhatIsToBeExpected(t *testing.T) {
	c := newCalls[int]()
	many := submitMany(t, c, 1000)
	if len(many) != 1 {
		t.Fatalf("1,000 proposals went into %d bodies", len(many))
	}
	if room := c.expect; room < len(many[0].Body) {
		t.Errorf("after a body of %d bytes the next begins with room for %d", len(many[0].Body), room)
	}
	submitMany(t, c, 500)
	if room := c.expect; room < len(many[0].Body)*3/4 {
		t.Errorf("a body half as large as the one before makes the next begin with room for %d", room)
	}
	one := submitMany(t, c, 1)
	if kept := cap(one[0].Body); kept > 1024 {
		t.Errorf("a body of %d bytes keeps %d", len(one[0].Body), kept)
	}
	if err := wire.CheckBody(one[0].Body[wire.BatchHeaderSize:], 1); err != nil {
		t.Error(err)
	}
}
