package backup

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"

	"github.com/balsaraft/balsa"
)

// RestorePath is where a RestoreHandler is put.
const RestorePath = "/restore"

// Target is what a RestoreHandler restores into; a *balsa.Node is one.
type Target interface {
	Restore(ctx context.Context, backup io.Reader, options ...balsa.RestoreOption) (balsa.Index, error)
}

// Restored is what a RestoreHandler answers when it is done.
type Restored struct {
	Index balsa.Index `json:"index"` // at which the backup became the state of every member
}

// RestoreHandler makes the backup that is POSTed to it, compressed or not, the state of the
// running cluster, as balsa.Node.Restore does; ?other-cluster=true takes one of another
// cluster. Whoever mounts the handler sees to it that only those may ask who may change
// everything.
func RestoreHandler(target Target, log *slog.Logger) http.Handler {
	const other = "other-cluster=true"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !asked(w, r, RestorePath, http.MethodPost, other) {
			return
		}
		var options []balsa.RestoreOption
		if r.URL.RawQuery == other {
			options = append(options, balsa.OtherCluster())
		}
		plain := Decompress(r.Body, "the backup")
		index, err := target.Restore(r.Context(), plain, options...)
		if err := errors.Join(err, plain.Close()); err != nil {
			log.Warn("a backup was not restored", "error", err)
			// Who sends hears nothing before he has sent it all.
			const most = 1 << 30
			_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, most)) // he may have gone
			refuseFor(w, err)
			return
		}
		log.Warn("a backup was restored", "index", index)
		answer(w, Restored{index})
	})
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(v) // an error is the client's going away
}
