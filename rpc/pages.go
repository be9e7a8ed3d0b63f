package rpc

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// what a page of another origin may send and see, beside what any may.
const (
	pageSends = "Authorization, Connect-Protocol-Version, Connect-Timeout-Ms, Content-Type"
	pageSees  = "Grpc-Status, Grpc-Message, Grpc-Status-Details-Bin"
)

// ForPages lets pages call a handler, those of its own host and of these origins, such as
// "https://example.org", or "*" for all (https://fetch.spec.whatwg.org/#http-cors-protocol).
// Others are refused; programs, which send no Origin, are not asked.
func ForPages(handler http.Handler, origins ...string) http.Handler {
	return ForPagesThat(handler, func(origin string) bool { return slices.Contains(origins, origin) || slices.Contains(origins, "*") })
}

// ForPagesThat is ForPages where which origins may call is known only when they do: may is
// asked for each that is not of the own host, from any goroutine.
func ForPagesThat(handler http.Handler, may func(origin string) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		if origin == "" {
			handler.ServeHTTP(w, r)
			return
		}
		from, err := url.Parse(origin)
		own := err == nil && strings.EqualFold(from.Host, r.Host)
		if !own && !may(origin) {
			http.Error(w, "a page of another origin may not call this member, unless it is started so that it may", http.StatusForbidden)
			return
		}
		h := w.Header()
		h.Add("Vary", "Origin")
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Expose-Headers", pageSees)
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			h.Set("Access-Control-Allow-Methods", "POST, GET")
			h.Set("Access-Control-Allow-Headers", pageSends)
			h.Set("Access-Control-Max-Age", "7200")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		handler.ServeHTTP(w, r)
	})
}
