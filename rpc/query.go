package rpc

import (
	"context"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/rpc/balsav1"
	"github.com/balsaraft/balsa/unread"
)

// Query implements balsav1.ClusterHandler.
func (s *service[S, C, R]) Query(ctx context.Context, q *balsav1.QueryRequest) (*balsav1.QueryResponse, error) {
	ctx, cancel := within(ctx, q.GetWaitMs())
	defer cancel()
	answer, err := s.node.Query(ctx, q.GetQuestion(), level(q)...)
	if err != nil {
		return nil, s.fail(err)
	}
	if err := hold(ctx, unread.In(ctx, s.answers).Room(len(answer))); err != nil {
		return nil, s.fail(err)
	}
	return &balsav1.QueryResponse{Answer: answer, Standing: s.standing.now()}, nil
}

func level(q *balsav1.QueryRequest) []balsa.ReadOption {
	switch l := q.GetLevel().(type) {
	case *balsav1.QueryRequest_StaleMs:
		return []balsa.ReadOption{balsa.Stale(milliseconds(l.StaleMs))}
	case *balsav1.QueryRequest_AtLeast:
		return []balsa.ReadOption{balsa.AtLeast(balsa.Index(l.AtLeast))}
	case *balsav1.QueryRequest_Lease:
		if l.Lease {
			return []balsa.ReadOption{balsa.Lease()}
		}
	}
	return nil
}
