package balsa

import (
	"context"
	"errors"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/wire"
)

// Member is one replica of a cluster.
type Member = wire.Member

// Role is a member's part: Voter or Learner.
type Role = wire.Role

// A Voter counts in quorums and may lead; a Learner only receives.
const (
	Voter   = wire.Voter
	Learner = wire.Learner
)

const changing = "change the cluster"

// A ChangeOption says how a change of members is made.
type ChangeOption func(*host.Command)

// Force makes a change even where it would be refused because no majority of the voters
// could be reached after it, or none of them would have all that is committed yet. The
// cluster then stands still until they can.
func Force() ChangeOption { return func(c *host.Command) { c.Force = true } }

// Forced says whether Force is among the options.
func Forced(options []ChangeOption) bool {
	var c host.Command
	for _, option := range options {
		option(&c)
	}
	return c.Force
}

// SetMembers makes the members exactly these, each with its role, and returns once the
// change is committed. It goes through a joint configuration, so that no moment has
// two majorities. Any member takes it; one change at a time is carried out. Errors:
// ErrRefused with the reason, such as that no voter would be left, or that no majority of
// them could be reached (see Force).
func (n *Node[S, C, R]) SetMembers(ctx context.Context, members []Member, options ...ChangeOption) error {
	return n.change(ctx, host.Command{Op: host.SetMembers, Members: members}, options)
}

// AddMember adds a member whose identity is known, or gives a member another role or
// address. A process that wants to join needs no such call: see Config.Join.
func (n *Node[S, C, R]) AddMember(ctx context.Context, m Member, options ...ChangeOption) error {
	return n.change(ctx, host.Command{Op: host.AddMember, Member: m}, options)
}

// SetRole makes a voter of a learner, as soon as that has caught up, or a learner of a
// voter; beside Config.MaxVoters, by which learners are promoted without being asked.
// ErrRefused is the answer for a member that is not there, or not any more, however many
// change the members at a time.
func (n *Node[S, C, R]) SetRole(ctx context.Context, id MemberID, role Role, options ...ChangeOption) error {
	return n.change(ctx, host.Command{Op: host.SetRole, Member: Member{ID: id, Role: role}}, options)
}

// RemoveMember removes a member. One that is not there counts as removed.
func (n *Node[S, C, R]) RemoveMember(ctx context.Context, id MemberID, options ...ChangeOption) error {
	return n.change(ctx, host.Command{Op: host.RemoveMember, Member: Member{ID: id}}, options)
}

// TransferLeadership makes a voter lead, or with 0 the one that can take over soonest,
// and returns once it leads.
func (n *Node[S, C, R]) TransferLeadership(ctx context.Context, to MemberID) error {
	return n.control(ctx, host.Command{Op: host.Transfer, Member: Member{ID: to}})
}

// Members lists the members and how far each is, as the leader knows. Any member takes
// the question. Errors Is ErrNotCommitted, with ErrNoLeader under it where that is the
// reason.
func (n *Node[S, C, R]) Members(ctx context.Context) ([]MemberStatus, error) {
	// This member may not have heard yet who was added or removed; with all that was
	// committed applied, it has.
	if err := n.Read(ctx, func(S) {}); err != nil {
		return nil, err
	}
	done, err := n.operate(ctx, host.Command{Op: host.Survey})
	if err != nil {
		return nil, err
	}
	members := n.Status().Members
	for i := range members {
		for _, p := range done.Survey {
			if p.ID == members[i].ID {
				members[i].Match, members[i].Active = p.Match, p.Active
				if p.Snapshot != nil {
					members[i].Snapshot = transferOf(*p.Snapshot)
				}
			}
		}
	}
	return members, nil
}

func (n *Node[S, C, R]) change(ctx context.Context, c host.Command, options []ChangeOption) error {
	for _, option := range options {
		option(&c)
	}
	return n.control(ctx, c)
}

func (n *Node[S, C, R]) control(ctx context.Context, c host.Command) error {
	_, err := n.operate(ctx, c)
	return err
}

// operate brings an operation to the leader and waits for its answer.
func (n *Node[S, C, R]) operate(ctx context.Context, c host.Command) (host.ControlDone, error) {
	var none host.ControlDone
	answer := make(chan host.ControlDone, 1)
	var token uint64
	started := n.ask(func() {
		token = n.cfg.Random()
		n.controls[token] = func(done host.ControlDone) { answer <- done }
		n.host.Control(token, c)
	})
	if !started {
		return none, outcome(changing, true, ErrClosed)
	}
	select {
	case done := <-answer:
		return done, controlError(done.Err)
	case <-ctx.Done():
		var why error
		var neverAsked bool
		n.ask(func() {
			why = n.host.WhyNoLeader()
			delete(n.controls, token)
			neverAsked = n.host.CancelControl(token)
		})
		return none, outcome(changing, neverAsked || c.Op == host.Survey, why, context.Cause(ctx))
	}
}

func controlError(err error) error {
	if err == nil || errors.Is(err, ErrUnknown) {
		return err
	}
	return outcome(changing, true, err)
}

// Snapshot takes a snapshot of the state now and returns once it is on disk. Members
// take snapshots by themselves; this is for before an upgrade, say.
func (n *Node[S, C, R]) Snapshot(ctx context.Context) error {
	answer := make(chan error, 1)
	if !n.ask(func() { n.host.TakeSnapshot(func(err error) { answer <- err }) }) {
		return outcome("take a snapshot", true, ErrClosed)
	}
	select {
	case err := <-answer:
		if err != nil {
			return outcome("take a snapshot", true, err)
		}
		return nil
	case <-ctx.Done():
		return outcome("take a snapshot", false, context.Cause(ctx))
	case <-n.done:
		return outcome("take a snapshot", false, ErrClosed)
	}
}
