package client

import (
	"errors"
	"net/http"
	"testing"

	"github.com/balsaraft/balsa"
)

// Where members tell callers apart, the token goes with each call and each stream; who
// has none, or a wrong one, is told so at once, and nothing has happened.
func TestATokenGoesWithEachCall(t *testing.T) {
	c := found(t, "a")
	ask := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.Header.Get("Authorization") {
			case "Bearer secret":
				next.ServeHTTP(w, r)
			case "Bearer weak":
				w.WriteHeader(http.StatusForbidden)
			default:
				w.WriteHeader(http.StatusUnauthorized)
			}
		})
	}
	c.members["a"].around.Store(&ask)
	for token, want := range map[string]error{"secret": nil, "": ErrUnauthenticated, "wrong": ErrUnauthenticated, "weak": ErrForbidden} {
		caller, err := Open[int, int](c.ctx, Config{Addrs: c.addrs(), Token: token})
		if err != nil {
			t.Fatal(err)
		}
		_, err = caller.Propose(c.ctx, 1)
		_, asking := caller.Query(c.ctx, []byte("sum"))
		var watching error
		for _, watching = range caller.Committed(c.ctx, 1) {
			break
		}
		if want == nil && (err != nil || asking != nil || watching != nil) {
			t.Errorf("%q: %v, %v, %v", token, err, asking, watching)
		}
		if want != nil {
			is(t, token, err, want, balsa.ErrNotCommitted)
			is(t, token, asking, want, balsa.ErrNotCommitted)
			if !errors.Is(watching, want) {
				t.Errorf("%q: a watch ends with %v", token, watching)
			}
		}
		caller.Close()
	}
}
