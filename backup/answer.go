package backup

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/restoring"
)

// asked says whether a request is for what a handler does, and refuses one that is not.
// parameter is the one that there may be.
func asked(w http.ResponseWriter, r *http.Request, path, method, parameter string) bool {
	switch {
	case r.URL.Path != path:
		refuse(w, http.StatusNotFound, "not_found", "there is nothing at "+r.URL.Path)
	case r.Method != method:
		w.Header().Set("Allow", method)
		refuse(w, http.StatusMethodNotAllowed, "method_not_allowed", r.Method+" is not possible here; use "+method)
	case r.URL.RawQuery != "" && r.URL.RawQuery != parameter:
		text := "there is no parameter here"
		if parameter != "" {
			text = "there is no parameter but " + parameter + " here"
		}
		refuse(w, http.StatusBadRequest, "bad_request", text)
	default:
		return true
	}
	return false
}

// verdicts are how errors are told over HTTP: the first that an error is counts.
var verdicts = []struct {
	is     error
	status int
	code   string
}{
	{balsa.ErrUnknown, http.StatusGatewayTimeout, "unknown"},
	{balsa.ErrOtherCluster, http.StatusConflict, "other_cluster"},
	{restoring.ErrBusy, http.StatusConflict, "busy"},
	{balsa.ErrBackup, http.StatusUnprocessableEntity, "no_backup"},
	{balsa.ErrNewerVersion, http.StatusUnprocessableEntity, "newer_version"},
	{balsa.ErrOverloaded, http.StatusServiceUnavailable, "overloaded"},
	{balsa.ErrNotCommitted, http.StatusServiceUnavailable, "not_committed"},
}

func refuseFor(w http.ResponseWriter, err error) {
	for _, v := range verdicts {
		if errors.Is(err, v.is) {
			refuse(w, v.status, v.code, err.Error())
			return
		}
	}
	refuse(w, http.StatusInternalServerError, "failed", err.Error())
}

// problem is an error as the HTTP face writes them.
type problem struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	var p problem
	p.Error.Code, p.Error.Message = code, message
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(p) // an error is the client's going away
}

// Refusal is what a handler of this package, or another service of a member, has answered
// instead of what it was asked for. It Is what the member's own error was, of ErrUnknown,
// ErrNotCommitted, ErrBackup, ErrNewerVersion and ErrOtherCluster.
func Refusal(r *http.Response) error {
	const enough = 64 << 10
	b, err := io.ReadAll(io.LimitReader(r.Body, enough))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	var p problem
	if json.Unmarshal(b, &p) == nil && p.Error.Message != "" {
		return &refusal{p.Error.Code, p.Error.Message}
	}
	return fmt.Errorf("it answers %s: %.200s; is it a member of balsa?", r.Status, b)
}

// refusal is an error that a member has answered.
type refusal struct{ code, message string }

func (r *refusal) Error() string { return r.message }

// Is tells by the code what the member's error was.
func (r *refusal) Is(target error) bool {
	for _, v := range verdicts {
		if v.code == r.code {
			return target == v.is || target == balsa.ErrNotCommitted && v.is != balsa.ErrUnknown
		}
	}
	return false
}
