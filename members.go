package balsa

import (
	"context"
	"errors"
	"fmt"
	"io"

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

// SetMembers makes the members exactly these, each with its role, and returns once the
// change is committed. It goes through a joint configuration, so that no moment has
// two majorities. Any member takes it; one change at a time is carried out. Errors:
// ErrRefused with the reason, such as that no voter would be left.
func (n *Node[S, C, R]) SetMembers(ctx context.Context, members []Member) error {
	return n.control(ctx, host.Command{Op: host.SetMembers, Members: members})
}

// AddMember adds a member whose identity is known, or gives a member another role or
// address. A process that wants to join needs no such call: see Config.Join.
func (n *Node[S, C, R]) AddMember(ctx context.Context, m Member) error {
	return n.control(ctx, host.Command{Op: host.AddMember, Member: m})
}

// RemoveMember removes a member. One that is not there counts as removed.
func (n *Node[S, C, R]) RemoveMember(ctx context.Context, id MemberID) error {
	return n.control(ctx, host.Command{Op: host.RemoveMember, Member: Member{ID: id}})
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
	done, err := n.operate(ctx, host.Command{Op: host.Survey})
	if err != nil {
		return nil, err
	}
	members := n.Status().Members
	for i := range members {
		for _, p := range done.Survey {
			if p.ID == members[i].ID {
				members[i].Match, members[i].Active = p.Match, p.Active
			}
		}
	}
	return members, nil
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
		n.ask(func() {
			why = n.host.WhyNoLeader()
			delete(n.controls, token)
			n.host.CancelControl(token)
		})
		return none, outcome(changing, c.Op == host.Survey, why, context.Cause(ctx))
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

// Backup takes a snapshot and writes it to w, in the format of a snapshot file, which
// carries its own checksums (docs/FORMATS.md). It holds all that was applied on this
// member when Backup was called, and returns the index of the last entry in it.
func (n *Node[S, C, R]) Backup(ctx context.Context, w io.Writer) (Index, error) {
	if err := n.Snapshot(ctx); err != nil {
		return 0, err
	}
	store := n.host.Snapshots()
	meta, ok := store.Latest()
	if !ok {
		return 0, outcome("back up", true, errors.New("there is nothing to back up yet"))
	}
	source, err := store.Source(meta.Pos)
	if err != nil {
		return 0, outcome("back up", true, err)
	}
	defer source.Close()
	if _, err := io.Copy(w, io.NewSectionReader(source, 0, source.Size())); err != nil {
		return 0, fmt.Errorf("balsa: back up: %w", err)
	}
	return meta.Pos.Index, nil
}
