package http

import (
	"context"
	"net/http"
	"net/http/httptest"
)

// ask sends a request to a handler. An answer that would go on is ended once it has begun.
func ask(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	answer := &firstFlush{httptest.NewRecorder(), cancel}
	h.ServeHTTP(answer, r.WithContext(ctx))
	return answer.ResponseRecorder
}

// firstFlush ends a request when a part of the answer goes out.
type firstFlush struct {
	*httptest.ResponseRecorder
	end func()
}

func (f *firstFlush) Flush() { f.end() }
