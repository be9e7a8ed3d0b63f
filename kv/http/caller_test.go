package http

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa/kv"
	"github.com/balsaraft/balsa/kv/access"
)

// roles are callers of every kind; those with grants have them for keys that begin with
// a/, but for root and admin. A token is the name of its role.
var roles = []access.Caller{
	{Name: "nobody"},
	{Name: "reader", Grants: []access.Grant{{Prefix: "a/", Rights: access.Read}}},
	{Name: "writer", Grants: []access.Grant{{Prefix: "a/", Rights: access.Write}}},
	{Name: "user", Grants: []access.Grant{{Prefix: "a/", Rights: access.Read | access.Write}}},
	{Name: "admin", Grants: []access.Grant{{Rights: access.Admin}}},
	{Name: "root", Grants: []access.Grant{{Rights: access.Read | access.Write | access.Admin}}},
}

func bookOf(t testing.TB, callers ...access.Caller) *access.Book {
	t.Helper()
	var entries []access.Entry
	for _, c := range callers {
		entries = append(entries, access.Entry{Caller: c, Token: access.DigestOf(c.Name)})
	}
	book, err := access.NewBook(entries)
	if err != nil {
		t.Fatal(err)
	}
	return book
}

const everyRole = "nobody reader writer user admin root"

// requests are what each operation is asked with, and who gets it.
var requests = map[string][]struct {
	target, body string
	headers      []string
	allowed      string
}{
	"GET /kv/":         {{"/kv/?prefix=a/", "", nil, "reader user root"}, {"/kv/?prefix=a/x", "", nil, "reader user root"}, {"/kv/?prefix=a", "", nil, "root"}, {"/kv/", "", nil, "root"}, {"/kv/?prefix=b/", "", nil, "root"}},
	"GET /kv/{key}":    {{"/kv/a/1", "", nil, "reader user root"}, {"/kv/b/1", "", nil, "root"}, {"/kv/a", "", nil, "root"}, {"/kv/none", "", nil, "root"}},
	"PUT /kv/{key}":    {{"/kv/a/1", "v", nil, "writer user root"}, {"/kv/b/1", "v", nil, "root"}, {"/kv/a/1", "v", []string{"If-Match", "*"}, "user root"}, {"/kv/a/1?ttl=1m", "v", nil, "writer user root"}},
	"DELETE /kv/{key}": {{"/kv/a/1", "", nil, "writer user root"}, {"/kv/b/1", "", nil, "root"}, {"/kv/a/1", "", []string{"If-Match", "*"}, "user root"}},
	"POST /txn": {
		{"/txn", `{"then":[{"op":"get","key":"a/1"}]}`, nil, "reader user root"},
		{"/txn", `{"else":[{"op":"get","key":"b/1"}]}`, nil, "root"},
		{"/txn", `{"then":[{"op":"set","key":"a/1","value":"v"}]}`, nil, "writer user root"},
		{"/txn", `{"if":[{"key":"a/1","of":"created","is":"!=","number":0}]}`, nil, "reader user root"},
		{"/txn", `{"then":[{"op":"scan","prefix":""}]}`, nil, "root"},
		{"/txn", `{"then":[{"op":"delete","prefix":"a"}]}`, nil, "root"},
		{"/txn", `{"then":[{"op":"compact","revision":1}]}`, nil, "admin root"},
		{"/txn", `{}`, nil, everyRole},
	},
	"GET /lock/{name}":    {{"/lock/a/1", "", nil, "reader user root"}, {"/lock/b/1", "", nil, "root"}},
	"POST /lock/{name}":   {{"/lock/a/new?ttl=1m&owner=me", "", nil, "user root"}, {"/lock/b/new", "", nil, "root"}},
	"PUT /lock/{name}":    {{"/lock/a/held?token=3", "", nil, "user root"}, {"/lock/b/held?token=4", "", nil, "root"}},
	"DELETE /lock/{name}": {{"/lock/a/held?token=3", "", nil, "user root"}, {"/lock/b/held?token=4", "", nil, "root"}},
	"GET /watch":          {{"/watch?prefix=a/", "", nil, "reader user root"}, {"/watch", "", nil, "root"}, {"/watch?key=a/1", "", nil, "reader user root"}, {"/watch?key=b/1", "", nil, "root"}, {"/watch?prefix=b/&from=1", "", nil, "root"}},
	"GET /status":         {{"/status", "", nil, everyRole}},
	"GET /healthz":        {{"/healthz", "", nil, everyRole}},
	"GET /readyz":         {{"/readyz", "", nil, everyRole}},
	"GET /openapi.json":   {{"/openapi.json", "", nil, everyRole}},
}

// Every operation that there is, asked by every kind of caller.
func TestEveryOperationIsForWhoMay(t *testing.T) {
	for _, o := range operations() {
		name := o.method + " " + o.path
		asked := requests[name]
		if len(asked) == 0 {
			t.Errorf("nobody has said who may %s", name)
		}
		for _, r := range asked {
			for _, role := range roles {
				want := 403
				if slices.Contains(strings.Fields(r.allowed), role.Name) {
					want = 200
				}
				if got := askAs(t, o, r.target, r.body, append([]string{"Authorization", "Bearer " + role.Name}, r.headers...)); got != want && !(want == 200 && got == 404) {
					t.Errorf("%s %s %s for %s is answered %d, want %d", o.method, r.target, r.body, role.Name, got, want)
				}
			}
			want := 401
			if o.open {
				want = 200
			}
			for _, unknown := range [][]string{nil, {"Authorization", "Bearer stranger"}, {"Authorization", "Basic cm9vdDo="}, {"Authorization", "root"}, {"Authorization", "Bearer"}, {"Authorization", "Bearer stranger", "Authorization", "Bearer root"}} {
				if got := askAs(t, o, r.target, r.body, unknown); got != want {
					t.Errorf("%s %s for %q is answered %d, want %d", o.method, r.target, unknown, got, want)
				}
			}
		}
	}
}

// askAs asks a store of its own that holds a key on either side.
func askAs(t *testing.T, o operation, target, body string, headers []string) int {
	t.Helper()
	store := newLonely(t)
	for _, key := range []string{"a/1", "b/1"} {
		if _, err := store.Put(t.Context(), key, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"a/held", "b/held"} { // with the tokens 3 and 4
		if _, err := kv.TryLock(t.Context(), store, name, "me", time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	r, err := parse(o.method, target, "", []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return ask(NewHandler(Config{Store: store, Member: wellMember{}, Access: bookOf(t, roles...)}), r).Code
}

func TestStrangersAreToldHowToSayWhoTheyAre(t *testing.T) {
	base, _ := startAlone(t, func(c *Config) { c.Access = bookOf(t, roles...) })
	for authorization, challenge := range map[string]string{
		"":                  `Bearer realm="balsa"`,
		"Bearer stranger":   `Bearer realm="balsa", error="invalid_token"`,
		"Basic cm9vdDpyb28": `Bearer realm="balsa", error="invalid_request"`,
	} {
		var headers []string
		if authorization != "" {
			headers = []string{"Authorization", authorization}
		}
		r := do(t, "GET", base+"/status", "", headers...)
		if r.status != 401 || r.code() != "unauthorized" || r.header.Get("WWW-Authenticate") != challenge {
			t.Errorf("%q is answered %+v", authorization, r)
		}
		if strings.Contains(r.body, "stranger") {
			t.Errorf("the answer has the token in it: %s", r.body)
		}
	}
	if r := do(t, "GET", base+"/kv/b/1", "", "Authorization", "bearer  reader"); r.status != 403 || r.code() != "forbidden" || !strings.Contains(r.body, `reader has no right to read \"b/1\"`) {
		t.Errorf("%+v", r)
	}
}

// A write that is refused has not happened, nor has any part of it.
func TestNothingHappensForWhoMayNot(t *testing.T) {
	base, store := startAlone(t, func(c *Config) { c.Access = bookOf(t, roles...) })
	for _, r := range []struct{ method, target, body string }{
		{"PUT", "/kv/b/1", "v"}, {"DELETE", "/kv/b/1", ""}, {"POST", "/txn", `{"then":[{"op":"set","key":"a/1","value":"v"},{"op":"set","key":"b/1","value":"v"}]}`},
	} {
		if got := do(t, r.method, base+r.target, r.body, "Authorization", "Bearer user"); got.status != 403 {
			t.Errorf("%s %s is answered %d", r.method, r.target, got.status)
		}
	}
	if v, err := store.View(t.Context()); err != nil || v.Applied() != 0 {
		t.Errorf("something was proposed, %v", err)
	}
}

// A page that begins outside of the prefix would show keys of others.
func TestPagesStayInTheirPrefix(t *testing.T) {
	base, store := startAlone(t, func(c *Config) { c.Access = bookOf(t, roles...) })
	for _, key := range []string{"0/secret", "a/1", "b/secret"} {
		if _, err := store.Put(t.Context(), key, []byte(key)); err != nil {
			t.Fatal(err)
		}
	}
	for _, after := range []string{"0", "a", "a/", "a/0", "b", "%00"} {
		r := do(t, "GET", base+"/kv/?prefix=a/&after="+after, "", "Authorization", "Bearer reader")
		if strings.Contains(r.body, "secret") || r.status == 200 && !strings.Contains(r.body, "a/1") {
			t.Errorf("after %s: %+v", after, r)
		}
	}
}

func TestAWatchEndsWithItsRight(t *testing.T) {
	book := bookOf(t, roles...)
	base, store := startAlone(t, func(c *Config) { c.Access = book })
	w, r := openWatch(t, base+"/watch?prefix=a/", "Authorization", "Bearer reader")
	if w == nil {
		t.Fatalf("%+v", r)
	}
	put := func(value string) {
		t.Helper()
		if _, err := store.Put(t.Context(), "a/1", []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	put("before")
	if got := w.next(); !strings.Contains(got, "before") {
		t.Errorf("%q", got)
	}
	if err := book.Replace([]access.Entry{{Caller: roles[0], Token: access.DigestOf("nobody")}}); err != nil {
		t.Fatal(err)
	}
	put("after")
	if got := w.next(); !strings.HasPrefix(got, "event: end") || !strings.Contains(got, `"code":"forbidden"`) || strings.Contains(got, "after") {
		t.Errorf("%q", got)
	}
}
