package balsa_test

import (
	"errors"
	"testing"

	"github.com/balsaraft/balsa"
)

func TestEntriesShowTheLogAsItStands(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		c.leader()
		for i := range 10 {
			c.propose("b", 100+i)
		}
		a := c.nodes["a"]
		c.read("b")
		last := c.nodes["b"].Status().Applied
		var all []balsa.LogEntry[int]
		c.eventually("a to have them applied and on its disk", func() bool {
			var err error
			if all, err = a.Entries(c.ctx, 0, 1000); err != nil {
				t.Fatal(err)
			}
			return len(all) > 0 && all[len(all)-1].Index >= last
		})
		kinds, commands := map[string]int{}, []int{}
		for i, e := range all {
			if e.Index != balsa.Index(i+1) || e.Term == 0 {
				t.Errorf("place %d shows entry %d of term %d", i, e.Index, e.Term)
			}
			kinds[e.Kind]++
			if e.Command != nil {
				commands = append(commands, *e.Command)
			}
			if (e.Command != nil) != (e.Kind == "command") {
				t.Errorf("entry %d of kind %s shows the command %v", e.Index, e.Kind, e.Command)
			}
		}
		if kinds["membership"] == 0 || kinds["noop"] == 0 || kinds["session"] == 0 {
			t.Errorf("there are the kinds %v", kinds)
		}
		for i, command := range commands {
			if command != 100+i {
				t.Errorf("command %d shows %d", i, command)
			}
		}
		if len(commands) != 10 {
			t.Errorf("%d commands", len(commands))
		}
		if some, err := a.Entries(c.ctx, 3, 2); err != nil || len(some) != 2 || some[0].Index != 3 {
			t.Errorf("two entries from 3 on: %v, %v", some, err)
		}
		if none, err := a.Entries(c.ctx, a.Status().Last+100, 2); err != nil || len(none) != 0 {
			t.Errorf("after the last: %v, %v", none, err)
		}
	})
}

func TestEntriesThatWereCompactedAreSaidToBe(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.open("a", withCluster("a"), withSmallSnapshots)
		a := c.nodes["a"]
		for i := range 2000 {
			c.propose("a", i)
		}
		c.eventually("the log to be compacted", func() bool { return a.Status().Compacted > 1 })
		compacted := a.Status().Compacted
		if _, err := a.Entries(c.ctx, compacted, 1); !errors.Is(err, balsa.ErrCompacted) {
			t.Errorf("entry %d: %v", compacted, err)
		}
		if some, err := a.Entries(c.ctx, compacted+1, 1); err != nil || len(some) != 1 {
			t.Errorf("entry %d: %v, %v", compacted+1, some, err)
		}
		c.stop("a")
		if _, err := a.Entries(c.ctx, compacted+1, 1); !errors.Is(err, balsa.ErrClosed) {
			t.Errorf("a closed member: %v", err)
		}
	})
}
