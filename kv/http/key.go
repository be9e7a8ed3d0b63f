package http

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
)

func (h handler) serveKey(w http.ResponseWriter, r *http.Request) {
	key, err := url.PathUnescape(strings.TrimPrefix(r.URL.EscapedPath(), "/kv/"))
	if err == nil {
		err = kv.CheckKey(key)
	}
	if err != nil {
		badRequest(w, "the key: "+err.Error())
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), h.Timeout)
	defer cancel()
	r = r.WithContext(ctx)
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		h.get(w, r, key)
	case http.MethodPut:
		h.put(w, r, key)
	case http.MethodDelete:
		h.delete(w, r, key)
	default:
		methodNotAllowed(w, r, "GET, HEAD, PUT, DELETE")
	}
}

func (h handler) get(w http.ResponseWriter, r *http.Request, key string) {
	item, err := h.Store.Get(r.Context(), key)
	if err != nil {
		problemOf(err).write(w)
		return
	}
	tag := etag(item.Version)
	w.Header().Set("ETag", tag)
	w.Header().Set("Cache-Control", "no-cache") // keep it, but ask whether it still holds
	if lists(r.Header.Values("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(len(item.Value)))
	w.Write(item.Value)
}

func (h handler) put(w http.ResponseWriter, r *http.Request, key string) {
	condition, err := conditionOf(r)
	if err != nil {
		badRequest(w, err.Error())
		return
	}
	value, err := io.ReadAll(http.MaxBytesReader(w, r.Body, kv.MaxValue))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		(&problem{http.StatusRequestEntityTooLarge, "too_large", fmt.Sprintf("the value is larger than %d bytes; nothing was changed", over.Limit)}).write(w)
		return
	case err != nil:
		badRequest(w, "read the value: "+err.Error())
		return
	}
	version, err := h.Store.Put(r.Context(), key, value, condition)
	changed(w, version, err)
}

func (h handler) delete(w http.ResponseWriter, r *http.Request, key string) {
	condition, err := conditionOf(r)
	if err != nil {
		badRequest(w, err.Error())
		return
	}
	version, err := h.Store.Delete(r.Context(), key, condition)
	changed(w, version, err)
}

func changed(w http.ResponseWriter, version balsa.Index, err error) {
	if err != nil {
		problemOf(err).write(w)
		return
	}
	w.Header().Set("ETag", etag(version))
	writeJSON(w, http.StatusOK, struct {
		Version balsa.Index `json:"version"`
	}{version})
}

func etag(version balsa.Index) string {
	return fmt.Sprintf("%q", strconv.FormatUint(uint64(version), 10))
}

// conditionOf turns If-Match and If-None-Match of a write into a Condition. More than a
// command can compare is refused rather than compared in part.
func conditionOf(r *http.Request) (kv.Condition, error) {
	match, none := r.Header.Values("If-Match"), r.Header.Values("If-None-Match")
	switch {
	case len(match) == 0 && len(none) == 0:
		return kv.Condition{}, nil
	case len(match) > 0 && len(none) > 0:
		return kv.Condition{}, errors.New("If-Match and If-None-Match together; send one")
	case len(none) > 0 && (len(none) > 1 || none[0] != "*"):
		return kv.Condition{}, fmt.Errorf("If-None-Match: %s; a write takes * alone, for a key without a value", strings.Join(none, ", "))
	case len(none) > 0:
		return kv.IfAbsent(), nil
	case len(match) == 1 && match[0] == "*":
		return kv.IfExists(), nil
	}
	version, err := versionOf(strings.Join(match, ", "))
	return kv.IfVersion(version), err
}

func versionOf(tag string) (balsa.Index, error) {
	digits, quoted := strings.CutPrefix(tag, `"`)
	digits, ended := strings.CutSuffix(digits, `"`)
	version, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || !quoted || !ended {
		return 0, fmt.Errorf(`If-Match: %s; it takes one ETag of this key, such as "12" with its quotes, or *`, tag)
	}
	return balsa.Index(version), nil
}

// lists says whether header fields list a tag, by weak comparison (RFC 9110 §8.8.3.2).
func lists(fields []string, tag string) bool {
	for _, field := range fields {
		for one := range strings.SplitSeq(field, ",") {
			one = strings.TrimSpace(one)
			if one == "*" || strings.TrimPrefix(one, "W/") == tag {
				return true
			}
		}
	}
	return false
}
