package balsa_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa"
)

// heard is what a member was told last by another one.
func (c *cluster) heard(by, from string) (note string, at time.Time) {
	for _, n := range c.nodes[by].Notes() {
		if n.From == c.nodes[from].Status().ID {
			return string(n.Data), n.Heard
		}
	}
	return "", time.Time{}
}

func TestANoteReachesAllOtherMembersAndTheLastOneCounts(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		c.leader()
		before := time.Now()
		for _, note := range []string{"first", "second"} {
			if err := c.nodes["b"].Tell([]byte(note)); err != nil {
				t.Fatal(err)
			}
			for _, by := range []string{"a", "c"} {
				c.eventually(by+" to hear the "+note+" note", func() bool { said, _ := c.heard(by, "b"); return said == note })
			}
		}
		if _, at := c.heard("a", "b"); at.Before(before) || at.After(time.Now()) {
			t.Errorf("heard at %s, told between %s and %s", at, before, time.Now())
		}
		if n := len(c.nodes["b"].Notes()); n != 0 {
			t.Errorf("who tells hears %d notes", n)
		}
		c.stop("b")
		if said, _ := c.heard("a", "c"); said != "" {
			t.Errorf("c has told %q, and never said a word", said)
		}
	})
}

func TestANoteIsNotKeptForWhoCannotBeReachedNow(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		c.leader()
		c.stop("c")
		c.eventually("a leader of two", func() bool { return c.leaderOf("a", "b") != "" })
		if err := c.nodes["a"].Tell([]byte("without c")); err != nil {
			t.Fatal(err)
		}
		c.eventually("b to hear", func() bool { said, _ := c.heard("b", "a"); return said != "" })
		c.open("c", withCluster("a", "b", "c"))
		c.propose("c", 1)
		if said, _ := c.heard("c", "a"); said != "" {
			t.Errorf("c was away, and hears %q", said)
		}
	})
}

func TestANoteTooLargeOrOfAClosedMemberIsRefused(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a")
		a := c.nodes["a"]
		if err := a.Tell([]byte(strings.Repeat("x", balsa.MaxNote+1))); !errors.Is(err, balsa.ErrTooLarge) {
			t.Errorf("a note over the limit: %v", err)
		}
		c.stop("a")
		if err := a.Tell(nil); !errors.Is(err, balsa.ErrClosed) {
			t.Errorf("a closed member: %v", err)
		}
	})
}
