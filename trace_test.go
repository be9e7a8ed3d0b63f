package balsa_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/sim/spec"
	"github.com/balsaraft/balsa/trace"
)

func withTrace(out io.Writer) func(*balsa.Config) {
	return func(cfg *balsa.Config) {
		cfg.Trace, cfg.SnapshotBytes = trace.Live(out, slog.New(slog.DiscardHandler)), 500
	}
}

// traced plays the life of a cluster of three, with a restart and a member that joins
// late, and returns each member's trace.
func traced(c *cluster) map[string]*bytes.Buffer {
	traces := map[string]*bytes.Buffer{"a": {}, "b": {}, "c": {}, "d": {}}
	for _, name := range []string{"a", "b", "c"} {
		c.open(name, withCluster("a", "b", "c"), withTrace(traces[name]))
	}
	c.leader()
	for k := range 60 {
		c.propose(c.names()[k%3], k)
	}
	leader := c.leader()
	c.stop(leader)
	c.propose(c.names()[0], 7)
	c.open(leader, withTrace(traces[leader]))
	c.open("d", withJoin("a", "b", "c"), withTrace(traces["d"]))
	for k := range 60 {
		c.propose("d", k)
	}
	c.agree()
	c.stopAll()
	return traces
}

// What running members write down follows the rules of the paper: all together, and each
// as far as one member's view goes.
func TestTracesOfMembersFollowTheSpecification(t *testing.T) {
	inBubble(t, func(c *cluster) {
		traces := traced(c)
		var all []io.Reader
		total := 0
		for _, name := range []string{"a", "b", "c", "d"} {
			n, err := spec.Check(bytes.NewReader(traces[name].Bytes()))
			if err != nil || n < 100 {
				c.Errorf("the trace of %s alone: %d events, then: %v", name, n, err)
			}
			total += n
			all = append(all, bytes.NewReader(traces[name].Bytes()))
		}
		n, err := spec.Check(all...)
		if err != nil || n != total {
			c.Errorf("all traces: %d of %d events follow the rules, then: %v", n, total, err)
		}
		for _, event := range []string{"ReceiveSnapshot", "ChangeConf", "BecomeLeader"} {
			found := false
			for _, one := range traces {
				found = found || bytes.Contains(one.Bytes(), []byte(`"name":"`+event+`"`))
			}
			if !found {
				c.Errorf("no %s happened, so it was not judged", event)
			}
		}
	})
}

// failing takes nothing.
type failing struct{ writes int }

func (f *failing) Write([]byte) (int, error) {
	f.writes++
	return 0, errors.New("no room")
}

// A trace that cannot be written is given up; the member is not.
func TestAMemberOutlivesItsTrace(t *testing.T) {
	inBubble(t, func(c *cluster) {
		out := &failing{}
		c.open("a", withTrace(out))
		c.propose("a", 1)
		time.Sleep(time.Second)
		if out.writes != 1 {
			c.Errorf("written %d times, want once: a trace with a hole is none", out.writes)
		}
	})
}
