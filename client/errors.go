package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"connectrpc.com/connect"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/rpc/balsav1"
)

// ErrUnauthenticated says that the members tell callers apart, and do not know this one.
var ErrUnauthenticated = errors.New("the members do not know the caller; give Config.Token one that they know")

// ErrForbidden says that the caller has no right to what it asked for, which has not
// happened.
var ErrForbidden = errors.New("forbidden")

// forbiddenError is an ErrForbidden in the words of the member.
type forbiddenError struct{ text string }

func (e *forbiddenError) Error() string        { return e.text }
func (e *forbiddenError) Is(target error) bool { return target == ErrForbidden }

// finding is what the failure of an attempt means.
type finding struct {
	sure    bool // this attempt has not happened and never will
	final   bool // no other attempt will do better
	lost    bool // it has happened, but its result is not known there
	healthy bool // it says nothing against the member
	network bool // nobody was there
	// untrusted says that TLS came to nothing, which this target will not do better.
	untrusted bool
	own       bool // the state machine's own answer, of whose effect nothing is said
	standing  *balsav1.Standing
	reason    error
}

// examine looks at the error of an attempt.
func examine(err error) finding {
	var dial *dialError
	f := balsav1.FailureIn(err)
	switch {
	case f != nil:
		return examineFailure(err, f)
	case errors.As(err, &dial):
		return finding{sure: true, network: true, reason: dial.err}
	}
	// Whoever refuses like this did not let it through to the member.
	refused := finding{sure: true, final: true, healthy: true, reason: err}
	switch connect.CodeOf(err) {
	case connect.CodeUnauthenticated:
		refused.reason = fmt.Errorf("%w: %w", ErrUnauthenticated, err)
		return refused
	case connect.CodePermissionDenied:
		refused.reason = &forbiddenError{messageOf(err)}
		return refused
	case connect.CodeUnimplemented, connect.CodeInvalidArgument:
		return refused
	}
	return finding{network: true, reason: err}
}

// examineFailure looks at what a member itself has said.
func examineFailure(err error, f *balsav1.Failure) finding {
	said := &memberError{text: messageOf(err), causes: f.Errors()}
	reasons := f.GetReasons()
	has := func(of ...balsav1.Reason) bool {
		return slices.ContainsFunc(reasons, func(r balsav1.Reason) bool { return slices.Contains(of, r) })
	}
	own := len(reasons) == 0 && f.GetOutcome() == balsav1.Outcome_OUTCOME_UNSPECIFIED && connect.CodeOf(err) == connect.CodeUnknown
	return finding{
		sure: f.GetOutcome() == balsav1.Outcome_OUTCOME_NOT_COMMITTED,
		own:  own,
		final: own || has(balsav1.Reason_REASON_CONFIG, balsav1.Reason_REASON_TOO_LARGE, balsav1.Reason_REASON_CLUSTER_VERSION, balsav1.Reason_REASON_REFUSED,
			balsav1.Reason_REASON_SESSION_EXPIRED) && !has(balsav1.Reason_REASON_REMOVED),
		lost: has(balsav1.Reason_REASON_RESULT_LOST),
		healthy: own || has(balsav1.Reason_REASON_CONFIG, balsav1.Reason_REASON_TOO_LARGE, balsav1.Reason_REASON_CLUSTER_VERSION, balsav1.Reason_REASON_REFUSED,
			balsav1.Reason_REASON_SESSION_EXPIRED, balsav1.Reason_REASON_RESULT_LOST, balsav1.Reason_REASON_OVERLOADED),
		standing: f.GetStanding(),
		reason:   said,
	}
}

func messageOf(err error) string {
	var e *connect.Error
	if errors.As(err, &e) {
		return e.Message()
	}
	return err.Error()
}

// memberError is what a member has said, and what it Is.
type memberError struct {
	text   string
	causes []error
}

func (e *memberError) Error() string   { return e.text }
func (e *memberError) Unwrap() []error { return e.causes }

// verdict is what all attempts of a call come to.
type verdict struct {
	unknown bool // one of them may have happened, or may yet
	own     bool
	reason  error // of the last
}

func (v *verdict) add(f finding) {
	v.unknown = v.unknown || !f.sure
	v.own = f.own
	// That a member had no time left is no reason; what kept it is. The last one that
	// could tell stays.
	if v.reason == nil || !errors.Is(f.reason, context.DeadlineExceeded) || !f.network {
		v.reason = f.reason
	}
}

// error is what the caller is told; end is why there were no more attempts, if they were
// cut short.
func (v *verdict) error(did string, end error) error {
	if v.own {
		return v.reason
	}
	outcome := balsa.ErrNotCommitted
	if v.unknown {
		outcome = balsa.ErrUnknown
	}
	return failure(did, outcome, end, v.reason)
}

// failure is a call's error: what was done, whether it happened, and why not.
func failure(did string, outcome error, reasons ...error) error {
	e := &callError{did: did, causes: []error{outcome}}
	for _, reason := range reasons {
		if reason != nil {
			e.causes = append(e.causes, reason)
		}
	}
	return e
}

type callError struct {
	did    string
	causes []error
}

func (e *callError) Error() string {
	parts := []string{"balsa client: " + e.did}
	for _, cause := range e.causes {
		parts = append(parts, cause.Error())
	}
	return strings.Join(parts, ": ")
}

func (e *callError) Unwrap() []error { return e.causes }
