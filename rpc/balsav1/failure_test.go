package balsav1

import (
	"errors"
	"fmt"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"github.com/balsaraft/balsa"
)

func TestErrorsKeepTheirIdentity(t *testing.T) {
	reasons := []error{
		balsa.ErrNoLeader, balsa.ErrOverloaded, balsa.ErrTooLarge, balsa.ErrSessionExpired, balsa.ErrCompacted, balsa.ErrClosed,
		balsa.ErrNoSpace, balsa.ErrRemoved, balsa.ErrRefused, balsa.ErrResultLost, balsa.ErrConfig,
	}
	outcomes := map[Outcome]error{
		Outcome_OUTCOME_NOT_COMMITTED: balsa.ErrNotCommitted, Outcome_OUTCOME_UNKNOWN: balsa.ErrUnknown, Outcome_OUTCOME_UNSPECIFIED: errors.New("plain"),
	}
	for _, reason := range reasons {
		for outcome, err := range outcomes {
			standing := &Standing{Member: "a", Leader: "b"}
			f := FailureIn(fmt.Errorf("around: %w", NewError(fmt.Errorf("%w: %w: for a test", err, reason), standing)))
			if f.GetOutcome() != outcome || !proto.Equal(f.GetStanding(), standing) {
				t.Errorf("%v, %v becomes %v", err, reason, f)
			}
			for _, other := range reasons {
				if got := errors.Is(errors.Join(f.Errors()...), other); got != (other == reason) {
					t.Errorf("%v becomes %v, which is %v: %t", reason, f.Errors(), other, got)
				}
			}
		}
	}
	var size *balsa.TooLargeError
	f := FailureIn(NewError(&balsa.TooLargeError{Size: 7, Limit: 5}, nil))
	if !errors.As(errors.Join(f.Errors()...), &size) || *size != (balsa.TooLargeError{Size: 7, Limit: 5}) {
		t.Errorf("sizes are lost: %v", f)
	}
	if FailureIn(errors.New("x")) != nil || FailureIn(connect.NewError(connect.CodeUnavailable, errors.New("x"))) != nil {
		t.Error("an error of somebody else counts as the library's")
	}
}

func TestEveryReasonMeansSomething(t *testing.T) {
	for number := range Reason_name {
		meant := number == 0
		for _, m := range meanings {
			meant = meant || m.reason == Reason(number)
		}
		if !meant {
			t.Errorf("%v stands for no error", Reason(number))
		}
	}
}
