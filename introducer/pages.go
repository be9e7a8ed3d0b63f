package introducer

import (
	"bytes"
	"errors"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

const nothingHere = "This is a balsa introducer. Members meet at " + "/room" + ", by WebSocket; there are no pages here.\n"

// pages serves files to browsers. What lies there as FILE.br or FILE.gz too goes out
// like that to who takes it, and what lies there compressed alone is there all the same.
func pages(files fs.FS) http.Handler {
	if files == nil {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/" {
				http.NotFound(w, r)
				return
			}
			_, _ = w.Write([]byte(nothingHere))
		})
	}
	plain := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer") // a room's secret may stand in an address
		h.Set("Cache-Control", "no-cache")      // files of one version belong together
		// Without these a page has no memory that it can share with its Workers.
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Embedder-Policy", "require-corp")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if !compressed(files, w, r) {
			plain.ServeHTTP(w, r)
		}
	})
}

var encodings = []struct{ name, ending string }{{"br", ".br"}, {"gzip", ".gz"}}

// compressed serves a file that lies there compressed, if the browser takes it so.
func compressed(files fs.FS, w http.ResponseWriter, r *http.Request) bool {
	name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
	if name == "" || strings.HasSuffix(r.URL.Path, "/") {
		return false
	}
	for _, e := range encodings {
		content, err := fs.ReadFile(files, name+e.ending)
		if err != nil {
			continue
		}
		w.Header().Add("Vary", "Accept-Encoding")
		if !accepts(r, e.name) {
			continue
		}
		kind := mime.TypeByExtension(path.Ext(name))
		if kind == "" {
			kind = "application/octet-stream"
		}
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Content-Encoding", e.name)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
		return true
	}
	if _, err := fs.Stat(files, name); errors.Is(err, fs.ErrNotExist) && w.Header().Get("Vary") != "" {
		http.Error(w, "this file is here compressed alone; ask for it with Accept-Encoding: gzip", http.StatusNotAcceptable)
		return true
	}
	return false
}

func accepts(r *http.Request, encoding string) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, quality, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(strings.TrimSpace(name), encoding) && strings.ReplaceAll(quality, " ", "") != "q=0" {
			return true
		}
	}
	return false
}
