package rpc

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/rpc/balsav1"
	"github.com/balsaraft/balsa/unread"
)

// OpenSession implements balsav1.ClusterHandler.
func (s *service[S, C, R]) OpenSession(ctx context.Context, q *balsav1.OpenSessionRequest) (*balsav1.OpenSessionResponse, error) {
	ctx, cancel := within(ctx, q.GetWaitMs())
	defer cancel()
	id, err := s.node.OpenSession(ctx, milliseconds(q.GetTtlMs()))
	if err != nil {
		return nil, s.fail(err)
	}
	return &balsav1.OpenSessionResponse{Session: uint64(id), Standing: s.standing.now()}, nil
}

// milliseconds is a duration, the longest there is instead of one that overflows.
func milliseconds(ms uint64) time.Duration {
	return time.Duration(min(ms, math.MaxInt64/uint64(time.Millisecond))) * time.Millisecond
}

// CloseSession implements balsav1.ClusterHandler.
func (s *service[S, C, R]) CloseSession(ctx context.Context, q *balsav1.CloseSessionRequest) (*balsav1.CloseSessionResponse, error) {
	ctx, cancel := within(ctx, q.GetWaitMs())
	defer cancel()
	if err := s.node.CloseSession(ctx, balsa.SessionID(q.GetSession())); err != nil {
		return nil, s.fail(err)
	}
	return &balsav1.CloseSessionResponse{Standing: s.standing.now()}, nil
}

// Propose implements balsav1.ClusterHandler.
func (s *service[S, C, R]) Propose(ctx context.Context, q *balsav1.ProposeRequest) (*balsav1.ProposeResponse, error) {
	command, err := s.commands.Decode(q.GetCommand())
	if err != nil {
		return nil, s.badRequest("the command is not understood: %w", err)
	}
	answers := unread.In(ctx, s.answers)
	if answers.Full() {
		return nil, s.fail(errUnread)
	}
	ctx, cancel := within(ctx, q.GetWaitMs())
	defer cancel()
	result, err := s.propose(ctx, q, command)
	if err != nil {
		return nil, s.fail(err)
	}
	data, err := s.results.Append(nil, result)
	if err != nil {
		return nil, s.fail(fmt.Errorf("%w: %w: the result cannot be encoded: %w", balsa.ErrUnknown, balsa.ErrResultLost, err))
	}
	_ = hold(ctx, answers.Count(len(data))) // it has happened, so that it is answered
	return &balsav1.ProposeResponse{Result: data, Standing: s.standing.now()}, nil
}

func (s *service[S, C, R]) propose(ctx context.Context, q *balsav1.ProposeRequest, command C) (R, error) {
	if q.GetSession() == 0 {
		return s.node.Propose(ctx, command)
	}
	call := balsa.Call{Session: balsa.SessionID(q.GetSession()), Seq: q.GetSeq(), Low: q.GetLow()}
	return s.node.ProposeAs(ctx, call, command)
}
