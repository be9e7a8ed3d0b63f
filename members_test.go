package balsa_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa"
)

// roles lists who is what, as a member sees it.
func (c *cluster) roles(name string) map[string]string {
	roles := map[string]string{}
	for _, m := range c.nodes[name].Status().Members {
		roles[m.Name] = m.Role
	}
	return roles
}

func (c *cluster) awaitRole(seenBy, name, role string) {
	c.Helper()
	c.eventually(name+" is "+role, func() bool { return c.roles(seenBy)[name] == role })
}

func TestAMemberJoinsAsALearnerAndIsPromoted(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		c.propose("a", 5)
		c.open("d", withJoin("b"))
		c.awaitRole("a", "d", "voter")
		if got := c.propose("d", 1); got != 6 {
			t.Errorf("the newcomer's proposal returned %d, want 6", got)
		}
		c.agree()
	})
}

func TestMoreThanMaxVotersStayLearnersAndReplaceALostVoter(t *testing.T) {
	inBubble(t, func(c *cluster) {
		few := func(cfg *balsa.Config) { cfg.MaxVoters = 3 }
		for _, name := range []string{"a", "b", "c"} {
			c.open(name, withCluster("a", "b", "c"), few)
		}
		c.leader()
		c.open("d", few, withJoin("a"))
		c.awaitRole("a", "d", "learner")
		time.Sleep(10 * time.Second)
		c.awaitRole("a", "d", "learner")
		leader, lost := c.leader(), c.followers()[0]
		if lost == "d" {
			lost = c.followers()[1]
		}
		id := c.nodes[lost].Status().ID
		c.stop(lost)
		if err := c.nodes[leader].RemoveMember(c.ctx, id); err != nil {
			t.Fatalf("remove %s: %v", lost, err)
		}
		c.awaitRole(leader, "d", "voter")
	})
}

func TestRemovingEveryMemberButOneLeavesAWorkingCluster(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		c.propose("b", 1)
		for _, gone := range []string{"a", "b"} {
			// Any member takes the order, the one that is removed too, and a leader
			// that removes itself (scenario leader-removes-itself).
			if err := c.nodes[gone].RemoveMember(c.ctx, c.nodes[gone].Status().ID); err != nil {
				t.Fatalf("remove %s: %v", gone, err)
			}
			err := c.nodes[gone].Read(c.ctx, func(ledgerMachine) { t.Errorf("%s was removed and let a read in", gone) })
			if !errors.Is(err, balsa.ErrRemoved) || !errors.Is(err, balsa.ErrNotCommitted) {
				t.Errorf("a read on %s, which was removed: %v", gone, err)
			}
			if _, err := c.nodes[gone].Propose(c.ctx, 1); !errors.Is(err, balsa.ErrRemoved) {
				t.Errorf("a proposal on %s, which was removed: %v", gone, err)
			}
			c.stop(gone)
			c.leader()
		}
		if got := c.propose("c", 1); got != 2 {
			t.Errorf("the last member's sum is %d, want 2", got)
		}
		if err := c.nodes["c"].RemoveMember(c.ctx, c.nodes["c"].Status().ID); !errors.Is(err, balsa.ErrNotCommitted) {
			t.Errorf("removing the last voter: %v", err)
		}
	})
}

func TestSetMembersReplacesVotersInOneChange(t *testing.T) {
	inBubble(t, func(c *cluster) {
		few := func(cfg *balsa.Config) { cfg.MaxVoters = 3 }
		for _, name := range []string{"a", "b", "c"} {
			c.open(name, withCluster("a", "b", "c"), few)
		}
		c.leader()
		for _, name := range []string{"d", "e", "f"} {
			c.open(name, few, withJoin("a", "b", "c"))
			c.awaitRole("a", name, "learner")
		}
		c.propose("f", 3)
		var members []balsa.Member
		for _, name := range []string{"d", "e", "f"} {
			s := c.nodes[name].Status()
			members = append(members, balsa.Member{ID: s.ID, Name: name, Addr: s.Addr, Role: balsa.Voter})
		}
		if err := c.nodes["b"].SetMembers(c.ctx, members); err != nil {
			t.Fatalf("replace all members: %v", err)
		}
		for _, gone := range []string{"a", "b", "c"} {
			c.stop(gone)
		}
		c.leader()
		if got := c.propose("e", 1); got != 4 {
			t.Errorf("the new members' sum is %d, want 4", got)
		}
	})
}

func TestAStatusSaysThatAChangeIsUnderWay(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		leader, others := c.nodes[c.leader()], c.followers()
		gone := c.nodes[others[1]].Status().ID
		if leader.Status().Changing {
			t.Error("a change is under way before there is one")
		}
		c.stop(others[0])
		c.stop(others[1])
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			leader.RemoveMember(c.soon(time.Minute), gone, balsa.Force()) // how it ends is told by the members
		}()
		c.eventually("it is under way", func() bool { return leader.Status().Changing })
		time.Sleep(10 * time.Second)
		if !leader.Status().Changing {
			t.Error("it is over without a majority")
		}
		c.open(others[0])
		c.eventually("it is over", func() bool { return len(leader.Status().Members) == 2 && !leader.Status().Changing })
		<-ended
	})
}

func TestEveryMemberCanSayHowFarTheOthersAre(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		lost := c.followers()[0]
		for i := range 5 {
			c.propose("a", i)
		}
		c.agree()
		time.Sleep(time.Second)
		behind := c.nodes[lost].Status().Durable
		c.network.Partition([]string{addr(lost)}, others(c.names(), lost))
		for _, name := range others2(c.names(), lost) {
			sum := c.propose(name, 1)
			time.Sleep(5 * time.Second)
			members, err := c.nodes[name].Members(c.ctx)
			if err != nil {
				t.Fatalf("asked on %s at sum %d: %v", name, sum, err)
			}
			last := c.nodes[name].Status().Last
			for _, m := range members {
				if m.Name == lost && (m.Active || m.Match > behind) || m.Name != lost && (!m.Active || m.Match != last) {
					t.Errorf("%s says of %s: %+v; the log ends at %d", name, m.Name, m, last)
				}
			}
		}
		if _, err := c.nodes[lost].Members(c.soon(time.Second)); !errors.Is(err, balsa.ErrNotCommitted) || !errors.Is(err, balsa.ErrNoLeader) {
			t.Errorf("asked on a member without a leader: %v", err)
		}
	})
}

func TestLeadershipGoesWhereItIsSent(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		for range 3 {
			for _, name := range c.names() {
				if err := c.nodes["a"].TransferLeadership(c.ctx, c.nodes[name].Status().ID); err != nil {
					t.Fatalf("transfer to %s: %v", name, err)
				}
				if got := c.leader(); got != name {
					t.Errorf("%s leads after a transfer to %s", got, name)
				}
			}
		}
		if err := c.nodes["a"].TransferLeadership(c.soon(5*time.Second), 12345); !errors.Is(err, balsa.ErrNotCommitted) {
			t.Errorf("a transfer to nobody: %v", err)
		}
	})
}

// Scenarios wiped-voter and refound.
func TestAWipedFounderComesBackAsANewMember(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		c.propose("a", 5)
		for _, name := range []string{"a", "b", "c"} {
			before := c.nodes[name].Status()
			c.stop(name)
			c.wipe(name)
			c.open(name, withCluster("a", "b", "c")) // started as on the first day
			c.eventually(name+" is a voter again", func() bool {
				s := c.nodes[name].Status()
				return s.Role == "leader" || s.Role == "follower" && c.roles(name)[name] == "voter"
			})
			after := c.nodes[name].Status()
			if after.Cluster != before.Cluster {
				t.Fatalf("%s founded another cluster", name)
			}
			if after.ID == before.ID {
				t.Errorf("%s has its old identity on a new disk", name)
			}
			if got := c.read(name); got != 5 {
				t.Errorf("%s reads %d, want 5", name, got)
			}
			if n := len(c.nodes[name].Status().Members); n != 3 {
				t.Errorf("there are %d members after %s came back, want 3", n, name)
			}
		}
	})
}

func TestANewcomerWithTheNameOfALiveMemberIsRefused(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		elsewhere := func(cfg *balsa.Config) { cfg.Name, cfg.Advertise = "a", addr("x") }
		c.open("x", elsewhere, withJoin("b"))
		defer c.stop("x")
		c.eventually("x hears why", func() bool {
			w := c.nodes["x"].Status().Waiting
			return strings.Contains(w, `name "a" is taken`) && strings.Contains(w, "another name")
		})
		if n := len(c.nodes["a"].Status().Members); n != 3 {
			t.Errorf("there are %d members, want 3", n)
		}
	})
}

func TestFoundersWithDifferentListsSayWhichDiffer(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.open("a", withCluster("a", "b", "c"))
		c.open("b", withCluster("a", "b"))
		c.eventually("a hears of the difference", func() bool {
			w := c.nodes["a"].Status().Waiting
			return strings.Contains(w, "another list of founders") && strings.Contains(w, "b=b:1")
		})
		_, err := c.nodes["b"].Propose(c.soon(time.Second), 1)
		if !errors.Is(err, balsa.ErrNoLeader) || !strings.Contains(err.Error(), "another list of founders") {
			t.Errorf("a proposal meanwhile: %v", err)
		}
	})
}

func TestAFounderWaitsForTheOthersAndSaysForWhom(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.open("a", withCluster("a", "b", "c"))
		c.open("b", withCluster("a", "b", "c"))
		c.eventually("a names who is missing", func() bool {
			w := c.nodes["a"].Status().Waiting
			return strings.Contains(w, "c at c:1") && !strings.Contains(w, "b at b:1")
		})
		c.open("c", withCluster("a", "b", "c"))
		c.leader()
	})
}

func TestAJoinToAClusterThatIsNotThereKeepsTryingAndSaysSo(t *testing.T) {
	inBubble(t, func(c *cluster) {
		node := c.open("d", withJoin("a"))
		said := 0
		ctx := c.soon(65 * time.Second)
		for e := range node.Events(ctx) {
			if e.Kind == balsa.Waiting {
				said++
				if !errors.Is(e.Err, balsa.ErrNoLeader) || !strings.Contains(e.Err.Error(), "a:1") {
					t.Errorf("it says: %v", e.Err)
				}
			}
		}
		if said != 6 {
			t.Errorf("in 65 s it said %d times that it waits, want once each 10 s", said)
		}
		c.open("a")
		c.eventually("d has joined", func() bool { return slices.Contains([]string{"follower", "learner", "leader"}, node.Status().Role) })
	})
}

// Scenario new-addresses.
func TestAllMembersMoveToOtherAddresses(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		c.propose("a", 1)
		for _, name := range []string{"a", "b", "c"} {
			c.stop(name)
		}
		moved := func(cfg *balsa.Config) {
			transport, err := c.network.Listen("new-" + cfg.Advertise)
			if err != nil {
				t.Fatal(err)
			}
			cfg.Transport.Close()
			cfg.Transport, cfg.Advertise = transport, "new-"+cfg.Advertise
			cfg.Cluster = map[string]string{"a": "new-a:1", "b": "new-b:1", "c": "new-c:1"}
		}
		for _, name := range []string{"a", "b", "c"} {
			c.open(name, moved)
		}
		c.leader()
		if got := c.propose("b", 1); got != 2 {
			t.Errorf("the sum is %d, want 2", got)
		}
		c.eventually("the membership names the new addresses", func() bool {
			for _, m := range c.nodes["a"].Status().Members {
				if !strings.HasPrefix(m.Addr, "new-") {
					return false
				}
			}
			return true
		})
	})
}

// Scenario new-addresses, where the two that have to meet know only what was.
func TestALeaderHearsFromOthersWhereAMemberHasMoved(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		c.stop("c")
		c.open("d", withJoin("a"))
		c.awaitRole("a", "d", "voter")
		if err := c.nodes["a"].TransferLeadership(c.ctx, c.nodes["d"].Status().ID); err != nil {
			t.Fatal(err)
		}
		c.leader()
		// c was away when d came, and d never heard where c went: only a and b are
		// known to both.
		c.open("c", func(cfg *balsa.Config) {
			transport, err := c.network.Listen("moved:1")
			if err != nil {
				t.Fatal(err)
			}
			cfg.Transport.Close()
			cfg.Transport, cfg.Advertise = transport, "moved:1"
		})
		c.leader()
		c.propose("c", 1)
		c.eventually("the membership has its address", func() bool {
			for _, m := range c.nodes["d"].Status().Members {
				if m.Name == "c" {
					return m.Addr == "moved:1"
				}
			}
			return false
		})
	})
}
