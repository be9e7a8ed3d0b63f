package introducer

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/balsaraft/balsa/room"
)

// AllowOrigins lets pages of these origins in beside those of Options.Origins, instead of
// those that it was told before. Any goroutine may call it.
func (s *Service) AllowOrigins(origins []string) { s.origins.Store(&origins) }

// LetsIn says whether pages of an origin may come in that are not of the door's own host.
func (s *Service) LetsIn(origin string) bool {
	more := s.origins.Load()
	return slices.Contains(s.opts.Origins, "*") || slices.Contains(s.opts.Origins, origin) || more != nil && slices.Contains(*more, origin)
}

// checkOrigin refuses pages of others: what a page that somebody merely visits could
// use the introducer for, and how much of its limits, is then up to nobody else.
// Programs, which send no origin, reach it by their own right.
func (s *Service) checkOrigin(r *http.Request) *room.Error {
	origin := r.Header.Get("Origin")
	if origin == "" || s.LetsIn(origin) {
		return nil
	}
	from, err := url.Parse(origin)
	if err != nil || !strings.EqualFold(from.Host, r.Host) {
		return room.Fail(room.BadOrigin, "a page of %s may not use the introducer at %s; if it should, start it with --origin %s", clip(origin), clip(r.Host), clip(origin))
	}
	return nil
}

// clip shortens what a stranger sent, for a message.
func clip(s string) string {
	const most = 100
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
