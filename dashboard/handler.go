package dashboard

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
)

// Path is where a Handler answers, and all below it.
const Path = "/dashboard/"

// View is what a page shows of the members.
type View interface {
	// Watch is called now and then while somebody looks.
	Watch()
	// Reports are the members' last words, of all that are known.
	Reports() []Report
	// History are the last samples of the page's own member.
	History() []Sample
	// Entries are entries that the page's own member has applied, from an index on.
	Entries(ctx context.Context, from balsa.Index, most int) ([]balsa.LogEntry[kv.Command], error)
}

// Of is the View of one member, which shows the others as it hears them.
func Of(r *Reporter, n *kv.Node) View { return one{r, n} }

type one struct {
	*Reporter
	node *kv.Node
}

func (o one) Reports() []Report { return append([]Report{o.Own()}, o.Heard()...) }

func (o one) Entries(ctx context.Context, from balsa.Index, most int) ([]balsa.LogEntry[kv.Command], error) {
	return o.node.Entries(ctx, from, most)
}

// Handler tells pages how the members stand. It must be given requests that say in their
// context who asks (access.WithCaller), and answers
//
//	GET  /dashboard/stream           server-sent events, each with a Frame
//	GET  /dashboard/entries          entries of the log
//	POST /dashboard/do               an Action, where there is a Stage
type Handler struct {
	self    string
	view    View
	stage   Stage
	streams chan struct{} // holds one for each stream
	closing chan struct{}
	once    sync.Once
}

// maxStreams is how many pages are served at a time.
const maxStreams = 64

// NewHandler makes the Handler of a member's page. The stage is nil where members are not
// to be hurt.
func NewHandler(self string, view View, stage Stage) *Handler {
	return &Handler{self: self, view: view, stage: stage, streams: make(chan struct{}, maxStreams), closing: make(chan struct{})}
}

// Close ends all streams.
func (h *Handler) Close() { h.once.Do(func() { close(h.closing) }) }

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	method, serve := http.MethodGet, h.stream
	switch path := strings.TrimPrefix(r.URL.Path, Path); {
	case path == "stream":
	case path == "entries":
		serve = h.entries
	case path == "do" && h.stage != nil:
		method, serve = http.MethodPost, h.do
	default:
		refuse(w, http.StatusNotFound, "not_found", "there is nothing at "+r.URL.Path)
		return
	}
	if r.Method != method {
		w.Header().Set("Allow", method)
		refuse(w, http.StatusMethodNotAllowed, "method_not_allowed", r.Method+" is not possible here; use "+method)
		return
	}
	serve(w, r)
}

// refuse answers with an error in the form that all of a member's HTTP has.
func refuse(w http.ResponseWriter, status int, code, message string) {
	var body struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	body.Error.Code, body.Error.Message = code, message
	answer(w, status, body)
}

func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(value) // an error is the page's going away
}
