package client

import (
	"context"
	"fmt"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/rpc/balsav1"
)

const changing = "change the cluster"

// Status is how a member stands, as it knows itself: the leader, if he is known.
func (c *Client[C, R]) Status(ctx context.Context) (s balsa.Status, err error) {
	err = c.call(ctx, try{did: "status", reads: true, ask: func(ctx context.Context, stub balsav1.ClusterClient, _ uint32) (*balsav1.Standing, error) {
		r, err := stub.Status(ctx, &balsav1.StatusRequest{})
		if err != nil {
			return nil, err
		}
		s, err = statusOf(r)
		return &balsav1.Standing{Member: r.GetId(), Leader: r.GetLeaderId()}, err
	}})
	return s, err
}

// Members lists the members and how far each is, as the leader knows.
func (c *Client[C, R]) Members(ctx context.Context) (list []balsa.MemberStatus, err error) {
	err = c.call(ctx, try{did: "list the members", reads: true, ask: func(ctx context.Context, stub balsav1.ClusterClient, waitMS uint32) (*balsav1.Standing, error) {
		r, err := stub.Members(ctx, &balsav1.MembersRequest{WaitMs: waitMS})
		if err != nil {
			return nil, err
		}
		list, err = membersOf(r.GetMembers())
		return r.GetStanding(), err
	}})
	return list, err
}

// SetMembers makes the members exactly these: see Node.SetMembers.
func (c *Client[C, R]) SetMembers(ctx context.Context, members []balsa.Member, options ...balsa.ChangeOption) error {
	var list []*balsav1.Member
	for _, m := range members {
		list = append(list, onWire(m))
	}
	return c.change(ctx, false, func(ctx context.Context, stub balsav1.ClusterClient, waitMS uint32) (*balsav1.ChangeResponse, error) {
		return stub.SetMembers(ctx, &balsav1.SetMembersRequest{Members: list, WaitMs: waitMS, Force: balsa.Forced(options)})
	})
}

// AddMember adds a member whose identity is known, or gives one another role or address.
func (c *Client[C, R]) AddMember(ctx context.Context, m balsa.Member, options ...balsa.ChangeOption) error {
	return c.change(ctx, false, func(ctx context.Context, stub balsav1.ClusterClient, waitMS uint32) (*balsav1.ChangeResponse, error) {
		return stub.AddMember(ctx, &balsav1.AddMemberRequest{Member: onWire(m), WaitMs: waitMS, Force: balsa.Forced(options)})
	})
}

// SetRole makes a voter of a learner once that has caught up, or a learner of a voter.
func (c *Client[C, R]) SetRole(ctx context.Context, id balsa.MemberID, role balsa.Role, options ...balsa.ChangeOption) error {
	return c.change(ctx, false, func(ctx context.Context, stub balsav1.ClusterClient, waitMS uint32) (*balsav1.ChangeResponse, error) {
		return stub.SetRole(ctx, &balsav1.SetRoleRequest{Id: id.String(), Role: role.String(), WaitMs: waitMS, Force: balsa.Forced(options)})
	})
}

// RemoveMember removes a member. One that is not there counts as removed.
func (c *Client[C, R]) RemoveMember(ctx context.Context, id balsa.MemberID, options ...balsa.ChangeOption) error {
	return c.change(ctx, false, func(ctx context.Context, stub balsav1.ClusterClient, waitMS uint32) (*balsav1.ChangeResponse, error) {
		return stub.RemoveMember(ctx, &balsav1.RemoveMemberRequest{Id: id.String(), WaitMs: waitMS, Force: balsa.Forced(options)})
	})
}

// TransferLeadership makes a voter lead, or with 0 the one that can take over soonest.
func (c *Client[C, R]) TransferLeadership(ctx context.Context, to balsa.MemberID) error {
	q := &balsav1.TransferLeadershipRequest{}
	if to != 0 {
		q.To = to.String()
	}
	// Away from whoever leads, a second time, would be away from the one who took over.
	return c.change(ctx, to == 0, func(ctx context.Context, stub balsav1.ClusterClient, waitMS uint32) (*balsav1.ChangeResponse, error) {
		return stub.TransferLeadership(ctx, &balsav1.TransferLeadershipRequest{To: q.To, WaitMs: waitMS})
	})
}

func (c *Client[C, R]) change(ctx context.Context, once bool, ask func(context.Context, balsav1.ClusterClient, uint32) (*balsav1.ChangeResponse, error)) error {
	return c.call(ctx, try{did: changing, once: once, ask: func(ctx context.Context, stub balsav1.ClusterClient, waitMS uint32) (*balsav1.Standing, error) {
		r, err := ask(ctx, stub, waitMS)
		return r.GetStanding(), err
	}})
}

func (c *Client[C, R]) call(ctx context.Context, call try) error {
	ctx, end, err := c.begin(ctx)
	if err != nil {
		return failure(call.did, balsa.ErrNotCommitted, err)
	}
	defer end()
	return c.targets.try(ctx, call)
}

func onWire(m balsa.Member) *balsav1.Member {
	return &balsav1.Member{Id: m.ID.String(), Name: m.Name, Addr: m.Addr, Role: m.Role.String()}
}

func statusOf(r *balsav1.StatusResponse) (s balsa.Status, err error) {
	s = balsa.Status{
		Name: r.GetName(), Addr: r.GetAddr(), Role: r.GetRole(), Leader: r.GetLeader(), Term: balsa.Term(r.GetTerm()),
		Last: balsa.Index(r.GetLast()), Durable: balsa.Index(r.GetDurable()), Commit: balsa.Index(r.GetCommit()),
		Applied: balsa.Index(r.GetApplied()), Snapshot: balsa.Index(r.GetSnapshot()), LogBytes: r.GetLogBytes(), Waiting: r.GetWaiting(), Changing: r.GetChanging(), Diverged: r.GetDiverged(),
	}
	if err := s.ID.UnmarshalText([]byte(r.GetId())); err != nil {
		return s, err
	}
	if err := s.Cluster.UnmarshalText([]byte(r.GetCluster())); err != nil {
		return s, err
	}
	if r.GetLeaderId() != "" {
		if err := s.LeaderID.UnmarshalText([]byte(r.GetLeaderId())); err != nil {
			return s, err
		}
	}
	s.Members, err = membersOf(r.GetMembers())
	return s, err
}

func membersOf(list []*balsav1.MemberStatus) ([]balsa.MemberStatus, error) {
	all := []balsa.MemberStatus{}
	for _, m := range list {
		status := balsa.MemberStatus{Name: m.GetName(), Addr: m.GetAddr(), Role: m.GetRole(), Match: balsa.Index(m.GetMatch()), Active: m.GetActive()}
		if t := m.GetSnapshot(); t != nil {
			status.Snapshot = &balsa.SnapshotTransfer{Incoming: t.GetIncoming(), Index: balsa.Index(t.GetIndex()), Bytes: t.GetBytes(), Size: t.GetSize()}
		}
		if err := status.ID.UnmarshalText([]byte(m.GetId())); err != nil {
			return nil, fmt.Errorf("the list of members is not understood: %w", err)
		}
		all = append(all, status)
	}
	return all, nil
}
