package balsa_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/host"
)

// grown is a ledger whose later programs know more commands: numbers of n digits are of
// version n.
type grown struct {
	ledgerMachine
	oldest, newest uint32
}

func (g *grown) CommandVersions() (oldest, newest uint32) { return g.oldest, g.newest }

func (g *grown) CommandVersion(add int) (digits uint32) {
	for ; add > 0; add /= 10 {
		digits++
	}
	return digits
}

// Apply stops a member that does not know the command, as a program does.
func (g *grown) Apply(e balsa.Entry, add int) int {
	if g.CommandVersion(add) > g.newest {
		panic("a command of a newer version")
	}
	return g.ledgerMachine.Apply(e, add)
}

type grownNode = balsa.Node[*grown, int, int]

// grownCluster is a cluster of ledgers that grow.
type grownCluster struct {
	*cluster
	running map[string]*grownNode
}

func grownBubble(t *testing.T, test func(c *grownCluster)) {
	t.Helper()
	inBubble(t, func(c *cluster) {
		g := &grownCluster{c, map[string]*grownNode{}}
		defer func() {
			for _, n := range g.running {
				n.Close()
			}
		}()
		test(g)
	})
}

// program starts a member with a program that understands those commands, in place of the one
// that runs there.
func (c *grownCluster) program(name string, oldest, newest uint32, options ...func(*balsa.Config)) (*grownNode, error) {
	c.Helper()
	if before := c.running[name]; before != nil {
		before.Close()
		delete(c.running, name)
	}
	cfg := c.config(name)
	for _, option := range options {
		option(&cfg)
	}
	n, err := balsa.Open(c.ctx, cfg, &grown{newLedger(), oldest, newest})
	if err != nil {
		cfg.Transport.Close()
		return nil, err
	}
	c.running[name] = n
	return n, err
}

func (c *grownCluster) mustProgram(name string, oldest, newest uint32, options ...func(*balsa.Config)) *grownNode {
	c.Helper()
	n, err := c.program(name, oldest, newest, options...)
	if err != nil {
		c.Fatalf("start %s: %v", name, err)
	}
	return n
}

// awaits waits until a member knows that the cluster is of a version.
func (c *grownCluster) awaits(n *grownNode, version string) {
	c.Helper()
	for n.Status().Version.String() != version {
		if c.ctx.Err() != nil {
			c.Fatalf("the version is %s and never became %s", n.Status().Version, version)
		}
		time.Sleep(time.Second) // of the bubble's time
	}
}

// TestANewCommandWaitsForTheLastMemberToBeUpgraded is the scenario rolling-upgrade.
func TestANewCommandWaitsForTheLastMemberToBeUpgraded(t *testing.T) {
	grownBubble(t, func(c *grownCluster) {
		names := []string{"a", "b", "c"}
		for _, name := range names {
			c.mustProgram(name, 0, 1, withCluster(names...))
		}
		for _, n := range c.running {
			c.awaits(n, "2.1")
		}
		for _, name := range names {
			n := c.mustProgram(name, 0, 2)
			if _, err := n.Propose(c.ctx, 1); err != nil {
				t.Fatalf("a known command on %s: %v", name, err)
			}
			if name == "c" {
				break
			}
			_, err := n.Propose(c.ctx, 22)
			if !errors.Is(err, balsa.ErrClusterVersion) || !errors.Is(err, balsa.ErrNotCommitted) || !strings.Contains(err.Error(), "needs version 2, and not all members understand more than 1") {
				t.Errorf("a new command on %s while not all know it: %v", name, err)
			}
			id, err := n.OpenSession(c.ctx, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := n.ProposeAs(c.ctx, balsa.Call{Session: id, Seq: 1}, 22); !errors.Is(err, balsa.ErrClusterVersion) {
				t.Errorf("a new command of a caller outside through %s: %v", name, err)
			}
			for _, err := range n.ProposeAll(c.ctx, func(yield func(int) bool) { yield(22) }) {
				if !errors.Is(err, balsa.ErrClusterVersion) {
					t.Errorf("a new command among others on %s: %v", name, err)
				}
			}
		}
		for _, n := range c.running {
			c.awaits(n, "2.2")
		}
		if sum, err := c.running["a"].Propose(c.ctx, 22); err != nil || sum != 25 {
			t.Errorf("once all know it: %d, %v", sum, err)
		}
		for _, m := range c.running["b"].Status().Members {
			if m.Newest == nil || m.Newest.String() != "2.2" || m.Oldest.String() != "0.0" {
				t.Errorf("%s is said to understand %v to %v", m.Name, m.Oldest, m.Newest)
			}
		}
	})
}

// TestARestartedMemberAsksBeforeItRefuses: what its snapshot and its log say of the version may
// be old news.
func TestARestartedMemberAsksBeforeItRefuses(t *testing.T) {
	grownBubble(t, func(c *grownCluster) {
		n := c.mustProgram("a", 0, 2)
		c.awaits(n, "2.2")
		n = c.mustProgram("a", 0, 2)
		if _, err := n.Propose(c.ctx, 22); err != nil {
			t.Errorf("right after a restart: %v", err)
		}
	})
}

func TestTheFormerProgramDoesNotOpenWhatTheNewOneHasUsed(t *testing.T) {
	grownBubble(t, func(c *grownCluster) {
		c.awaits(c.mustProgram("a", 0, 2), "2.2")
		if _, err := c.program("a", 0, 1); !errors.Is(err, balsa.ErrClusterVersion) || !errors.Is(err, balsa.ErrNewerVersion) {
			t.Errorf("the former program: %v", err)
		}
		if _, err := c.program("a", 3, 3); !errors.Is(err, balsa.ErrClusterVersion) || errors.Is(err, balsa.ErrNewerVersion) {
			t.Errorf("a program that has forgotten: %v", err)
		}
		if _, err := c.program("a", 3, 2); !errors.Is(err, balsa.ErrConfig) {
			t.Errorf("versions that fall: %v", err)
		}
		c.mustProgram("a", 2, 3)
	})
}

func TestANewcomerOfAnOldProgramHearsWhyItIsNotTakenIn(t *testing.T) {
	grownBubble(t, func(c *grownCluster) {
		c.awaits(c.mustProgram("a", 0, 2), "2.2")
		b := c.mustProgram("b", 0, 1, withJoin("a"))
		for e := range b.Events(c.ctx) {
			if e.Kind == host.Waiting {
				break
			}
		}
		if why := b.Status().Waiting; !strings.Contains(why, "it is 2.2, and the newcomer understands 0.0 to 2.1 only") {
			t.Errorf("it says %q", why)
		}
	})
}
