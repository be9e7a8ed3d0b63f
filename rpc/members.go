package rpc

import (
	"context"
	"fmt"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/rpc/balsav1"
)

// Status implements balsav1.ClusterHandler.
func (s *service[S, C, R]) Status(context.Context, *balsav1.StatusRequest) (*balsav1.StatusResponse, error) {
	status := s.node.Status()
	r := &balsav1.StatusResponse{
		Name: status.Name, Id: status.ID.String(), Cluster: status.Cluster.String(), Addr: status.Addr, Role: status.Role,
		Leader: status.Leader, Term: uint64(status.Term), Last: uint64(status.Last), Durable: uint64(status.Durable),
		Commit: uint64(status.Commit), Applied: uint64(status.Applied), Snapshot: uint64(status.Snapshot),
		LogBytes: status.LogBytes, Waiting: status.Waiting, Changing: status.Changing, Diverged: status.Diverged, Members: members(status.Members),
	}
	if status.LeaderID != 0 {
		r.LeaderId = status.LeaderID.String()
	}
	return r, nil
}

func members(list []balsa.MemberStatus) (all []*balsav1.MemberStatus) {
	for _, m := range list {
		all = append(all, &balsav1.MemberStatus{
			Name: m.Name, Id: m.ID.String(), Addr: m.Addr, Role: m.Role, Match: uint64(m.Match), Active: m.Active, Snapshot: transfer(m.Snapshot),
		})
	}
	return all
}

func transfer(t *balsa.SnapshotTransfer) *balsav1.SnapshotTransfer {
	if t == nil {
		return nil
	}
	return &balsav1.SnapshotTransfer{Incoming: t.Incoming, Index: uint64(t.Index), Bytes: t.Bytes, Size: t.Size}
}

// Members implements balsav1.ClusterHandler.
func (s *service[S, C, R]) Members(ctx context.Context, q *balsav1.MembersRequest) (*balsav1.MembersResponse, error) {
	ctx, cancel := within(ctx, q.GetWaitMs())
	defer cancel()
	list, err := s.node.Members(ctx)
	if err != nil {
		return nil, s.fail(err)
	}
	return &balsav1.MembersResponse{Members: members(list), Standing: s.standing.now()}, nil
}

// SetMembers implements balsav1.ClusterHandler.
func (s *service[S, C, R]) SetMembers(ctx context.Context, q *balsav1.SetMembersRequest) (*balsav1.ChangeResponse, error) {
	var list []balsa.Member
	for _, m := range q.GetMembers() {
		member, err := memberOf(m)
		if err != nil {
			return nil, s.badRequest("%w", err)
		}
		list = append(list, member)
	}
	return s.change(ctx, q.GetWaitMs(), func(ctx context.Context) error { return s.node.SetMembers(ctx, list, forced(q)...) })
}

// AddMember implements balsav1.ClusterHandler.
func (s *service[S, C, R]) AddMember(ctx context.Context, q *balsav1.AddMemberRequest) (*balsav1.ChangeResponse, error) {
	member, err := memberOf(q.GetMember())
	if err != nil {
		return nil, s.badRequest("%w", err)
	}
	return s.change(ctx, q.GetWaitMs(), func(ctx context.Context) error { return s.node.AddMember(ctx, member, forced(q)...) })
}

// RemoveMember implements balsav1.ClusterHandler.
func (s *service[S, C, R]) RemoveMember(ctx context.Context, q *balsav1.RemoveMemberRequest) (*balsav1.ChangeResponse, error) {
	var id balsa.MemberID
	if err := id.UnmarshalText([]byte(q.GetId())); err != nil {
		return nil, s.badRequest("%w", err)
	}
	return s.change(ctx, q.GetWaitMs(), func(ctx context.Context) error { return s.node.RemoveMember(ctx, id, forced(q)...) })
}

// SetRole implements balsav1.ClusterHandler.
func (s *service[S, C, R]) SetRole(ctx context.Context, q *balsav1.SetRoleRequest) (*balsav1.ChangeResponse, error) {
	member, err := memberOf(&balsav1.Member{Id: q.GetId(), Role: q.GetRole()})
	if err != nil {
		return nil, s.badRequest("%w", err)
	}
	return s.change(ctx, q.GetWaitMs(), func(ctx context.Context) error {
		return s.node.SetRole(ctx, member.ID, member.Role, forced(q)...)
	})
}

// forced are the options that a request asks for.
func forced(q interface{ GetForce() bool }) []balsa.ChangeOption {
	if q.GetForce() {
		return []balsa.ChangeOption{balsa.Force()}
	}
	return nil
}

// TransferLeadership implements balsav1.ClusterHandler.
func (s *service[S, C, R]) TransferLeadership(ctx context.Context, q *balsav1.TransferLeadershipRequest) (*balsav1.ChangeResponse, error) {
	var to balsa.MemberID
	if q.GetTo() != "" {
		if err := to.UnmarshalText([]byte(q.GetTo())); err != nil {
			return nil, s.badRequest("%w", err)
		}
	}
	return s.change(ctx, q.GetWaitMs(), func(ctx context.Context) error { return s.node.TransferLeadership(ctx, to) })
}

func (s *service[S, C, R]) change(ctx context.Context, waitMS uint32, do func(context.Context) error) (*balsav1.ChangeResponse, error) {
	ctx, cancel := within(ctx, waitMS)
	defer cancel()
	if err := do(ctx); err != nil {
		return nil, s.fail(err)
	}
	return &balsav1.ChangeResponse{Standing: s.standing.now()}, nil
}

func memberOf(m *balsav1.Member) (balsa.Member, error) {
	member := balsa.Member{Name: m.GetName(), Addr: m.GetAddr()}
	if err := member.ID.UnmarshalText([]byte(m.GetId())); err != nil {
		return member, err
	}
	switch m.GetRole() {
	case balsa.Voter.String():
		member.Role = balsa.Voter
	case balsa.Learner.String():
		member.Role = balsa.Learner
	default:
		return member, fmt.Errorf("the role %q of member %s: it must be %s or %s", m.GetRole(), m.GetId(), balsa.Voter, balsa.Learner)
	}
	return member, nil
}
