package balsa_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/balsaraft/balsa"
)

// reader follows the stream of a member's commands, one command a step.
type reader struct {
	c    *cluster
	name string
	next balsa.Index
	seen []int
}

// read takes up to n commands off the stream, and the error that ends it.
func (r *reader) read(n int) error {
	ctx, cancel := context.WithTimeout(r.c.ctx, time.Minute)
	defer cancel()
	for committed, err := range r.c.nodes[r.name].Committed(ctx, r.next) {
		if err != nil {
			return err
		}
		r.seen, r.next = append(r.seen, committed.Command), committed.Index+1
		if n--; n == 0 {
			return nil
		}
	}
	return nil
}

// isPrefix checks that what was seen is how the history begins: nothing is missing.
func (r *reader) isPrefix(of []int) {
	r.c.Helper()
	if len(r.seen) > len(of) || !slices.Equal(r.seen, of[:len(r.seen)]) {
		r.c.Errorf("the stream of %s misses something: it had %v, applied was %v", r.name, r.seen, of)
	}
}

// Scenario stale-watch: a reader that is slower than the compaction is told, and what it
// had seen until then is all that there was.
func TestAStreamThatWasOvertakenByCompactionSaysSo(t *testing.T) {
	inBubble(t, func(c *cluster) {
		for _, name := range []string{"a", "b", "c"} {
			c.open(name, withCluster("a", "b", "c"), withSmallSnapshots)
		}
		c.leader()
		r := &reader{c: c, name: "b", next: 1}
		for i := range 20 {
			c.propose("b", i)
		}
		if err := r.read(20); err != nil {
			t.Fatal(err)
		}
		for i := range 2000 {
			c.propose("b", 20+i)
		}
		if err := r.read(2000); !errors.Is(err, balsa.ErrCompacted) {
			t.Errorf("a reader at index %d of a log that was compacted: %v", r.next, err)
		}
		r.isPrefix(c.agree().Entries)
		// It reads the state instead, and goes on from there.
		var state []int
		var at balsa.Index
		if err := c.nodes["b"].Read(c.ctx, func(l ledgerMachine) { state = slices.Clone(l.Value.Entries) }); err != nil {
			t.Fatal(err)
		}
		at = c.nodes["b"].Status().Applied
		again := &reader{c: c, name: "b", next: at + 1, seen: state}
		for i := range 10 {
			c.propose("c", 5000+i)
		}
		if err := again.read(10); err != nil {
			t.Fatal(err)
		}
		again.isPrefix(c.agree().Entries)
	})
}

// Scenario stale-watch: a stream that is being read while its member is cut off, misses
// a stretch of the log and gets a snapshot for it, ends with the reason.
func TestAStreamAcrossASnapshotFromTheLeaderSaysSo(t *testing.T) {
	inBubble(t, func(c *cluster) {
		for _, name := range []string{"a", "b", "c"} {
			c.open(name, withCluster("a", "b", "c"), withSmallSnapshots)
		}
		lags := c.followers()[0]
		rest := others2(c.names(), lags)
		c.propose(lags, 1)
		r := &reader{c: c, name: lags, next: 1}
		ended := make(chan error, 1)
		go func() { ended <- r.read(1 << 30) }()
		time.Sleep(time.Second)
		c.network.Partition([]string{addr(lags)}, others(c.names(), lags))
		for i := range 2000 {
			c.propose(c.leaderOf(rest...), 2+i)
		}
		c.network.Heal()
		if err := <-ended; !errors.Is(err, balsa.ErrCompacted) {
			t.Errorf("the stream ended with %v", err)
		}
		r.isPrefix(c.agree().Entries)
		if len(r.seen) == 2001 || c.nodes[lags].Status().Snapshot == 0 {
			t.Error("it needed no snapshot: this shows too little")
		}
	})
}

// Scenario stale-watch: whoever leads, and however often another does, a stream on any
// member has every command once and in order.
func TestAStreamAcrossChangesOfLeaderMissesNothing(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		const rounds, each = 10, 20
		ended := make(chan error, 3)
		readers := map[string]*reader{}
		for _, name := range c.names() {
			r := &reader{c: c, name: name, next: 1}
			readers[name] = r
			go func() { ended <- r.read(rounds * each) }()
		}
		for round := range rounds {
			cut := c.leader()
			rest := others2(c.names(), cut)
			c.network.Partition([]string{addr(cut)}, others(c.names(), cut))
			// The old leader takes commands that nobody will ever commit as they stand.
			go func() { _, _ = c.nodes[cut].Propose(c.soon(200*time.Millisecond), 1_000_000+round) }()
			c.leaderOf(rest...)
			for i := range each {
				c.propose(rest[i%2], round*each+i)
			}
			c.network.Heal()
			c.leader()
		}
		for range readers {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		for _, r := range readers {
			r.isPrefix(c.agree().Entries)
		}
	})
}
