package backup

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/balsaraft/balsa"
)

// SnapshotPath is where a SnapshotHandler is put.
const SnapshotPath = "/snapshot"

// Snapshotter is what a SnapshotHandler asks; a *balsa.Node is one.
type Snapshotter interface {
	Snapshot(ctx context.Context) error
	Status() balsa.Status
}

// Snapshotted is what a SnapshotHandler answers when it is done.
type Snapshotted struct {
	Name  string      `json:"name"`  // of the member
	Index balsa.Index `json:"index"` // the state up to there is in its newest snapshot
}

// SnapshotHandler lets the member take a snapshot, on POST, and answers once it is on the
// disk. Where nothing was applied since the newest one, that is the answer. How far one has
// come, the member's status says.
func SnapshotHandler(member Snapshotter, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !asked(w, r, SnapshotPath, http.MethodPost, "") {
			return
		}
		if err := member.Snapshot(r.Context()); err != nil {
			log.Warn("no snapshot was taken", "error", err)
			refuseFor(w, err)
			return
		}
		s := member.Status()
		answer(w, Snapshotted{s.Name, s.Snapshot})
	})
}
