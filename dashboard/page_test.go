package dashboard

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func get(h http.Handler, path string) *http.Response {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Result()
}

// What a page refers to must be there, and come from its own member.
func TestThePageIsWholeAndLight(t *testing.T) {
	site, err := fs.Sub(files, "page")
	if err != nil {
		t.Fatal(err)
	}
	weight := 0
	refers := regexp.MustCompile("(?m)(?:^import [^\"]*|href=|src=)\"([^\"#]+)\"|https?://[^ \"'<)`$]+")
	err = fs.WalkDir(site, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(site, name)
		weight += len(b)
		for _, m := range refers.FindAllStringSubmatch(string(b), -1) {
			switch to := m[1]; {
			case strings.HasPrefix(m[0], "http"):
				if m[0] != "http://www.w3.org/2000/svg" { // a name, which nobody fetches
					t.Errorf("%s refers to %s, which is elsewhere", name, m[0])
				}
			case to == "/status" || to == "/openapi.json": // of kv/http
			default:
				at := strings.TrimPrefix(strings.TrimPrefix(to, PagePath), "./")
				if r := get(Page(), PagePath+at); r.StatusCode != http.StatusOK {
					t.Errorf("%s refers to %q, which is answered %s", name, to, r.Status)
				}
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	const most = 200_000
	if weight > most {
		t.Errorf("the page weighs %d bytes, %d are allowed", weight, most)
	}
	t.Logf("the page weighs %d bytes", weight)
}

func TestThePageMayUseNothingButItsMember(t *testing.T) {
	for path, kind := range map[string]string{"/": "text/html", "/page/app.js": "text/javascript", "/page/style.css": "text/css", "/page/icon.svg": "image/svg+xml"} {
		r := get(Page(), path)
		if r.StatusCode != http.StatusOK || !strings.HasPrefix(r.Header.Get("Content-Type"), kind) || r.Header.Get("Content-Security-Policy") != policy {
			t.Errorf("%s: %s, %v", path, r.Status, r.Header)
		}
		again := httptest.NewRequest(http.MethodGet, path, nil)
		again.Header.Set("If-None-Match", r.Header.Get("Etag"))
		w := httptest.NewRecorder()
		if Page().ServeHTTP(w, again); w.Code != http.StatusNotModified {
			t.Errorf("%s again: %d", path, w.Code)
		}
	}
	for _, path := range []string{"/page/", "/page/none.js", "/page/../page.go"} {
		if r := get(Page(), path); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", path, r.Status)
		}
	}
	w := httptest.NewRecorder()
	if Page().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil)); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}
