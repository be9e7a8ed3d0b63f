package http

import (
	"net/http"
	"strings"

	"github.com/balsaraft/balsa/kv/access"
	"github.com/balsaraft/balsa/pki"
)

// callerOf is who sent a request: everybody, where callers are not told apart.
func (h handler) callerOf(r *http.Request) (*access.Caller, *problem) {
	if h.Access == nil {
		return access.Everybody, nil
	}
	given := r.Header.Values("Authorization")
	if len(given) == 0 {
		return h.callerByCertificate(r)
	}
	scheme, token, _ := strings.Cut(given[0], " ")
	if len(given) > 1 || !strings.EqualFold(scheme, "Bearer") {
		return nil, unauthorized(`, error="invalid_request"`, "Authorization takes one Bearer TOKEN")
	}
	caller, known := h.Access.Caller(strings.TrimLeft(token, " "))
	if !known {
		return nil, unauthorized(`, error="invalid_token"`, "nobody is known by this token")
	}
	return caller, nil
}

// callerByCertificate is who sent a request without a token.
func (h handler) callerByCertificate(r *http.Request) (*access.Caller, *problem) {
	name, shown := pki.CallerIn(r.TLS)
	if !shown {
		return nil, unauthorized("", "this server asks who you are; send Authorization: Bearer TOKEN")
	}
	caller, known := h.Access.Named(name)
	if !known {
		return nil, unauthorized("", "nobody is known by the name "+name+" of this certificate; send Authorization: Bearer TOKEN")
	}
	return caller, nil
}

// unauthorized names the scheme, as RFC 6750 §3 wants it.
func unauthorized(why, message string) *problem {
	p := refuse(http.StatusUnauthorized, "unauthorized", message)
	p.header = http.Header{"WWW-Authenticate": {`Bearer realm="balsa"` + why}}
	return p
}
