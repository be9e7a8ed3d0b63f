package dashboard

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"time"
)

//go:embed page
var files embed.FS

// PagePath is where the page's parts are; the page itself is at /.
const PagePath = "/page/"

// policy lets the page use nothing but what its member serves.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Page serves the page at / and its parts under PagePath. It holds no secrets, and asks
// nobody who he is.
func Page() http.Handler {
	site, err := fs.Sub(files, "page")
	if err != nil {
		panic(fmt.Sprintf("dashboard: the embedded page: %v", err))
	}
	return page{site}
}

type page struct{ site fs.FS }

func (p page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, PagePath)
	if r.URL.Path == "/" {
		name = "index.html"
	}
	b, err := fs.ReadFile(p.site, name)
	switch {
	case err != nil:
		refuse(w, http.StatusNotFound, "not_found", "there is nothing at "+r.URL.Path)
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		refuse(w, http.StatusMethodNotAllowed, "method_not_allowed", r.Method+" is not possible here; use GET")
		return
	}
	w.Header().Set("Content-Security-Policy", policy)
	w.Header().Set("Cache-Control", "no-cache") // keep it, but ask whether it still holds
	w.Header().Set("Etag", fmt.Sprintf(`"%x"`, sha256.Sum256(b))[:18]+`"`)
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(b))
}
