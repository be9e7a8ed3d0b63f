package http

import (
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/balsaraft/balsa/kv/access"
	"github.com/balsaraft/balsa/unread"
)

// also serves what stands beside this face. Services that know no callers are for who has
// every right; those that do are told who asks. It says whether there is such a service.
func (h handler) also(w http.ResponseWriter, r *http.Request) bool {
	if open, is := serviceAt(h.Open, r.URL.Path); is {
		open.ServeHTTP(w, r)
		return true
	}
	service, guarded := serviceAt(h.Guarded, r.URL.Path)
	if service == nil {
		service, _ = serviceAt(h.Also, r.URL.Path)
	}
	if service == nil {
		return false
	}
	caller, problem := h.callerOf(r)
	if problem == nil && !guarded {
		if err := caller.NeedAll(access.Read | access.Write | access.Admin); err != nil {
			problem = problemOf(err)
		}
	}
	if problem != nil {
		problem.write(w)
		return true
	}
	if held, is := r.Body.(*counted); is && !guarded {
		// Theirs to hold or not: a backup is longer than what is held for everybody.
		r.Body = patientBody{held.ReadCloser, http.NewResponseController(w), h.WatchPatience}
	}
	ctx := unread.With(r.Context(), h.answers)
	service.ServeHTTP(patiently{w, http.NewResponseController(w), h.WatchPatience, h.answers}, r.WithContext(access.WithCaller(ctx, func() *access.Caller {
		caller, _ := h.callerOf(r)
		return caller
	})))
	return true
}

// patientBody gives each part of a body the same time: the server's deadline is for whole
// ones.
type patientBody struct {
	io.ReadCloser
	control  *http.ResponseController
	patience time.Duration
}

func (p patientBody) Read(b []byte) (int, error) {
	p.control.SetReadDeadline(time.Now().Add(p.patience))
	return p.ReadCloser.Read(b)
}

// patiently gives each part of an answer the same time, since there are streams beside
// this face, too: the server's deadline is for whole answers. A part counts until it is
// taken.
type patiently struct {
	http.ResponseWriter
	control  *http.ResponseController
	patience time.Duration
	answers  *unread.Answers
}

func (p patiently) Write(b []byte) (int, error) {
	defer p.answers.Count(len(b))()
	p.control.SetWriteDeadline(time.Now().Add(p.patience))
	return p.ResponseWriter.Write(b)
}

// Flush implements http.Flusher.
func (p patiently) Flush() { p.control.Flush() }

// Unwrap is for http.ResponseController.
func (p patiently) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// serviceAt is the service under whose path something lies.
func serviceAt(services map[string]http.Handler, path string) (http.Handler, bool) {
	for under, service := range services {
		if path == under || under != "/" && strings.HasPrefix(path, under) {
			return service, true
		}
	}
	return nil, false
}
