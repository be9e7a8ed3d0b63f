package http

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
)

// keyOf is the key that a path names, which is a lock's name, too.
func keyOf(c call) (string, *problem) {
	key, found := strings.CutPrefix(c.URL.Path, keyPath)
	if !found {
		key = strings.TrimPrefix(c.URL.Path, lockPath)
	}
	if err := kv.CheckKey(key); err != nil {
		return "", badRequest(fmt.Errorf("the key: %w", err))
	}
	return key, nil
}

func (h handler) get(w http.ResponseWriter, c call) {
	item, problem := h.read(w, c)
	if problem != nil {
		problem.write(w)
		return
	}
	tag := etag(item.Version)
	if wanted := c.Header.Values("If-Match"); len(wanted) > 0 && !matches(wanted, tag) {
		problemOf(&kv.DifferentError{Version: item.Version}).write(w)
		return
	}
	unchanged := lists(c.Header.Values("If-None-Match"), tag)
	if !unchanged {
		done, problem := h.room(len(item.Value))
		if problem != nil {
			problem.write(w)
			return
		}
		defer done()
	}
	describe(w.Header(), item)
	w.Header().Set("Cache-Control", "no-cache") // keep it, but ask whether it still holds
	if unchanged {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(len(item.Value)))
	w.Write(item.Value)
}

func (h handler) read(w http.ResponseWriter, c call) (kv.Item, *problem) {
	key, problem := keyOf(c)
	if problem != nil {
		return kv.Item{}, problem
	}
	ctx, cancel := h.patient(c)
	defer cancel()
	v, problem := h.view(ctx, c, kv.OneKey(key))
	if problem != nil {
		return kv.Item{}, problem
	}
	defer v.Close()
	setIndex(w, v.Applied())
	item, err := v.Get(key)
	if err != nil {
		return kv.Item{}, problemOf(err)
	}
	return item, nil
}

// describe says what is known of an item besides its value.
func describe(header http.Header, i kv.Item) {
	header.Set("ETag", etag(i.Version))
	header.Set("Balsa-Created", strconv.FormatUint(uint64(i.Created), 10))
	header.Set("Balsa-Changes", strconv.FormatUint(i.Changes, 10))
	if !i.Expires.IsZero() {
		header.Set("Balsa-Expires", i.Expires.Format(time.RFC3339Nano))
	}
	if i.Lease != 0 {
		header.Set("Balsa-Lease", strconv.FormatUint(uint64(i.Lease), 10))
	}
}

func (h handler) put(w http.ResponseWriter, c call) {
	o, problem := setOf(c)
	if problem != nil {
		problem.write(w)
		return
	}
	value, err := io.ReadAll(http.MaxBytesReader(w, c.Body, kv.MaxValue))
	if err != nil {
		badBody("the value", err).write(w)
		return
	}
	o.Value = value
	h.change(w, c, o)
}

// wholly refuses a body that is not the value itself: a part of one would replace the whole
// (RFC 9110 §14.4), and nobody would know of a coding when it is read.
func wholly(h http.Header) *problem {
	for _, name := range [...]string{"Content-Range", "Content-Encoding"} {
		if text := h.Get(name); text != "" && text != "identity" {
			return badRequest(fmt.Errorf("%s: %s; the body is the value, as a whole and as it is", name, brief(text)))
		}
	}
	return nil
}

// setOf is what a PUT asks for, but for the value.
func setOf(c call) (kv.Op, *problem) {
	if problem := wholly(c.Header); problem != nil {
		return kv.Op{}, problem
	}
	key, problem := keyOf(c)
	if problem != nil {
		return kv.Op{}, problem
	}
	o := kv.Set(key, nil)
	if c.query.Has("ttl") {
		ttl, err := ttlOf(c.query.Get("ttl"))
		if err != nil {
			return o, badRequest(fmt.Errorf("ttl=%s: %w", c.query.Get("ttl"), err))
		}
		o.TTL = ttl
	}
	lease, err := indexOf(c.query, "lease-id")
	if err != nil || kv.LeaseID(lease) == kv.NewLease {
		return o, badRequest(fmt.Errorf("lease-id=%s: it is the number of a lease; POST /txn grants one", c.query.Get("lease-id")))
	}
	o.Lease = kv.LeaseID(lease)
	return o, nil
}

// ttlOf reads how long something lasts.
func ttlOf(text string) (time.Duration, error) {
	ttl, err := time.ParseDuration(text)
	switch {
	case err != nil || ttl <= 0:
		return 0, fmt.Errorf("it is a time, such as 30s, 1h30m or 250ms")
	case ttl > kv.MaxTTL:
		return 0, fmt.Errorf("it is at most %s", kv.MaxTTL)
	case ttl%time.Millisecond != 0:
		return 0, fmt.Errorf("it is whole milliseconds")
	}
	return ttl, nil
}

func (h handler) delete(w http.ResponseWriter, c call) {
	key, problem := keyOf(c)
	if problem != nil {
		problem.write(w)
		return
	}
	h.change(w, c, kv.Delete(key))
}

// change carries out one operation under the condition that the headers state.
func (h handler) change(w http.ResponseWriter, c call, o kv.Op) {
	condition, err := conditionOf(c.Request)
	if err != nil {
		badRequest(err).write(w)
		return
	}
	command := kv.Do(o)
	if condition.Of != 0 {
		command.If = []kv.Condition{condition.On(o.Key)}
	}
	ctx, cancel := h.patient(c)
	defer cancel()
	result, err := c.store.Do(ctx, command)
	if err == nil && !result.Held {
		err = &kv.DifferentError{Version: result.Version}
	}
	if err == nil && o.Kind == kv.OpDelete && !result.Replies[0].Found {
		err = kv.ErrNotFound
	}
	if err != nil {
		problemOf(err).write(w)
		return
	}
	w.Header().Set("ETag", etag(result.Index))
	setIndex(w, result.Index)
	writeJSON(w, http.StatusOK, struct {
		Version balsa.Index `json:"version"`
	}{result.Index})
}
