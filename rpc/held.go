package rpc

import (
	"context"
	"fmt"
	"net/http"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/unread"
)

// held is what a call has brought that its caller has not taken yet. What a method returns is
// written after it has returned, so that it is let go of at the end of the request.
type held struct{ done func() }

type heldKey struct{}

// counting lets calls count what they bring until it is written, or its caller has gone.
func counting(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var brought held
		defer func() {
			if brought.done != nil {
				brought.done()
			}
		}()
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), heldKey{}, &brought)))
	})
}

// hold counts an answer until it is written. It takes done, which is nil if there is no room.
func hold(ctx context.Context, done func()) error {
	if done == nil {
		return errUnread
	}
	ctx.Value(heldKey{}).(*held).done = done
	return nil
}

// errUnread refuses a call while too much waits for its readers.
var errUnread = fmt.Errorf("%w: %w: %s", balsa.ErrNotCommitted, balsa.ErrOverloaded, unread.Why)
