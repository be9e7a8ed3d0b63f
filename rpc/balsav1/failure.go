package balsav1

import (
	"context"
	"errors"

	"connectrpc.com/connect"

	"github.com/balsaraft/balsa"
)

// meanings are the reasons that the library gives, and the code that programs which know
// no more than gRPC get. Of several reasons the first one here decides on it.
var meanings = []struct {
	reason Reason
	err    error
	code   connect.Code
}{
	{Reason_REASON_CONFIG, balsa.ErrConfig, connect.CodeInvalidArgument},
	{Reason_REASON_TOO_LARGE, balsa.ErrTooLarge, connect.CodeInvalidArgument},
	{Reason_REASON_CLUSTER_VERSION, balsa.ErrClusterVersion, connect.CodeFailedPrecondition},
	{Reason_REASON_REFUSED, balsa.ErrRefused, connect.CodeFailedPrecondition},
	{Reason_REASON_SESSION_EXPIRED, balsa.ErrSessionExpired, connect.CodeFailedPrecondition},
	{Reason_REASON_RESULT_LOST, balsa.ErrResultLost, connect.CodeDataLoss},
	{Reason_REASON_COMPACTED, balsa.ErrCompacted, connect.CodeOutOfRange},
	{Reason_REASON_REMOVED, balsa.ErrRemoved, connect.CodeUnavailable},
	{Reason_REASON_CLOSED, balsa.ErrClosed, connect.CodeUnavailable},
	{Reason_REASON_NO_SPACE, balsa.ErrNoSpace, connect.CodeResourceExhausted},
	{Reason_REASON_OVERLOADED, balsa.ErrOverloaded, connect.CodeResourceExhausted},
	{Reason_REASON_NO_LEADER, balsa.ErrNoLeader, connect.CodeUnavailable},
	{Reason_REASON_DEADLINE, context.DeadlineExceeded, connect.CodeDeadlineExceeded},
}

// NewError makes an error that says over the wire what err is: whether the thing
// happened, and why not. standing may be nil.
func NewError(err error, standing *Standing) *connect.Error {
	f := &Failure{Standing: standing}
	switch {
	case errors.Is(err, balsa.ErrUnknown):
		f.Outcome = Outcome_OUTCOME_UNKNOWN
	case errors.Is(err, balsa.ErrNotCommitted):
		f.Outcome = Outcome_OUTCOME_NOT_COMMITTED
	}
	code := connect.CodeUnknown
	for _, m := range meanings {
		if !errors.Is(err, m.err) {
			continue
		}
		if len(f.Reasons) == 0 {
			code = m.code
		}
		f.Reasons = append(f.Reasons, m.reason)
	}
	if len(f.Reasons) == 0 && errors.Is(err, context.Canceled) {
		code = connect.CodeCanceled
	}
	var size *balsa.TooLargeError
	if errors.As(err, &size) {
		f.Size, f.Limit = uint64(size.Size), uint64(size.Limit)
	}
	e := connect.NewError(code, err)
	if detail, err := connect.NewErrorDetail(f); err == nil {
		e.AddDetail(detail)
	}
	return e
}

// FailureIn is what NewError has put into an error, nil if that comes from somebody else:
// from the network, or from something between caller and member.
func FailureIn(err error) *Failure {
	var e *connect.Error
	if !errors.As(err, &e) {
		return nil
	}
	for _, detail := range e.Details() {
		if v, err := detail.Value(); err == nil {
			if f, ok := v.(*Failure); ok {
				return f
			}
		}
	}
	return nil
}

// Errors are the library's errors that a failure stands for, without its outcome. That the
// member had no time left is none of them: how much it had was the caller's choice.
func (f *Failure) Errors() (all []error) {
	for _, reason := range f.GetReasons() {
		if reason == Reason_REASON_DEADLINE {
			continue
		}
		if reason == Reason_REASON_TOO_LARGE && f.GetSize() > 0 {
			all = append(all, &balsa.TooLargeError{Size: int(f.GetSize()), Limit: int(f.GetLimit())})
			continue
		}
		for _, m := range meanings {
			if m.reason == reason {
				all = append(all, m.err)
			}
		}
	}
	return all
}
