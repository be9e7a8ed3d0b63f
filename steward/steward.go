// Package steward is a leader's care for who votes and who belongs, in a cluster whose
// members come and go without a word, such as windows of a browser. A voter that was away
// for a while becomes a learner, so that those who are left still have a majority; it
// votes again once it is back and has caught up. Who was away for long is forgotten, and
// comes back as a new member.
//
// Each member runs one (Keep); that of the leader acts.
package steward

import (
	"context"
	"strings"
	"time"

	"github.com/balsaraft/balsa"
)

// Node is what a steward needs of a balsa.Node.
type Node interface {
	Status() balsa.Status
	AddMember(context.Context, balsa.Member, ...balsa.ChangeOption) error
	RemoveMember(context.Context, balsa.MemberID, ...balsa.ChangeOption) error
	Done() <-chan struct{}
}

// Rules say what a steward does.
type Rules struct {
	// Voters is up to how many members it lets vote; 0 leaves that to
	// balsa.Config.MaxVoters. MayVote says who may be among them; nil for all.
	Voters  int
	MayVote func(balsa.MemberStatus) bool
	// Settle is for how long a learner must have been there before it votes. It must be
	// longer than an election timeout: for as long a member counts as active that has just
	// given its vote back and left.
	Settle time.Duration
	// Demote is the absence after which a voter becomes a learner, Forget that after
	// which a learner is removed. Cares says whom of; nil for all.
	Demote, Forget time.Duration
	Cares          func(balsa.MemberStatus) bool
}

// OfWindows are the rules of a cluster whose members are windows. Those in memory do not
// vote, because they forget what they said. All its members need
// balsa.Config.MaxVoters to be -1.
func OfWindows() Rules {
	return Rules{
		Voters: 5, Settle: 1200 * time.Millisecond, Demote: 8 * time.Second, Forget: 30 * time.Minute,
		MayVote: func(m balsa.MemberStatus) bool { return !strings.HasPrefix(m.Name, InMemory) },
	}
}

// InMemory begins the name of a window's member that keeps nothing.
const InMemory = "memory-"

func (r Rules) mayVote(m balsa.MemberStatus) bool { return r.MayVote == nil || r.MayVote(m) }
func (r Rules) cares(m balsa.MemberStatus) bool   { return r.Cares == nil || r.Cares(m) }

// pause is the time between two looks.
const pause = 500 * time.Millisecond

// Keep looks after the members until ctx or the node ends. say, unless it is nil, is told
// of each change that was tried, and what became of it.
func Keep(ctx context.Context, node Node, rules Rules, say func(did string, err error)) {
	s := newSteward(node, rules, time.Now)
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		case <-node.Done():
			return
		}
		looking, cancel := context.WithTimeout(ctx, 10*pause)
		did, err := s.look(looking)
		cancel()
		if did != "" && say != nil {
			say(did, err)
		}
	}
}

// steward is what is remembered between two looks. One goroutine owns it.
type steward struct {
	node    Node
	now     func() time.Time
	rules   Rules
	seen    map[balsa.MemberID]time.Time // when a member was last active
	stands  map[balsa.MemberID]stand
	leading bool
}

// stand is since when a member has been there in its present role.
type stand struct {
	role  string
	since time.Time
}

func newSteward(n Node, rules Rules, now func() time.Time) *steward {
	return &steward{node: n, now: now, rules: rules, seen: map[balsa.MemberID]time.Time{}, stands: map[balsa.MemberID]stand{}}
}

// look makes at most one change. It says what it was.
func (s *steward) look(ctx context.Context) (did string, err error) {
	status := s.node.Status()
	if status.Role != "leader" || status.Changing {
		s.leading = s.leading && status.Role == "leader"
		return "", nil
	}
	now := s.now()
	if !s.leading {
		// A new leader has not heard of anybody yet: all count as here.
		clear(s.seen)
		clear(s.stands)
		s.leading = true
	}
	voters := 0
	for _, m := range status.Members {
		if m.Role == "voter" {
			voters++
		}
		if _, known := s.seen[m.ID]; m.Active || !known {
			s.seen[m.ID] = now
		}
		if !m.Active {
			delete(s.stands, m.ID)
		} else if s.stands[m.ID].role != m.Role {
			s.stands[m.ID] = stand{m.Role, now}
		}
	}
	for _, m := range status.Members {
		away := now.Sub(s.seen[m.ID])
		switch {
		case m.ID == status.ID || !s.rules.cares(m):
		case m.Role == "voter" && away >= s.rules.Demote && voters > 1:
			return "a voter that is away becomes a learner: " + m.Name, s.set(ctx, m, balsa.Learner)
		case m.Role == "learner" && away >= s.rules.Forget:
			return "a learner that was away for long is forgotten: " + m.Name, s.node.RemoveMember(ctx, m.ID)
		}
	}
	for _, m := range status.Members {
		if m.Role == "learner" && voters < s.rules.Voters && m.Active && now.Sub(s.stands[m.ID].since) >= s.rules.Settle && m.Match >= status.Commit && s.rules.mayVote(m) {
			return "a learner has caught up and votes: " + m.Name, s.set(ctx, m, balsa.Voter)
		}
	}
	return "", nil
}

func (s *steward) set(ctx context.Context, m balsa.MemberStatus, role balsa.Role) error {
	return s.node.AddMember(ctx, balsa.Member{ID: m.ID, Name: m.Name, Addr: m.Addr, Role: role})
}
