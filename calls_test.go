package balsa

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"

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
	chunks, more := c.take(nil)
	if more {
		t.Fatalf("%d proposals are too many at once", count)
	}
	return chunks
}

// Large proposals of many go to the log in parts, in their order.
func TestALotGoesToTheLogInParts(t *testing.T) {
	c := newCalls[int]()
	const count = 100
	body := make([]byte, maxChunk/10)
	for range count {
		if _, _, err := c.submit(context.Background(), proposal{kind: wire.KindCommand, body: body}); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := c.submit(context.Background(), proposal{kind: wire.KindCommand, body: make([]byte, 2*maxChunk)}); err != nil {
		t.Fatal(err)
	}
	next, parts := c.first, 0
	for more := true; more; parts++ {
		var chunks []host.Chunk
		chunks, more = c.take(nil)
		bytes := 0
		for i, chunk := range chunks {
			if chunk.First != next {
				t.Errorf("part %d goes on with proposal %d, want %d", parts, chunk.First, next)
			}
			next += uint64(chunk.Count)
			if bytes += len(chunk.Body); bytes > maxChunk && i > 0 {
				t.Errorf("part %d has %d bytes in %d batches", parts, bytes, len(chunks))
			}
		}
	}
	if taken := next - c.first; taken != count+1 || parts < count/10 {
		t.Errorf("%d parts have %d proposals, want %d", parts, taken, count+1)
	}
}

// The body of a batch has room for as much as was taken last, but the log does not keep
// room that was never used. What is large is not copied to let it grow: more goes into
// another body, with what else is in the batch.
func TestABodyHasRoomForWhatIsToBeExpected(t *testing.T) {
	c := newCalls[int]()
	unexpected := submitMany(t, c, 1000)
	for _, chunk := range unexpected[:len(unexpected)-1] {
		if n := len(chunk.Body); n < fullChunk {
			t.Errorf("of %d bodies one has only %d bytes", len(unexpected), n)
		}
	}
	many := submitMany(t, c, 1000)
	if len(many) != 1 {
		t.Fatalf("1,000 proposals after as many went into %d bodies", len(many))
	}
	if room := c.expect; room < len(many[0].Body) {
		t.Errorf("after a body of %d bytes the next begins with room for %d", len(many[0].Body), room)
	}
	more := submitMany(t, c, 1300)
	if len(more) != 2 || cap(more[0].Body) > 2*len(many[0].Body) {
		t.Errorf("1,300 proposals after 1,000 went into %d bodies, the first with room for %d", len(more), cap(more[0].Body))
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

// Most answers come soon, and to wait for a context beside them costs as much again: it is
// done where they do not.
func TestCallersMindTheirContextsOnceTheirCallIsLate(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	synctest.Test(t, func(t *testing.T) {
		for name, test := range map[string]struct {
			ctx      context.Context
			late     bool
			answered bool
		}{
			"an answer that comes soon": {ended, false, true},
			"a late one":                {context.Background(), true, true},
			"none before the context of a late one has ended": {ended, true, false},
		} {
			c := newCalls[int]()
			waiting, _, err := c.submit(t.Context(), proposal{kind: wire.KindCommand, body: []byte{1}})
			if err != nil {
				t.Fatal(err)
			}
			told, answered := false, false
			go func() { answered, told = waiting.await(test.ctx), true }()
			if synctest.Wait(); told {
				t.Errorf("%s: a call without an answer, and not late, lets its caller go", name)
			}
			if more := c.age(); !more {
				t.Errorf("%s: an unanswered call need not be asked for again", name)
			}
			if synctest.Wait(); told {
				t.Errorf("%s: a call is late as soon as it is made", name)
			}
			if test.late && c.age() {
				t.Errorf("%s: a call that was told is to be told again", name)
			}
			if synctest.Wait(); told != (test.late && !test.answered) {
				t.Errorf("%s: the caller was told without an answer: %v", name, told)
			}
			c.finish(waiting.seq, 7, nil)
			if synctest.Wait(); !told || answered != test.answered || waiting.result != 7 {
				t.Errorf("%s: told %v, answered %v with %v", name, told, answered, waiting.result)
			}
			if !answered {
				waiting.awaitAnyhow()
			}
			if c.release(waiting); len(waiting.news) > 0 {
				t.Errorf("%s: a call is used again with news of its former life", name)
			}
		}
	})
}
