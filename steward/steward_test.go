package steward

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/balsaraft/balsa"
)

// table is a cluster on paper.
type table struct {
	status balsa.Status
	now    time.Time
}

func (c *table) Status() balsa.Status { return c.status }

func (c *table) Done() <-chan struct{} { return nil }

func (c *table) at(id balsa.MemberID) *balsa.MemberStatus {
	i := slices.IndexFunc(c.status.Members, func(m balsa.MemberStatus) bool { return m.ID == id })
	return &c.status.Members[i]
}

func (c *table) AddMember(_ context.Context, m balsa.Member, _ ...balsa.ChangeOption) error {
	c.at(m.ID).Role = m.Role.String()
	return nil
}

func (c *table) RemoveMember(_ context.Context, id balsa.MemberID, _ ...balsa.ChangeOption) error {
	c.status.Members = slices.DeleteFunc(c.status.Members, func(m balsa.MemberStatus) bool { return m.ID == id })
	return nil
}

// windows is member 1, which leads, and others.
func windows(names ...string) *table {
	c := &table{status: balsa.Status{ID: 1, Role: "leader", Commit: 10}, now: time.Unix(1e9, 0)}
	for i, name := range names {
		role := balsa.Learner
		if i == 0 {
			role = balsa.Voter
		}
		c.status.Members = append(c.status.Members, balsa.MemberStatus{ID: balsa.MemberID(i + 1), Name: name, Role: role.String(), Active: true, Match: 10})
	}
	return c
}

// steward is one that need not wait for anybody to settle.
func (c *table) steward(rules Rules) *steward {
	rules.Settle = 0
	return newSteward(c, rules, func() time.Time { return c.now })
}

// settle looks until there is nothing to do.
func settle(t *testing.T, c *table, s *steward) {
	t.Helper()
	for range 20 {
		did, err := s.look(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if did == "" {
			return
		}
	}
	t.Fatal("it never settles")
}

func (c *table) roles() (text string) {
	for _, m := range c.status.Members {
		text += fmt.Sprintf("%s:%s ", m.Name, m.Role[:1])
	}
	return text
}

func expectRoles(t *testing.T, c *table, when, want string) {
	t.Helper()
	if got := c.roles(); got != want {
		t.Errorf("%s: %q, want %q", when, got, want)
	}
}

func TestUpToFiveDurableMembersVote(t *testing.T) {
	c := windows("a", "b", "memory-c", "d", "e", "f", "g")
	settle(t, c, c.steward(OfWindows()))
	expectRoles(t, c, "seven windows", "a:v b:v memory-c:l d:v e:v f:v g:l ")
	rules := OfWindows()
	rules.MayVote = nil
	c = windows("a", "memory-b")
	settle(t, c, c.steward(rules))
	expectRoles(t, c, "memory votes where that was asked for", "a:v memory-b:v ")
}

func TestALearnerThatLagsDoesNotVote(t *testing.T) {
	c := windows("a", "b", "c")
	c.at(2).Match = 9
	c.at(3).Active = false
	settle(t, c, c.steward(OfWindows()))
	expectRoles(t, c, "one lags, one is away", "a:v b:l c:l ")
}

func TestAVoterThatIsAwayIsReplacedAndComesBack(t *testing.T) {
	c := windows("a", "b", "c", "d", "e", "f")
	s := c.steward(OfWindows())
	settle(t, c, s)
	c.at(2).Active = false
	c.now = c.now.Add(OfWindows().Demote - time.Second)
	settle(t, c, s)
	expectRoles(t, c, "away for a moment", "a:v b:v c:v d:v e:v f:l ")
	c.now = c.now.Add(time.Second)
	settle(t, c, s)
	expectRoles(t, c, "away for long", "a:v b:l c:v d:v e:v f:v ")
	c.at(2).Active = true
	settle(t, c, s)
	expectRoles(t, c, "back, and there are enough", "a:v b:l c:v d:v e:v f:v ")
	c.RemoveMember(t.Context(), 6)
	settle(t, c, s)
	expectRoles(t, c, "back, and one is needed", "a:v b:v c:v d:v e:v ")
}

func TestWhoIsAwayForVeryLongIsForgotten(t *testing.T) {
	c := windows("a", "b")
	s := c.steward(OfWindows())
	settle(t, c, s)
	c.at(2).Active = false
	c.now = c.now.Add(OfWindows().Demote)
	settle(t, c, s)
	expectRoles(t, c, "away", "a:v b:l ")
	c.now = c.now.Add(OfWindows().Forget)
	settle(t, c, s)
	expectRoles(t, c, "away for very long", "a:v ")
}

// A new leader has heard of nobody yet, and must not take that for absence.
func TestANewLeaderWaitsBeforeItJudges(t *testing.T) {
	c := windows("a", "b", "c")
	s := c.steward(OfWindows())
	settle(t, c, s)
	c.status.Role = "follower"
	c.now = c.now.Add(time.Hour)
	settle(t, c, s)
	c.status.Role = "leader"
	c.at(2).Active, c.at(3).Active = false, false
	settle(t, c, s)
	expectRoles(t, c, "just elected", "a:v b:v c:v ")
}

// A window that closes gives its vote back, and counts as active for a moment after it has
// gone. With its vote again it would leave the others without a majority.
func TestWhoHasJustGivenItsVoteBackDoesNotGetItAgain(t *testing.T) {
	c := windows("a", "b")
	rules := OfWindows()
	s := newSteward(c, rules, func() time.Time { return c.now })
	settle(t, c, s)
	expectRoles(t, c, "b has just come", "a:v b:l ")
	c.now = c.now.Add(rules.Settle)
	settle(t, c, s)
	expectRoles(t, c, "b has settled", "a:v b:v ")
	c.at(2).Role = "learner"
	settle(t, c, s)
	expectRoles(t, c, "b has given its vote back", "a:v b:l ")
	c.now = c.now.Add(rules.Settle - 1)
	settle(t, c, s)
	expectRoles(t, c, "b still counts as active", "a:v b:l ")
	c.at(2).Active = false
	c.now = c.now.Add(rules.Settle)
	settle(t, c, s)
	c.at(2).Active = true
	settle(t, c, s)
	expectRoles(t, c, "b has come back", "a:v b:l ")
	c.now = c.now.Add(rules.Settle)
	settle(t, c, s)
	expectRoles(t, c, "b has settled again", "a:v b:v ")
}

func TestNothingIsChangedWhileAChangeIsUnderWay(t *testing.T) {
	c := windows("a", "b")
	c.status.Changing = true
	settle(t, c, c.steward(OfWindows()))
	expectRoles(t, c, "while it changes", "a:v b:l ")
}

// Servers vote by a rule of their own, and are nobody's business when they are away.
func TestOnlyThoseWhoAreCaredForAreDemotedAndForgotten(t *testing.T) {
	c := windows("server-a", "server-b", "window-c")
	c.at(2).Role = "voter"
	rules := OfWindows()
	rules.Voters = 0
	rules.Cares = func(m balsa.MemberStatus) bool { return strings.HasPrefix(m.Name, "window") }
	s := c.steward(rules)
	settle(t, c, s)
	expectRoles(t, c, "who votes is left to others", "server-a:v server-b:v window-c:l ")
	c.at(2).Active, c.at(3).Active = false, false
	c.now = c.now.Add(rules.Forget)
	settle(t, c, s)
	expectRoles(t, c, "a server and a window are away for very long", "server-a:v server-b:v ")
}

func TestKeepEndsWithTheNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &running{table: windows("a", "b"), done: make(chan struct{})}
		var said []string
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			Keep(t.Context(), c, OfWindows(), func(did string, err error) { said = append(said, fmt.Sprint(did, err)) })
		}()
		time.Sleep(10 * pause)
		close(c.done)
		<-ended
		if len(said) != 1 || c.at(2).Role != "voter" {
			t.Errorf("b is a %s, and what was said is %q", c.at(2).Role, said)
		}
	})
}

// running is a cluster on paper that ends.
type running struct {
	*table
	done chan struct{}
}

func (c *running) Done() <-chan struct{} { return c.done }
