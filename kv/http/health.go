package http

import (
	"errors"
	"net/http"
)

// health answers whether it is of use to let this process run on. That there is no
// leader is no reason to end it: the others may be gone, and it is needed when they return.
func (h handler) health(w http.ResponseWriter, _ call) {
	answerOK(w, h.stopped())
}

// readiness answers whether requests may be sent here: there is a leader, so that
// writes and reads are answered by any member. With ?role=leader or ?role=follower it also
// asks for the role, for whoever wants to send requests to the leader alone.
func (h handler) readiness(w http.ResponseWriter, c call) {
	role := c.query.Get("role")
	if role != "" && role != "leader" && role != "follower" {
		badRequest(errors.New("role=" + role + ": it is leader or follower")).write(w)
		return
	}
	problem := h.stopped()
	if problem == nil {
		problem = h.notReady(role)
	}
	answerOK(w, problem)
}

func answerOK(w http.ResponseWriter, p *problem) {
	if p != nil {
		p.write(w)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Write([]byte("ok\n"))
}

func (h handler) stopped() *problem {
	select {
	case <-h.Member.Done():
		err := h.Member.Err()
		if err == nil {
			err = errors.New("it was closed")
		}
		return refuse(http.StatusServiceUnavailable, "closed", "this member has stopped: "+err.Error())
	default:
		return nil
	}
}

func (h handler) notReady(role string) *problem {
	switch s := h.Member.Status(); {
	case s.Leader == "":
		return refuse(http.StatusServiceUnavailable, "no_leader", "there is no leader: "+s.Waiting)
	case role != "" && s.Role != role:
		return refuse(http.StatusServiceUnavailable, "other_role", "this member is "+s.Role+", the leader is "+s.Leader)
	}
	return nil
}
