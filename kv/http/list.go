package http

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
)

const (
	defaultPage = 1000
	// pageBytes bounds a page's keys and values, besides its number of keys, so that
	// neither side must hold much of a listing.
	pageBytes = 1 << 20
)

// listing is a page of keys.
type listing struct {
	Items []Item `json:"items"`
	// Revision is the moment that the page shows; ?at=REVISION shows it again.
	Revision balsa.Index `json:"revision"`
	// Next is where the next page of that moment is, if there is one.
	Next string `json:"next,omitempty"`
}

// list shows the keys with a prefix, in order. All pages of a listing are of the moment
// of the first.
func (h handler) list(w http.ResponseWriter, c call) {
	prefix := c.query.Get("prefix")
	page, problem := pageOf(c.query)
	if problem != nil {
		problem.write(w)
		return
	}
	l, problem := h.readPage(w, c, prefix, page)
	if problem != nil {
		problem.write(w)
		return
	}
	text := encode(l)
	done, problem := h.room(len(text))
	if problem != nil {
		problem.write(w)
		return
	}
	defer done()
	w.Header().Set("Cache-Control", "no-cache")
	writeText(w, http.StatusOK, text)
}

// pageOf reads what of a listing is wanted.
func pageOf(query url.Values) (kv.ScanOptions, *problem) {
	o := kv.ScanOptions{Limit: defaultPage, MaxBytes: pageBytes}
	if query.Has("limit") {
		n, err := strconv.Atoi(query.Get("limit"))
		if err != nil || n < 1 || n > kv.MaxRange {
			return o, badRequest(fmt.Errorf("limit=%s: it is a number from 1 to %d", query.Get("limit"), kv.MaxRange))
		}
		o.Limit = n
	}
	keysOnly, err := isSet(query, "keys-only")
	if err != nil {
		return o, badRequest(err)
	}
	o.KeysOnly = keysOnly
	for _, name := range [...]string{"prefix", "after"} {
		if len(query.Get(name)) > kv.MaxKey {
			return o, badRequest(fmt.Errorf("%s has %d bytes, the limit of keys is %d", name, len(query.Get(name)), kv.MaxKey))
		}
	}
	// One below the prefix would show keys that the caller's right was not asked about.
	if after := query.Get("after"); after != "" && !strings.HasPrefix(after, query.Get("prefix")) {
		return o, badRequest(fmt.Errorf("after=%s does not begin with the prefix; it is the last key of the page before", url.QueryEscape(after)))
	}
	return o, nil
}

// readPage looks at the whole range for the caller's right, and at the rest of it for
// the page.
func (h handler) readPage(w http.ResponseWriter, c call, prefix string, page kv.ScanOptions) (listing, *problem) {
	ctx, cancel := h.patient(c)
	defer cancel()
	v, problem := h.view(ctx, c, kv.Prefix(prefix))
	if problem != nil {
		return listing{}, problem
	}
	defer v.Close()
	rest := kv.Prefix(prefix)
	if after := c.query.Get("after"); after != "" {
		rest.From = after + "\x00"
	}
	items, more, err := v.Scan(rest, page)
	if err != nil {
		return listing{}, problemOf(err)
	}
	setIndex(w, v.Applied())
	l := listing{Items: itemsOf(items, !page.KeysOnly), Revision: v.Applied()}
	if at, _ := indexOf(c.query, "at"); at != 0 {
		l.Revision = at
	}
	if more {
		l.Next = nextPage(c.query, l.Revision, items[len(items)-1].Key)
	}
	return l, nil
}

// nextPage is this page's address with what differs. It need not be linearizable again,
// only to have come as far.
func nextPage(query url.Values, revision balsa.Index, after string) string {
	next := url.Values{}
	for _, name := range [...]string{"prefix", "limit", "keys-only"} {
		if query.Has(name) {
			next.Set(name, query.Get(name))
		}
	}
	at := strconv.FormatUint(uint64(revision), 10)
	next.Set("after", after)
	next.Set("at", at)
	next.Set("at-least", at)
	return keyPath + "?" + next.Encode()
}
