package dashboard

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/balsaraft/balsa/kv/access"
	"github.com/balsaraft/balsa/kv/proof"
)

// Stage is members that may be hurt, in balsa demo. Its methods may be called from any
// goroutine, and Scene waits for nobody.
type Stage interface {
	// Scene is what is done to them at the moment.
	Scene() Scene
	// Do carries an action out. What it cannot do is an error that says why.
	Do(context.Context, Action) error
}

// Scene is what the page shows of a Stage.
type Scene struct {
	Members []Actor        `json:"members"`
	Cuts    [][2]string    `json:"cuts"` // pairs of names between which nothing comes through
	Proof   proof.Standing `json:"proof"`
}

// Actor is a member on a Stage.
type Actor struct {
	Name  string `json:"name"`
	HTTP  string `json:"http"`
	State string `json:"state"` // running, paused, stopped, starting
	Why   string `json:"why,omitempty"`
	Slow  bool   `json:"slow"` // its disk takes its time
	Full  bool   `json:"full"` // its disk has no room
}

// Action is what is to be done, and to whom.
type Action struct {
	// Do is stop, kill, start, pause, resume, slow, quick, fill, empty or flip, all of a
	// member; cut or join, of Member and Other; heal, of all; or write, rush and rest, of
	// those who write for the proof.
	Do     string `json:"do"`
	Member string `json:"member,omitempty"`
	Other  string `json:"other,omitempty"`
}

// maxAction bounds an Action as JSON.
const maxAction = 4 << 10

// do carries out an action on the Stage.
func (h *Handler) do(w http.ResponseWriter, r *http.Request) {
	if err := access.CallerIn(r.Context()).NeedAll(access.Admin); err != nil {
		refuse(w, http.StatusForbidden, "forbidden", err.Error())
		return
	}
	var a Action
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAction)).Decode(&a); err != nil {
		refuse(w, http.StatusBadRequest, "bad_request", "an action is JSON, such as {\"do\":\"stop\",\"member\":\"b\"}: "+err.Error())
		return
	}
	if err := h.stage.Do(r.Context(), a); err != nil {
		refuse(w, http.StatusConflict, "not_done", err.Error())
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
