package host_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/wire"
)

// Scenario slow-follower: for hours one member's link and disk are so slow that it falls
// behind ever more. The leader holds no more for it than its window, compacts its log and
// takes as many snapshots as without it, and the others answer as fast; and once the
// member is quick again, it has all within seconds.
func TestAMemberThatIsSlowForHoursCostsTheOthersNothing(t *testing.T) {
	const (
		logBound   = 64 << 10
		perCommand = 2 << 10
		commands   = 2400
		burst      = 20
		state      = 300 << 10
	)
	run := func(bandwidth int, pause time.Duration) (c costs) {
		w := newWorld(t)
		all := w.cluster(func(c *host.Config) {
			c.SnapshotBytes, c.SegmentBytes, c.CacheBytes = logBound, 32<<10, 32<<10
			c.Raft.Heartbeat, c.Raft.ElectionTimeout = time.Second, 10*time.Second
			c.Raft.MaxInflight, c.Raft.MaxInflightBytes, c.Raft.MaxMessageBytes = 8, 64<<10, 16<<10
		}, "a", "b", "c")
		leader := w.leader()
		lags := others(all, leader)[0]
		term := leader.host.Status().Core.Term
		line := &slowLine{to: lags, bandwidth: bandwidth}
		if bandwidth > 0 {
			w.meddle = line.meddle
		}
		for _, m := range all {
			m.machine.brief, m.machine.Padding = 8, strings.Repeat("p", state)
		}
		padding := strings.Repeat("x", perCommand)
		for i := 0; i < commands; i += burst {
			start := w.now
			for j := 1; j < burst; j++ {
				leader.propose(fmt.Sprint(i+j, " ", padding))
			}
			leader.must(fmt.Sprint(i, " ", padding))
			c.worst = max(c.worst, w.now-start)
			c.log = max(c.log, leader.host.Status().LogBytes)
			line.run(pause)
		}
		for _, e := range leader.events {
			if e.Kind == host.SnapshotTaken {
				c.taken++
			}
		}
		if s := leader.host.Status().Core; s.Term != term {
			t.Errorf("at %d bytes a second the term went from %d to %d", bandwidth, term, s.Term)
		}
		c.behind = leader.host.Status().Applied.Index - lags.host.Status().Applied.Index
		w.meddle = nil
		begin := w.now
		w.agree()
		c.recovery = w.now - begin
		return c
	}
	quick := run(0, time.Second)
	for _, tc := range []struct {
		name      string
		bandwidth int
		pause     time.Duration // between bursts of commands
	}{
		{"for two hours no snapshot gets through", 150, time.Minute},
		{"the log grows faster than a snapshot gets through", 5 << 10, time.Second},
	} {
		slow := run(tc.bandwidth, tc.pause)
		t.Logf("%s: %+v; a quick one: %+v", tc.name, slow, quick)
		if slow.behind < 100 {
			t.Errorf("%s: it is %d entries behind, which shows too little", tc.name, slow.behind)
		}
		if slow.worst > quick.worst {
			t.Errorf("%s: an answer took up to %s, with a quick member %s", tc.name, slow.worst, quick.worst)
		}
		if limit := quick.log + state + 4*logBound + 32<<10; slow.log > limit {
			t.Errorf("%s: the leader's log grew to %d bytes, want at most %d: with a quick member it had %d", tc.name, slow.log, limit, quick.log)
		}
		if slow.taken > 2*quick.taken {
			t.Errorf("%s: the leader took %d snapshots, with a quick member %d", tc.name, slow.taken, quick.taken)
		}
		if slow.recovery > 100*time.Second { // a pause between transfers is a minute at most
			t.Errorf("%s: once it was quick, it took %s to catch up", tc.name, slow.recovery)
		}
	}
}

// costs is what a run cost the leader and its callers.
type costs struct {
	worst    time.Duration // of an answer
	log      int64         // bytes, at most
	taken    int           // snapshots
	behind   wire.Index
	recovery time.Duration
}

// slowLine is the way to a member that is slow: its letters wait for each other, and what
// does not fit into the sender's queue is dropped, as transports do.
type slowLine struct {
	to        *member
	bandwidth int // bytes a second
	queue     []letter
	bytes     int
	free      time.Duration // when the first in the queue arrives
	arriving  bool
}

const lineQueue = 1 << 20

func (s *slowLine) meddle(l letter) []letter {
	if l.to.Addr != s.to.name || s.arriving {
		return []letter{l}
	}
	if size := len(l.Message.Append(nil)); s.bytes+size <= lineQueue {
		if len(s.queue) == 0 {
			s.free = s.to.w.now + s.time(l)
		}
		s.queue, s.bytes = append(s.queue, l), s.bytes+size
	}
	return nil
}

func (s *slowLine) time(l letter) time.Duration {
	return time.Duration(len(l.Message.Append(nil))) * time.Second / time.Duration(s.bandwidth)
}

// run lets time pass, in which letters arrive one after the other.
func (s *slowLine) run(d time.Duration) {
	w := s.to.w
	for end := w.now + d; w.now < end; w.step() {
		for len(s.queue) > 0 && w.now >= s.free {
			l := s.queue[0]
			s.queue, s.bytes = s.queue[1:], s.bytes-len(l.Message.Append(nil))
			s.arriving = true
			rest := w.mail
			w.mail = []letter{l}
			w.deliver()
			w.mail, s.arriving = rest, false
			if len(s.queue) > 0 {
				s.free += s.time(s.queue[0])
			}
		}
	}
}
