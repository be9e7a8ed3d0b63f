package http

import (
	"errors"
	"net/http"
	"os"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
	"github.com/balsaraft/balsa/kv/access"
)

// problem is an error as clients see it.
type problem struct {
	status int
	header http.Header
	problemBody
}

type problemBody struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	// From is the first index whose changes are still known, of compacted.
	From balsa.Index `json:"from,omitempty"`
	// In and Operation say which operation of a transaction has failed.
	In        string `json:"in,omitempty"` // then or else
	Operation *int   `json:"operation,omitempty"`
}

func refuse(status int, code, message string) *problem {
	return &problem{status: status, problemBody: problemBody{Code: code, Message: message}}
}

func (p *problem) write(w http.ResponseWriter) {
	for name, values := range p.header {
		w.Header()[name] = values
	}
	if p.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, p.status, p.body())
}

func (p *problem) body() any {
	return struct {
		Error problemBody `json:"error"`
	}{p.problemBody}
}

// problems lists what an error can be: the first that it is counts. ErrUnknown is asked
// before all reasons, because it alone says that the write may have happened.
var problems = []struct {
	is     error
	status int
	code   string
	advice string
}{
	{access.ErrForbidden, http.StatusForbidden, "forbidden", ""},
	{kv.ErrNotFound, http.StatusNotFound, "not_found", ""},
	{kv.ErrDifferent, http.StatusPreconditionFailed, "precondition_failed", ""},
	{kv.ErrLocked, http.StatusLocked, "locked", ""},
	{kv.ErrLockLost, http.StatusConflict, "lock_lost", ""},
	{kv.ErrLimit, http.StatusRequestEntityTooLarge, "too_large", ""},
	{kv.ErrMalformed, http.StatusBadRequest, "bad_request", ""},
	{kv.ErrRevision, http.StatusConflict, "future", ""},
	{kv.ErrNotNumber, http.StatusConflict, "not_number", ""},
	{kv.ErrOverflow, http.StatusConflict, "overflow", ""},
	{kv.ErrTooLong, http.StatusConflict, "too_long", ""},
	{kv.ErrNoLease, http.StatusConflict, "no_lease", ""},
	{kv.ErrLeaseExists, http.StatusConflict, "lease_exists", ""},
	{kv.ErrNoValue, http.StatusConflict, "no_value", ""},
	{kv.ErrFuture, http.StatusConflict, "future", ""},
	{balsa.ErrUnknown, http.StatusGatewayTimeout, "unknown", "; it may have happened: read before trying again"},
	{balsa.ErrCompacted, http.StatusGone, "compacted", ""},
	{balsa.ErrTooLarge, http.StatusRequestEntityTooLarge, "too_large", ""},
	{balsa.ErrClusterVersion, http.StatusConflict, "cluster_version", "; it has not happened"},
	{balsa.ErrNoSpace, http.StatusInsufficientStorage, "no_space", "; it has not happened: make room on the disk and try again"},
	{balsa.ErrOverloaded, http.StatusServiceUnavailable, "overloaded", "; it has not happened: try again"},
	{balsa.ErrDamaged, http.StatusServiceUnavailable, "damaged", "; it has not happened: ask another member"},
	{balsa.ErrClosed, http.StatusServiceUnavailable, "closed", "; it has not happened: ask another member"},
	{balsa.ErrNoLeader, http.StatusServiceUnavailable, "no_leader", "; it has not happened: try again"},
	{balsa.ErrNotCommitted, http.StatusServiceUnavailable, "not_committed", "; it has not happened: try again"},
}

// problemOf says what an error of a Store is to a client.
func problemOf(err error) *problem {
	for _, known := range problems {
		if errors.Is(err, known.is) {
			p := refuse(known.status, known.code, err.Error()+known.advice)
			p.explain(err)
			return p
		}
	}
	// No error of a Store comes here. Should one, then nobody knows what happened.
	return refuse(http.StatusGatewayTimeout, "unknown", err.Error())
}

// explain adds what a program can go on from.
func (p *problem) explain(err error) {
	var compacted *kv.CompactedError
	var failed *kv.FailedError
	switch {
	case errors.As(err, &compacted):
		p.From = compacted.Compacted + 1
	case errors.As(err, &failed):
		p.Operation = &failed.Op
	}
}

func badRequest(err error) *problem {
	return refuse(http.StatusBadRequest, "bad_request", err.Error())
}

// badBody says why a body could not be read, or not be understood.
func badBody(what string, err error) *problem {
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return refuse(http.StatusRequestEntityTooLarge, "too_large", what+" is larger than "+bytesOf(over.Limit)+"; nothing was changed")
	case errors.Is(err, errCrowded):
		return refuse(http.StatusServiceUnavailable, "overloaded", err.Error()+"; nothing was changed")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return refuse(http.StatusRequestTimeout, "slow_body", what+" did not arrive in time; nothing was changed")
	case errors.Is(err, kv.ErrLimit):
		return problemOf(err)
	}
	return badRequest(err)
}
