package http

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestAnOpenServiceAnswersStrangersAtItsPathAlone(t *testing.T) {
	open := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("open")) })
	h := NewHandler(Config{
		Store: newLonely(t), Member: wellMember{}, Access: bookOf(t, roles...),
		Open: map[string]http.Handler{"/": open, "/page/": open},
	})
	for path, want := range map[string]int{
		"/": http.StatusOK, "/page/": http.StatusOK, "/page/app.js": http.StatusOK,
		"/nothing": http.StatusNotFound, "/kv/a": http.StatusUnauthorized, "/status": http.StatusUnauthorized,
	} {
		if got := ask(h, httptest.NewRequest(http.MethodGet, path, nil)).Code; got != want {
			t.Errorf("GET %s: %d, not %d", path, got, want)
		}
	}
	foreign := httptest.NewRequest(http.MethodGet, "/", nil)
	foreign.Header.Set("Origin", "http://elsewhere.example")
	if got := ask(h, foreign).Code; got != http.StatusForbidden {
		t.Errorf("for a page of another origin: %d", got)
	}
}
