package rpc

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestPagesOfOtherOriginsCallOnlyWhereTheyMay(t *testing.T) {
	inner := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	for _, c := range []struct {
		what, origin, method string
		origins              []string
		want                 int
	}{
		{"a program", "", http.MethodPost, nil, http.StatusTeapot},
		{"a page of its own", "https://member.example", http.MethodPost, nil, http.StatusTeapot},
		{"a page of another origin", "https://evil.example", http.MethodPost, []string{"https://good.example"}, http.StatusForbidden},
		{"its browser's question", "https://evil.example", http.MethodOptions, []string{"https://good.example"}, http.StatusForbidden},
		{"a page that may", "https://good.example", http.MethodPost, []string{"https://good.example"}, http.StatusTeapot},
		{"its browser's question", "https://good.example", http.MethodOptions, []string{"https://good.example"}, http.StatusNoContent},
		{"any page, where all may", "https://any.example", http.MethodPost, []string{"*"}, http.StatusTeapot},
		{"a page from a file", "null", http.MethodPost, nil, http.StatusForbidden},
	} {
		r := httptest.NewRequest(c.method, "https://member.example/balsa.v1.Cluster/Propose", nil)
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		if c.method == http.MethodOptions {
			r.Header.Set("Access-Control-Request-Method", http.MethodPost)
		}
		w := httptest.NewRecorder()
		ForPages(inner, c.origins...).ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s, %s: answered with %d, not %d", c.what, c.origin, w.Code, c.want)
		}
		if got := w.Header().Get("Access-Control-Allow-Origin"); c.origin != "" && (got == c.origin) != (c.want != http.StatusForbidden) {
			t.Errorf("%s, %s: allowed is %q", c.what, c.origin, got)
		}
	}
}
