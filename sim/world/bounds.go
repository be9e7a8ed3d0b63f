package world

import (
	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/session"
)

// bounded: what a member keeps in memory is bounded, whatever others send, lack or forget
// to answer.
func (j *judge) bounded(who string, loads []host.Load, sessions int) {
	for _, l := range append(loads, host.Load{What: "sessions", Now: sessions, Most: session.MaxSessions}) {
		if l.Now > l.Most {
			broken("%s has %d %s, and may have %d", who, l.Now, l.What, l.Most)
		}
		j.highest[l.What] = max(j.highest[l.What], l.Now)
	}
}
