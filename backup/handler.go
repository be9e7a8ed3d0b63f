package backup

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"

	"github.com/balsaraft/balsa"
)

// Path is where a Handler is put.
const Path = "/backup"

// Source is what a Handler backs up; a *balsa.Node is one.
type Source interface {
	Backup(ctx context.Context, w io.Writer) (balsa.Index, error)
	Status() balsa.Status
}

// Handler serves a backup of a member, compressed, to GET. It is consistent, and taken
// while the member serves on. fresh is waited for before: once it has returned nil, all
// that was acknowledged before the request is applied on this member; ?stale=true goes
// without it, so that a member without a leader can be backed up, too.
//
// A few are written at a time, and more refused: each takes a compressor and holds on to a
// state until its reader has it.
//
// A backup that fails after it has begun breaks the connection off. Whoever mounts the
// handler sees to it that only those may ask who may read everything.
func Handler(source Source, fresh func(context.Context) error, log *slog.Logger) http.Handler {
	writing := make(chan struct{}, mostAtATime)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stale := r.URL.RawQuery == "stale=true"
		if !asked(w, r, Path, http.MethodGet, "stale=true") {
			return
		}
		select {
		case writing <- struct{}{}:
			defer func() { <-writing }()
		default:
			refuse(w, http.StatusServiceUnavailable, "overloaded", fmt.Sprintf("this member writes %d backups already; try again when one is done, or ask another member", mostAtATime))
			return
		}
		if err := begin(r.Context(), fresh, stale); err != nil {
			refuse(w, http.StatusServiceUnavailable, "not_committed", err.Error()+"; ask another member, or with stale=true for what this one has")
			return
		}
		answer := &begun{ResponseWriter: w, filename: fmt.Sprintf("balsa-%s.zst", source.Status().Cluster)}
		to := Compress(answer)
		index, err := source.Backup(r.Context(), to)
		if err == nil {
			err = to.Close()
		}
		switch {
		case err == nil:
			log.Info("a backup was taken", "index", index, "bytes", answer.bytes)
		case !answer.sent:
			refuse(w, http.StatusServiceUnavailable, "not_committed", err.Error())
		default:
			log.Warn("a backup was broken off", "error", err)
			panic(http.ErrAbortHandler) // so that nobody takes what was sent for all
		}
	})
}

// mostAtATime is how many backups a member writes at a time.
const mostAtATime = 4

func begin(ctx context.Context, fresh func(context.Context) error, stale bool) error {
	if stale {
		return nil
	}
	return fresh(ctx)
}

// begun is an answer whose header goes out with the first bytes.
type begun struct {
	http.ResponseWriter
	filename string
	sent     bool
	bytes    int64
}

func (b *begun) Write(p []byte) (int, error) {
	if !b.sent {
		b.sent = true
		h := b.Header()
		h.Set("Content-Type", "application/zstd")
		h.Set("Content-Disposition", `attachment; filename="`+b.filename+`"`)
		h.Set("Cache-Control", "no-store")
	}
	n, err := b.ResponseWriter.Write(p)
	b.bytes += int64(n)
	return n, err
}
