package client

import (
	"context"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/rpc/balsav1"
)

// Query asks the state machine, which must be a balsa.Querier, a question in bytes. It
// promises what Node.Query does: without options the answer holds all that was
// acknowledged before. What balsa.Stale and balsa.AtLeast allow any member to answer goes
// to all of them in turn.
//
// Errors: what the state machine itself has said, else balsa.ErrNotCommitted with the
// reason under it.
func (c *Client[C, R]) Query(ctx context.Context, question []byte, options ...balsa.ReadOption) (answer []byte, err error) {
	const querying = "query"
	ctx, end, err := c.begin(ctx)
	if err != nil {
		return nil, failure(querying, balsa.ErrNotCommitted, err)
	}
	defer end()
	call := try{did: querying, reads: true}
	base := balsav1.QueryRequest{Question: question}
	for _, o := range options {
		call.route = setLevel(&base, o.Request())
	}
	call.ask = func(ctx context.Context, stub balsav1.ClusterClient, waitMS uint32) (*balsav1.Standing, error) {
		q := &balsav1.QueryRequest{Question: base.Question, Level: base.Level, WaitMs: waitMS}
		r, err := stub.Query(ctx, q)
		answer = r.GetAnswer()
		return r.GetStanding(), err
	}
	return answer, c.targets.try(ctx, call)
}

// setLevel asks for as new a state as an option says, and says who may know it.
func setLevel(q *balsav1.QueryRequest, want host.ReadRequest) route {
	switch want.Level {
	case host.LeaseRead:
		q.Level = &balsav1.QueryRequest_Lease{Lease: true}
	case host.Stale:
		q.Level = &balsav1.QueryRequest_StaleMs{StaleMs: uint64(max(want.Age, 0) / time.Millisecond)}
		return toAny
	case host.AtLeast:
		q.Level = &balsav1.QueryRequest_AtLeast{AtLeast: uint64(want.Index)}
		return toAny
	default:
		q.Level = nil
	}
	return toLeader
}
