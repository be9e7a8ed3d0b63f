package dashboard

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
	"github.com/balsaraft/balsa/kv/access"
)

// still is a view that never changes.
type still struct{ watched atomic.Int64 }

func (s *still) Watch()            { s.watched.Add(1) }
func (s *still) Reports() []Report { return []Report{{Name: "a", Role: "leader"}} }
func (s *still) History() []Sample { return []Sample{{Proposed: 7}} }

func (s *still) Entries(_ context.Context, from balsa.Index, most int) (all []balsa.LogEntry[kv.Command], err error) {
	if from < 10 {
		return nil, balsa.ErrCompacted
	}
	command := kv.Do(kv.Set("secret/key", []byte("value")))
	empty := kv.Command{}
	all = []balsa.LogEntry[kv.Command]{
		{Entry: balsa.Entry{Index: from, Term: 3}, Kind: "command", Size: 9, Command: &command},
		{Entry: balsa.Entry{Index: from + 1, Term: 3}, Kind: "noop"},
		{Entry: balsa.Entry{Index: from + 2, Term: 3}, Kind: "command", Command: &empty},
	}
	return all[:min(most, len(all))], nil
}

// theatre is a stage on which everything works, but for one member.
type theatre struct{ done []Action }

func (s *theatre) Scene() Scene { return Scene{Members: []Actor{{Name: "a", State: "running"}}} }

func (s *theatre) Do(_ context.Context, a Action) error {
	if a.Member == "z" {
		return errors.New("there is no z")
	}
	s.done = append(s.done, a)
	return nil
}

func caller(prefix string, rights access.Right) *access.Caller {
	return &access.Caller{Name: "somebody", Grants: []access.Grant{{Prefix: prefix, Rights: rights}}}
}

func as(c *access.Caller, r *http.Request) *http.Request {
	return r.WithContext(access.WithCaller(r.Context(), func() *access.Caller { return c }))
}

func ask(h http.Handler, c *access.Caller, method, path, body string) (code int, answer string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, as(c, httptest.NewRequest(method, path, strings.NewReader(body))))
	return w.Code, strings.TrimSpace(w.Body.String())
}

func TestWhoMayReadLooksAndWhoMayAdministerHurts(t *testing.T) {
	stage := new(theatre)
	h := NewHandler("a", new(still), stage)
	reader, admin := caller("", access.Read), caller("", access.Admin)
	for _, c := range []struct {
		who          *access.Caller
		method, path string
		body         string
		code         int
		says         string
	}{
		{nil, "GET", "/dashboard/stream", "", 403, "no right to read"},
		{admin, "GET", "/dashboard/stream", "", 403, "no right to read"},
		{reader, "POST", "/dashboard/do", `{"do":"stop","member":"a"}`, 403, "no right to admin"},
		{admin, "POST", "/dashboard/do", `{"do":"stop","member":"a"}`, 204, ""},
		{admin, "POST", "/dashboard/do", `{"do":"stop","member":"z"}`, 409, "there is no z"},
		{admin, "POST", "/dashboard/do", `stop`, 400, "an action is JSON"},
		{admin, "GET", "/dashboard/do", "", 405, "use POST"},
		{reader, "POST", "/dashboard/stream", "", 405, "use GET"},
		{reader, "GET", "/dashboard/nothing", "", 404, "there is nothing"},
	} {
		code, answer := ask(h, c.who, c.method, c.path, c.body)
		if code != c.code || !strings.Contains(answer, c.says) {
			t.Errorf("%s %s %s: %d %s", c.method, c.path, c.body, code, answer)
		}
	}
	if len(stage.done) != 1 || stage.done[0] != (Action{Do: "stop", Member: "a"}) {
		t.Errorf("done was %v", stage.done)
	}
	if code, _ := ask(NewHandler("a", new(still), nil), admin, "POST", "/dashboard/do", `{}`); code != http.StatusNotFound {
		t.Errorf("without a stage: %d", code)
	}
}

func TestAnEntryShowsItsKeysToWhoMayReadThemAll(t *testing.T) {
	h := NewHandler("a", new(still), nil)
	for _, c := range []struct {
		who  *access.Caller
		path string
		code int
		says string
	}{
		{access.Everybody, "?from=10&count=1", 200, `[{"index":10,"term":3,"at":-62135596800000,"kind":"command","size":9,"does":["set \"secret/key\" \"value\""]}]`},
		{caller("secret/", access.Read), "?from=10&count=1", 200, `secret/key`},
		{caller("other/", access.Read), "?from=10&count=1", 200, `"hidden":true}]`},
		{access.Everybody, "?from=10&count=3", 200, `"kind":"noop","size":0},{"index":12,"term":3,"at":-62135596800000,"kind":"command","size":0,"does":["let expire what is due"]}`},
		{access.Everybody, "?from=9&count=1", 410, "a snapshot holds what it did"},
		{access.Everybody, "?from=9", 400, "?from=INDEX&count=N"},
		{access.Everybody, "?from=10&count=101", 400, "at most 100"},
	} {
		code, answer := ask(h, c.who, "GET", "/dashboard/entries"+c.path, "")
		if code != c.code || !strings.Contains(answer, c.says) {
			t.Errorf("%s: %d %s", c.path, code, answer)
		}
	}
	if _, answer := ask(h, caller("other/", access.Read), "GET", "/dashboard/entries?from=10&count=1", ""); strings.Contains(answer, "secret") {
		t.Errorf("who may not read it sees %s", answer)
	}
}

// read takes events off a stream until it ends.
func read(t *testing.T, body *bufio.Scanner, event string, into any) bool {
	t.Helper()
	for body.Scan() {
		if body.Text() != "event: "+event || !body.Scan() {
			continue
		}
		if err := json.Unmarshal([]byte(strings.TrimPrefix(body.Text(), "data: ")), into); err != nil {
			t.Fatal(err)
		}
		return true
	}
	return false
}

func TestAStreamBeginsWithTheHistoryAndEndsWithTheRightOrTheMember(t *testing.T) {
	view := new(still)
	h := NewHandler("a", view, new(theatre))
	var who atomic.Pointer[access.Caller]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(access.WithCaller(r.Context(), who.Load)))
	}))
	defer server.Close()
	follow := func() *bufio.Scanner {
		who.Store(access.Everybody)
		response, err := http.Get(server.URL + "/dashboard/stream")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { response.Body.Close() })
		return bufio.NewScanner(response.Body)
	}
	stream := follow()
	var history []Sample
	var first, second Frame
	if !read(t, stream, "history", &history) || !read(t, stream, "frame", &first) || !read(t, stream, "frame", &second) {
		t.Fatal("the stream has ended")
	}
	if len(history) != 1 || history[0].Proposed != 7 {
		t.Errorf("history %+v", history)
	}
	if first.Self != "a" || first.Reports[0].Role != "leader" || !first.Admin || first.Stage.Members[0].Name != "a" || second.Now <= first.Now {
		t.Errorf("frames %+v, %+v", first, second)
	}
	if view.watched.Load() == 0 {
		t.Error("nobody is told that somebody looks")
	}
	who.Store(nil) // the token was taken away
	for read(t, stream, "frame", &first) {
	}
	stream = follow()
	if !read(t, stream, "frame", &first) {
		t.Fatal("the second stream has ended")
	}
	h.Close()
	for read(t, stream, "frame", &first) {
	}
}

func TestPagesBeyondTheLimitAreTurnedAway(t *testing.T) {
	h := NewHandler("a", new(still), nil)
	for range maxStreams {
		h.streams <- struct{}{}
	}
	if code, answer := ask(h, access.Everybody, "GET", "/dashboard/stream", ""); code != http.StatusServiceUnavailable || !strings.Contains(answer, "overloaded") {
		t.Errorf("%d %s", code, answer)
	}
}
