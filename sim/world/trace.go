package world

import (
	"fmt"
	"io"
	"time"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/wire"
)

// trace is what is told of a world: a digest of all that happens, and a line an event
// where somebody wants to read it.
type trace struct {
	now     *time.Duration
	out     io.Writer // nil if nobody reads
	witness Witness   // nil if there is none
	digest  uint64
	events  int
}

// line tells something.
func (t *trace) line(who, format string, args ...any) {
	if t.out == nil && t.witness == nil {
		return
	}
	what := fmt.Sprintf(format, args...)
	if t.out != nil {
		fmt.Fprintf(t.out, "%12.6f %-3s %s\n", t.now.Seconds(), who, what)
	}
	if t.witness != nil {
		t.witness.Said(*t.now, who, what)
	}
}

func (t *trace) message(addr string, m *wire.Message) {
	t.digest = mix(t.digest, uint64(m.Kind)<<56^uint64(m.From)^uint64(m.To)<<1^uint64(m.Term)<<2^uint64(m.Index)<<20)
	if t.out != nil {
		t.line(addr, "receives %s", m)
	}
}

// turned notes how a member stands after a turn, and tells of it if that is new.
func (t *trace) turned(who string, before, s *host.Status) {
	c := &s.Core
	t.events++
	t.digest = mix(t.digest, uint64(*t.now)^uint64(c.ID))
	t.digest = mix(t.digest, uint64(c.Term)<<48^uint64(c.Role)<<40^uint64(c.Committed)<<20^uint64(s.Applied.Index))
	b := &before.Core
	if t.out == nil || b.Term == c.Term && b.Role == c.Role && b.Leader == c.Leader && b.Committed == c.Committed && b.Last == c.Last {
		return
	}
	t.line(who, "%s applied=%d snapshot=%s members=%s", c, s.Applied.Index, s.Snapshot, c.Membership)
}
