package http

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/balsaraft/balsa/kv"
)

// What TLS has verified stands for a token, and nothing else does; a token says more.
func TestACallerIsKnownByACertificate(t *testing.T) {
	m := kv.NewMachine()
	defer m.Close()
	h := NewHandler(Config{Store: kv.Alone(m), Access: bookOf(t, roles...)})
	shows := func(verified bool, c *x509.Certificate) *tls.ConnectionState {
		s := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{c}}
		if verified {
			s.VerifiedChains = [][]*x509.Certificate{{c}}
		}
		return s
	}
	member := &x509.Certificate{URIs: []*url.URL{{Scheme: "balsa", Host: "member", Path: "/root"}}}
	named := func(name string) *x509.Certificate { return &x509.Certificate{Subject: pkix.Name{CommonName: name}} }
	for _, tc := range []struct {
		what  string
		state *tls.ConnectionState
		token string
		code  int
		says  string
	}{
		{"without TLS", nil, "", 401, "asks who you are"},
		{"TLS without a certificate", &tls.ConnectionState{}, "", 401, "asks who you are"},
		{"one that nobody verified", shows(false, named("root")), "", 401, "asks who you are"},
		{"a caller's", shows(true, named("root")), "", 404, ""},
		{"a caller's without the right", shows(true, named("writer")), "", 403, "writer has no right to read"},
		{"of somebody unknown", shows(true, named("carol")), "", 401, "nobody is known by the name carol"},
		{"a member's", shows(true, member), "", 401, "asks who you are"},
		{"a caller's with another's token", shows(true, named("writer")), "reader", 404, ""},
		{"a caller's with a wrong token", shows(true, named("root")), "wrong", 401, "nobody is known by this token"},
	} {
		r := httptest.NewRequest("GET", "https://127.0.0.1/kv/a/1", nil)
		r.TLS = tc.state
		if tc.token != "" {
			r.Header.Set("Authorization", "Bearer "+tc.token)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tc.code || !strings.Contains(w.Body.String(), tc.says) {
			t.Errorf("%s: %d %s; want %d %s", tc.what, w.Code, w.Body, tc.code, tc.says)
		}
	}
}
