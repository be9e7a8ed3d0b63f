package http

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/kv"
)

// startAlone serves a machine without a cluster, where the first command has index 1.
func startAlone(t *testing.T, change func(*Config)) (url string, store kv.Store) {
	t.Helper()
	store = newLonely(t)
	cfg := Config{Store: store, Member: wellMember{}, Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&cfg)
	}
	s := httptest.NewUnstartedServer(nil)
	s.Config = NewServer(NewHandler(cfg), cfg.Logger)
	s.Start()
	t.Cleanup(s.Close)
	return s.URL, store
}

// asked remembers what reads were asked for.
type asked struct {
	kv.Store
	last []host.ReadRequest
}

func (a *asked) View(ctx context.Context, options ...balsa.ReadOption) (*kv.View, error) {
	a.last = nil
	for _, o := range options {
		a.last = append(a.last, o.Request())
	}
	return a.Store.View(ctx, options...)
}

func TestReadsAreAsFreshAsTheyAreAsked(t *testing.T) {
	var store *asked
	base, _ := startAlone(t, func(c *Config) {
		store = &asked{Store: c.Store}
		c.Store = store
	})
	do(t, "PUT", base+"/kv/k", "v")
	for query, want := range map[string][]host.ReadRequest{
		"":                {},
		"?stale=5s":       {{Level: host.Stale, Age: 5 * time.Second}},
		"?lease":          {{Level: host.LeaseRead}},
		"?lease=true":     {{Level: host.LeaseRead}},
		"?lease=false":    {},
		"?at-least=1":     {{Level: host.AtLeast, Index: 1}},
		"?at=1&stale=2ms": {{Level: host.Stale, Age: 2 * time.Millisecond}},
	} {
		for _, path := range []string{"/kv/k", "/kv/"} {
			r := do(t, "GET", base+path+query, "")
			if r.status != 200 || fmt.Sprint(store.last) != fmt.Sprint(want) || r.header.Get("Balsa-Index") != "1" {
				t.Errorf("%s%s is answered %d at %s, asks %v, want %v", path, query, r.status, r.header.Get("Balsa-Index"), store.last, want)
			}
		}
	}
}

func TestWrongParametersAreRefusedByName(t *testing.T) {
	base, store := startAlone(t, nil)
	for _, c := range []struct{ method, target, says string }{
		{"GET", "/kv/k?stale=soon", "stale=soon"},
		{"GET", "/kv/k?stale=-1s", "stale=-1s"},
		{"GET", "/kv/k?stale=0s", "stale=0s"},
		{"GET", "/kv/k?lease=perhaps", "lease=perhaps"},
		{"GET", "/kv/k?at-least=-1", "at-least=-1"},
		{"GET", "/kv/k?at-least=0", "at-least=0"},
		{"GET", "/kv/k?at=1e3", "at=1e3"},
		{"GET", "/kv/k?at=99999999999999999999", "at=99999999999999999999"},
		{"GET", "/kv/k?lease&stale=1s", "exclude each other"},
		{"GET", "/kv/k?lease&lease", "2 times"},
		{"GET", "/kv/k?Stale=1s", `"Stale"`},
		{"GET", "/kv/k?ttl=1s", `"ttl"`},
		{"GET", "/kv/k?%zz", "query"},
		{"GET", "/kv/k?a;b", "query"},
		{"PUT", "/kv/k?ttl=0s", "ttl=0s"},
		{"PUT", "/kv/k?ttl=1us", "milliseconds"},
		{"PUT", "/kv/k?ttl=1000000h", "at most"},
		{"PUT", "/kv/k?ttl=30", "ttl=30"},
		{"PUT", "/kv/k?lease-id=new", "lease-id=new"},
		{"PUT", "/kv/k?lease-id=18446744073709551615", "lease-id"},
		{"PUT", "/kv/k?lease=7", `"lease"`},
		{"DELETE", "/kv/k?ttl=1s", `"ttl"`},
		{"GET", "/kv/?limit=0", "limit=0"},
		{"GET", "/kv/?limit=10001", "10000"},
		{"GET", "/kv/?prefix=a&after=b", "after=b"},
		{"GET", "/kv/?prefix=b&after=a", "after=a"},
		{"GET", "/kv/?keys-only=maybe", "keys-only=maybe"},
		{"GET", "/kv/?prefix=" + strings.Repeat("k", kv.MaxKey+1), "prefix"},
		{"GET", "/status?verbose", `"verbose"`},
		{"GET", "/watch?from=0", "from=0"},
		{"POST", "/txn?wait=1s", `"wait"`},
	} {
		r := do(t, c.method, base+c.target, "v")
		if r.status != 400 || r.code() != "bad_request" || !strings.Contains(r.body, strings.ReplaceAll(c.says, `"`, `\"`)) {
			t.Errorf("%s %.60s is answered %d %.200s, want 400 that says %s", c.method, c.target, r.status, r.body, c.says)
		}
	}
	if _, err := store.Get(t.Context(), "k"); err == nil {
		t.Error("a write that was refused has happened")
	}
}

func TestAWriteMayExpireOrGoWithALease(t *testing.T) {
	base, store := startAlone(t, nil)
	r := do(t, "PUT", base+"/kv/k?ttl=30s", "v")
	if r.status != 200 || r.header.Get("Balsa-Index") != "1" {
		t.Fatalf("%+v", r)
	}
	if r := do(t, "GET", base+"/kv/k", ""); r.header.Get("Balsa-Expires") != "1970-01-01T00:00:30Z" || r.header.Get("Balsa-Lease") != "" {
		t.Errorf("%+v", r)
	}
	if r := do(t, "PUT", base+"/kv/k?lease-id=7", "w"); r.status != 409 || r.code() != "no_lease" {
		t.Errorf("a lease that there is not: %+v", r)
	}
	if _, err := store.Do(t.Context(), kv.Do(kv.Op{Kind: kv.OpGrant, Lease: 7, TTL: time.Minute})); err != nil {
		t.Fatal(err)
	}
	if r := do(t, "PUT", base+"/kv/k?lease-id=7", "w"); r.status != 200 {
		t.Fatalf("%+v", r)
	}
	h := do(t, "GET", base+"/kv/k", "").header
	if h.Get("Balsa-Lease") != "7" || h.Get("Balsa-Expires") != "" || h.Get("Balsa-Created") != "1" || h.Get("Balsa-Changes") != "2" {
		t.Errorf("%v", h)
	}
}

func TestTheIndexOfAWriteBringsAnyReadThatFar(t *testing.T) {
	base := start(t, nil)
	for i := range 5 {
		put := do(t, "PUT", base+"/kv/k", fmt.Sprint(i))
		r := do(t, "GET", base+"/kv/k?at-least="+put.header.Get("Balsa-Index"), "")
		if r.body != fmt.Sprint(i) {
			t.Errorf("reads %s after %d was written", r.body, i)
		}
	}
}

func TestAKeyCanBeReadAsItWas(t *testing.T) {
	base, store := startAlone(t, nil)
	for _, v := range []string{"red", "green"} {
		do(t, "PUT", base+"/kv/color", v)
	}
	do(t, "DELETE", base+"/kv/color", "")
	for _, c := range []struct {
		at     string
		status int
		body   string
	}{{"1", 200, "red"}, {"2", 200, "green"}, {"3", 404, ""}, {"4", 409, ""}} {
		r := do(t, "GET", base+"/kv/color?at="+c.at, "")
		if r.status != c.status || c.body != "" && r.body != c.body {
			t.Errorf("at %s: %d %s", c.at, r.status, r.body)
		}
	}
	if _, err := store.Do(t.Context(), kv.Do(kv.Op{Kind: kv.OpCompact, Number: 2})); err != nil {
		t.Fatal(err)
	}
	if r := do(t, "GET", base+"/kv/color?at=1", ""); r.status != 410 || r.code() != "compacted" || !strings.Contains(r.body, `"from":3`) {
		t.Errorf("%+v", r)
	}
}

// page is what a listing answers.
type page struct {
	Items    []map[string]any
	Revision int
	Next     string
}

func getPage(t *testing.T, url string) page {
	t.Helper()
	r := do(t, "GET", url, "")
	var p page
	if err := json.Unmarshal([]byte(r.body), &p); err != nil || r.status != 200 {
		t.Fatalf("%s is answered %d %s", url, r.status, r.body)
	}
	return p
}

func TestPagesOfAListingAreOfOneMoment(t *testing.T) {
	base, store := startAlone(t, nil)
	var want []string
	for i := range 10 {
		key := fmt.Sprintf("k/%d", i)
		want = append(want, key+"=old")
		do(t, "PUT", base+"/kv/"+key, "old")
	}
	do(t, "PUT", base+"/kv/l", "not of it")
	var got []string
	next := "/kv/?prefix=k/&limit=3"
	for pages := 0; next != ""; pages++ {
		p := getPage(t, base+next)
		if p.Revision != 11 || len(p.Items) > 3 {
			t.Errorf("page %d has revision %d and %d items", pages, p.Revision, len(p.Items))
		}
		for _, i := range p.Items {
			got = append(got, fmt.Sprintf("%s=%s", i["key"], i["value"]))
		}
		next = p.Next
		// All changes before the next page is asked for.
		for i := range 10 {
			if _, err := store.Put(t.Context(), fmt.Sprintf("k/%d", i), []byte("new")); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := store.Put(t.Context(), fmt.Sprintf("k/%d+", pages), nil); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestListingsShowWhatIsNoText(t *testing.T) {
	base, store := startAlone(t, nil)
	for key, value := range map[string]string{"a": "", "b": "<text> & \u2028", "c\xff": "\xfe", "d": "\xff"} {
		if _, err := store.Put(t.Context(), key, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	var items []map[string]any
	for next := "/kv/?limit=1"; next != ""; {
		p := getPage(t, base+next)
		items, next = append(items, p.Items...), p.Next
	}
	if len(items) != 4 {
		t.Fatalf("%v", items)
	}
	for i, want := range []map[string]any{
		{"key": "a", "value": ""}, {"key": "b", "value": "<text> & \u2028"}, {"key64": "Y/8=", "value64": "/g=="}, {"key": "d", "value64": "/w=="},
	} {
		for _, name := range []string{"key", "key64", "value", "value64"} {
			if items[i][name] != want[name] {
				t.Errorf("item %d: %s is %v, want %v", i, name, items[i][name], want[name])
			}
		}
	}
	p := getPage(t, base+"/kv/?prefix="+url.QueryEscape("c\xff")+"&keys-only")
	if len(p.Items) != 1 || p.Items[0]["key64"] != "Y/8=" || p.Items[0]["value64"] != nil || p.Next != "" {
		t.Errorf("keys only, of a prefix that is no text: %+v", p)
	}
	if p := getPage(t, base+"/kv/?prefix=nothing"); p.Items == nil || len(p.Items) != 0 {
		t.Errorf("no keys: %+v", p)
	}
}

func TestAPageOfLargeValuesIsShort(t *testing.T) {
	base, store := startAlone(t, nil)
	for i := range 5 {
		if _, err := store.Put(t.Context(), fmt.Sprint(i), make([]byte, 400<<10)); err != nil {
			t.Fatal(err)
		}
	}
	if p := getPage(t, base+"/kv/"); len(p.Items) != 2 || p.Next == "" {
		t.Errorf("%d items, then %q", len(p.Items), p.Next)
	}
}
