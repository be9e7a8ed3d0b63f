package http

import (
	"errors"
	"net/http"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
)

// problem is an error as clients see it.
type problem struct {
	status  int
	code    string
	message string
}

func (p *problem) write(w http.ResponseWriter) {
	type body struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	if p.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	writeJSON(w, p.status, map[string]body{"error": {p.code, p.message}})
}

// problems lists what an error can be: the first that it is counts. ErrUnknown is asked
// before all reasons, because it alone says that the write may have happened.
var problems = []struct {
	is     error
	status int
	code   string
	advice string
}{
	{kv.ErrNotFound, http.StatusNotFound, "not_found", ""},
	{kv.ErrDifferent, http.StatusPreconditionFailed, "precondition_failed", ""},
	{kv.ErrLimit, http.StatusRequestEntityTooLarge, "too_large", ""},
	{balsa.ErrUnknown, http.StatusGatewayTimeout, "unknown", "; it may have happened: read before trying again"},
	{balsa.ErrTooLarge, http.StatusRequestEntityTooLarge, "too_large", ""},
	{balsa.ErrNoSpace, http.StatusInsufficientStorage, "no_space", "; it has not happened: make room on the disk and try again"},
	{balsa.ErrOverloaded, http.StatusServiceUnavailable, "overloaded", "; it has not happened: try again"},
	{balsa.ErrClosed, http.StatusServiceUnavailable, "closed", "; it has not happened: ask another member"},
	{balsa.ErrNoLeader, http.StatusServiceUnavailable, "no_leader", "; it has not happened: try again"},
	{balsa.ErrNotCommitted, http.StatusServiceUnavailable, "not_committed", "; it has not happened: try again"},
}

func problemOf(err error) *problem {
	for _, p := range problems {
		if errors.Is(err, p.is) {
			return &problem{p.status, p.code, err.Error() + p.advice}
		}
	}
	// No error of a Store comes here. Should one, then nobody knows what happened.
	return &problem{http.StatusGatewayTimeout, "unknown", err.Error()}
}

func badRequest(w http.ResponseWriter, message string) {
	(&problem{http.StatusBadRequest, "bad_request", message}).write(w)
}

func methodNotAllowed(w http.ResponseWriter, r *http.Request, allowed string) {
	w.Header().Set("Allow", allowed)
	(&problem{http.StatusMethodNotAllowed, "method_not_allowed", r.Method + " is not possible here; use one of " + allowed}).write(w)
}
