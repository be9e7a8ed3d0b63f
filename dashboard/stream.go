package dashboard

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/balsaraft/balsa/kv/access"
)

// Frame is what a page is told some times a second.
type Frame struct {
	Self    string   `json:"self"` // whose page it is
	Now     int64    `json:"now"`  // by the member's clock, in milliseconds since 1970
	Reports []Report `json:"reports"`
	// Stage is there where members may be hurt; Admin says whether the caller may do so.
	Stage *Scene `json:"stage,omitempty"`
	Admin bool   `json:"admin"`
}

// stream answers with server-sent events: first the history of the page's own member, then
// frames, until the page goes away, the caller may not look any more, or Close.
func (h *Handler) stream(w http.ResponseWriter, r *http.Request) {
	if err := access.CallerIn(r.Context()).NeedSome(access.Read); err != nil {
		refuse(w, http.StatusForbidden, "forbidden", err.Error())
		return
	}
	select {
	case h.streams <- struct{}{}:
		defer func() { <-h.streams }()
	default:
		refuse(w, http.StatusServiceUnavailable, "overloaded", fmt.Sprintf("this member shows its page to %d already; close one, or ask another member", maxStreams))
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would collect what should go out
	s := &events{w: w, control: http.NewResponseController(w)}
	s.send("history", h.view.History())
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for s.err == nil {
		caller := access.CallerIn(r.Context()) // again, for callers may be replaced meanwhile
		if caller.NeedSome(access.Read) != nil {
			return
		}
		h.view.Watch()
		s.send("frame", h.frame(caller))
		select {
		case <-ticks.C:
		case <-h.closing:
			return
		case <-r.Context().Done():
			return
		}
	}
}

func (h *Handler) frame(caller *access.Caller) Frame {
	f := Frame{Self: h.self, Now: time.Now().UnixMilli(), Reports: h.view.Reports(), Admin: caller.NeedAll(access.Admin) == nil}
	if h.stage != nil {
		scene := h.stage.Scene()
		f.Stage = &scene
	}
	return f
}

// events writes server-sent events until one cannot be written.
type events struct {
	w       http.ResponseWriter
	control *http.ResponseController
	err     error
}

func (s *events) send(event string, value any) {
	data, err := json.Marshal(value)
	if err == nil {
		_, err = fmt.Fprintf(s.w, "event: %s\ndata: %s\n\n", event, data)
	}
	if err == nil {
		err = s.control.Flush()
	}
	s.err = err
}
