package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/balsaraft/balsa"
)

// The commands below change who is a member, or leads. Each may be given again, waits until
// what it asks for is so, and is refused, with the reason, where it would leave a cluster
// that stands still. Two people may use them at the same time: a change is worked out from
// the members that there are when its turn comes.

// operator is what these commands have in common.
type operator struct {
	Server  []string      `help:"Addresses of members' HTTP ports, any of them. Default: ${default}." default:"http://127.0.0.1:8080" placeholder:"URL,..."`
	Timeout time.Duration `help:"How long to wait until it is done. Default: ${default}." default:"1m" placeholder:"TIME"`
	JSON    bool          `name:"json" help:"Print the members as JSON afterwards."`
	credentials
}

// forceable is what can be insisted on.
type forceable struct {
	Force bool `help:"Do it even if no majority of the voters can be reached afterwards: the cluster stands still until one can."`
}

func (f forceable) options() []balsa.ChangeOption {
	if f.Force {
		return []balsa.ChangeOption{balsa.Force()}
	}
	return nil
}

// errNoMember says that a word names no member.
var errNoMember = errors.New("there is no such member")

// run carries out an operation, and prints how the members are afterwards.
func (o operator) run(ctx context.Context, c console, do func(context.Context, store) error) error {
	ask := servers{Server: o.Server, Timeout: o.Timeout, credentials: o.credentials}
	return ask.with(ctx, func(ctx context.Context, s store) error {
		if err := do(ctx, s); err != nil {
			return err
		}
		if err := o.list(ctx, c, s); err != nil {
			return fmt.Errorf("it is done; list the members: %w", err)
		}
		return nil
	})
}

// list prints the members.
func (o operator) list(ctx context.Context, c console, s store) error {
	members, err := s.Members(ctx)
	switch {
	case err != nil:
		return err
	case o.JSON:
		return printJSON(c.stdout, members)
	}
	return printMembers(c.stdout, members)
}

// telling does something, and says meanwhile how far a member is with what the others have.
func (o operator) telling(ctx context.Context, c console, s store, id balsa.MemberID, do func() error) error {
	ctx, done := context.WithCancel(ctx)
	var told sync.WaitGroup
	told.Go(func() {
		catchUp(ctx, c.quiet(o.JSON), func() (intake, bool) { return s.intakeOf(ctx, id) })
	})
	defer told.Wait()
	defer done()
	return do()
}

// intakeOf is how far a member is, as the leader knows.
func (s store) intakeOf(ctx context.Context, id balsa.MemberID) (now intake, ok bool) {
	members, err := s.Members(ctx)
	if err != nil {
		return now, false
	}
	for _, m := range members {
		if now.total = max(now.total, int64(m.Match)); m.ID == id {
			now.what, now.unit, now.done, ok = m.Name+" catches up", counted("entries"), int64(m.Match), true
			if t := m.Snapshot; t != nil && !t.Incoming {
				// Its log stands still meanwhile.
				return intake{m.Name + " receives the state", inBytes, t.Bytes, t.Size}, true
			}
		}
	}
	return now, ok
}

func printMembers(w io.Writer, members []balsa.MemberStatus) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "MEMBER\tIDENTITY\tROLE\tADDRESS\tREACHED\tMATCH")
	slices.SortFunc(members, func(a, b balsa.MemberStatus) int { return strings.Compare(a.Name, b.Name) })
	for _, m := range members {
		reached := "yes"
		if !m.Active {
			reached = "no"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\n", m.Name, m.ID, m.Role, m.Addr, reached, m.Match)
	}
	return t.Flush()
}

// find is the member that a word names, by name or identity.
func (s store) find(ctx context.Context, word string) (balsa.MemberStatus, error) {
	members, err := s.Members(ctx)
	if err != nil {
		return balsa.MemberStatus{}, err
	}
	var names []string
	for _, m := range members {
		if word == m.Name || word == m.ID.String() {
			return m, nil
		}
		names = append(names, m.Name)
	}
	slices.Sort(names)
	return balsa.MemberStatus{}, fmt.Errorf("%w as %s; there are %s", errNoMember, word, strings.Join(names, ", "))
}

// awaitMember waits until a member is as it should be.
func (s store) awaitMember(ctx context.Context, word string, is func(balsa.MemberStatus) bool) error {
	const pause = 100 * time.Millisecond
	for {
		m, err := s.find(ctx, word)
		switch {
		case err == nil && is(m):
			return nil
		case err != nil && !errors.Is(err, errNoMember):
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return fmt.Errorf("%s is a member, and was %s when the time was over: %w", word, orUnknown(m.Role), context.Cause(ctx))
		}
	}
}

func orUnknown(role string) string {
	if role == "" {
		return "not one of them yet"
	}
	return "a " + role
}

type membersCommand struct {
	operator `embed:""`
}

// Run lists the members, as the leader sees them.
func (m membersCommand) Run(ctx context.Context, c console) error {
	ask := servers{Server: m.Server, Timeout: m.Timeout, credentials: m.credentials}
	return ask.with(ctx, func(ctx context.Context, s store) error { return m.list(ctx, c, s) })
}

type addCommand struct {
	operator  `embed:""`
	forceable `embed:""`
	Newcomer  string `arg:"" help:"Address of the newcomer's HTTP port, where it runs and waits, or was removed." placeholder:"URL"`
	Learner   bool   `help:"It is not to vote; without this, it votes as soon as it has caught up."`
}

// Run asks the newcomer who it is, and makes it a member.
func (a addCommand) Run(ctx context.Context, c console) error {
	token, err := a.token()
	if err != nil {
		return err
	}
	members, err := a.client()
	if err != nil {
		return err
	}
	defer members.CloseIdleConnections()
	_, who, err := askStatus(ctx, members, a.Newcomer, token)
	if err != nil {
		return fmt.Errorf("ask the newcomer who it is: %w", err)
	}
	return a.run(ctx, c, func(ctx context.Context, s store) error {
		return a.telling(ctx, c, s, who.ID, func() error { return a.add(ctx, s, who) })
	})
}

func (a addCommand) add(ctx context.Context, s store, who balsa.Status) error {
	cluster, err := s.Status(ctx)
	switch {
	case err != nil:
		return err
	case who.Cluster != 0 && who.Cluster != cluster.Cluster:
		return fmt.Errorf("%s at %s is a member of cluster %s, and this is %s; start it with an empty directory and --join", who.Name, a.Newcomer, who.Cluster, cluster.Cluster)
	}
	word := who.ID.String()
	if _, err := s.find(ctx, word); errors.Is(err, errNoMember) {
		newcomer := balsa.Member{ID: who.ID, Name: who.Name, Addr: who.Addr, Role: balsa.Learner}
		if err := s.AddMember(ctx, newcomer, a.options()...); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	if a.Learner {
		return s.awaitMember(ctx, word, func(m balsa.MemberStatus) bool { return m.Active })
	}
	if err := s.awaitMember(ctx, word, func(m balsa.MemberStatus) bool { return m.Active }); err != nil {
		return err
	}
	return s.SetRole(ctx, who.ID, balsa.Voter, a.options()...)
}

type removeCommand struct {
	operator  `embed:""`
	forceable `embed:""`
	Member    string `arg:"" help:"Name or identity of the member." placeholder:"MEMBER"`
}

// Run removes a member. By its identity, one that is not there counts as removed; a name
// that nobody has may be misspelt.
func (r removeCommand) Run(ctx context.Context, c console) error {
	return r.run(ctx, c, func(ctx context.Context, s store) error {
		var id balsa.MemberID
		m, err := s.find(ctx, r.Member)
		switch {
		case err == nil:
			id = m.ID
		case errors.Is(err, errNoMember) && id.UnmarshalText([]byte(r.Member)) == nil:
			return nil
		default:
			return err
		}
		return s.RemoveMember(ctx, id, r.options()...)
	})
}

type promoteCommand struct {
	operator  `embed:""`
	forceable `embed:""`
	Member    string `arg:"" help:"Name or identity of the learner." placeholder:"MEMBER"`
}

// Run makes a voter of a learner, once it has caught up.
func (p promoteCommand) Run(ctx context.Context, c console) error {
	return p.run(ctx, c, func(ctx context.Context, s store) error {
		m, err := s.find(ctx, p.Member)
		if err != nil {
			return err
		}
		return p.telling(ctx, c, s, m.ID, func() error { return s.SetRole(ctx, m.ID, balsa.Voter, p.options()...) })
	})
}

type transferCommand struct {
	operator `embed:""`
	Member   string `arg:"" optional:"" help:"Name or identity of the voter that is to lead. Default: whoever can soonest." placeholder:"MEMBER"`
}

// Run makes a voter lead.
func (t transferCommand) Run(ctx context.Context, c console) error {
	return t.run(ctx, c, func(ctx context.Context, s store) error {
		if t.Member == "" {
			return s.TransferLeadership(ctx, 0)
		}
		m, err := s.find(ctx, t.Member)
		if err != nil {
			return err
		}
		return s.TransferLeadership(ctx, m.ID)
	})
}
