package http

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// checkOrigin refuses what a page of another origin asks, and what a page asks whose
// name was made to point here (DNS rebinding; etcd had both, CVE-2018-1098 and -1099).
// Browsers send Origin with every write, and with reads of other origins; with reads of
// their own they do not, so over loopback, where no other machine's name belongs, every
// Host must be one that a rebound name cannot be.
func (h handler) checkOrigin(r *http.Request) *problem {
	forbidden := func(message string) *problem {
		return refuse(http.StatusForbidden, "forbidden", message)
	}
	origin := strings.Join(r.Header.Values("Origin"), ", ") // of which browsers send one
	if origin != "" {
		from, err := url.Parse(origin)
		// A page that came in the clear may be anyone's. The other way round, something in
		// between may speak TLS to pages, and not to here.
		if err != nil || !strings.EqualFold(from.Host, r.Host) || r.TLS != nil && from.Scheme != "https" {
			return forbidden("a page of " + origin + " cannot use " + r.Host)
		}
	}
	if (origin != "" || overLoopback(r)) && !h.isOurName(r.Host) {
		return forbidden("this server does not answer to the name " + r.Host + "; use an address, or start it under that name")
	}
	return nil
}

func overLoopback(r *http.Request) bool {
	addr, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ok && addr.IP.IsLoopback()
}

// isOurName says whether a Host header cannot come of a name that someone else owns.
func (h handler) isOurName(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	_, err = netip.ParseAddr(name)
	return err == nil || name == "localhost" || strings.HasSuffix(name, ".localhost") || slices.Contains(h.Names, name)
}
