package gate

import (
	"context"
	"fmt"

	"github.com/balsaraft/balsa/kv"
	"github.com/balsaraft/balsa/kv/access"
	"github.com/balsaraft/balsa/rpc/balsav1"
)

// everything is for what has no rule, and for who need not be asked.
const everything = access.Read | access.Write | access.Admin

// rule says whether a caller may have a request carried out; the request of a stream is
// nil.
type rule func(ctx context.Context, s kv.Store, c *access.Caller, request any) error

// rules are those of all procedures that callers with fewer rights than all may use.
var rules = map[string]rule{
	balsav1.ClusterStatusProcedure:             anybodyKnown,
	balsav1.ClusterMembersProcedure:            anybodyKnown,
	balsav1.ClusterOpenSessionProcedure:        whoChangesSomething,
	balsav1.ClusterCloseSessionProcedure:       whoChangesSomething,
	balsav1.ClusterProposeProcedure:            byCommand,
	balsav1.ClusterQueryProcedure:              byQuestion,
	balsav1.ClusterWatchProcedure:              readsSome,
	balsav1.ClusterSetMembersProcedure:         administers,
	balsav1.ClusterAddMemberProcedure:          administers,
	balsav1.ClusterSetRoleProcedure:            administers,
	balsav1.ClusterRemoveMemberProcedure:       administers,
	balsav1.ClusterTransferLeadershipProcedure: administers,
}

// errUnknownCaller is what reaches the gate without a caller, which is a mistake of who
// has put the service where it is.
var errUnknownCaller = &access.ForbiddenError{Right: access.Read, To: "the cluster"}

func anybodyKnown(_ context.Context, _ kv.Store, c *access.Caller, _ any) error {
	if c == nil {
		return errUnknownCaller
	}
	return nil
}

// whoChangesSomething is who has a use for a session. Whose a session is nobody asks: its
// number is drawn at random from so many that only who opened it knows it.
func whoChangesSomething(_ context.Context, _ kv.Store, c *access.Caller, _ any) error {
	if c.NeedAll(access.Admin) == nil {
		return nil
	}
	return c.NeedSome(access.Write)
}

func byCommand(ctx context.Context, s kv.Store, c *access.Caller, request any) error {
	q, ok := request.(*balsav1.ProposeRequest)
	if !ok {
		return c.NeedAll(everything)
	}
	return check(ctx, s, c, q.GetCommand())
}

// byQuestion asks of a question what it would of the command that it is.
func byQuestion(ctx context.Context, s kv.Store, c *access.Caller, request any) error {
	q, ok := request.(*balsav1.QueryRequest)
	if !ok {
		return c.NeedAll(everything)
	}
	return check(ctx, s, c, q.GetQuestion())
}

func check(ctx context.Context, s kv.Store, c *access.Caller, encoded []byte) error {
	if c == nil {
		return errUnknownCaller
	}
	var command kv.Command
	if err := command.UnmarshalBinary(encoded); err != nil {
		return fmt.Errorf("the command is not understood: %w", err)
	}
	return access.Check(ctx, s, c, command)
}

// readsSome is who may see something of what is written: visible says what.
func readsSome(_ context.Context, _ kv.Store, c *access.Caller, _ any) error {
	return c.NeedSome(access.Read)
}

func administers(_ context.Context, _ kv.Store, c *access.Caller, _ any) error {
	return c.NeedAll(access.Admin)
}
