package introducer

import (
	"bytes"
	"compress/gzip"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/balsaraft/balsa/room"
)

func TestPagesAreServedAsTheyLie(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte("wasm"))
	must(t, z.Close())
	s, err := New(Options{Pages: fstest.MapFS{
		"index.html":      {Data: []byte("<h1>hello")},
		"todo/index.html": {Data: []byte("<h1>todo")},
		"app.js":          {Data: []byte("1"), Mode: 0o444},
		"app.js.br":       {Data: []byte("brotli")},
		"member.wasm.gz":  {Data: packed.Bytes()},
	}})
	must(t, err)
	defer s.Close()
	for _, c := range []struct {
		path, accept       string
		status             int
		kind, coding, body string
	}{
		{"/", "", 200, "text/html; charset=utf-8", "", "<h1>hello"},
		{"/todo/", "gzip", 200, "text/html; charset=utf-8", "", "<h1>todo"},
		{"/app.js", "", 200, "text/javascript; charset=utf-8", "", "1"},
		{"/app.js", "gzip, deflate, br", 200, "text/javascript; charset=utf-8", "br", "brotli"},
		{"/app.js", "br;q=0", 200, "text/javascript; charset=utf-8", "", "1"},
		{"/member.wasm", "gzip", 200, "application/wasm", "gzip", packed.String()},
		{"/member.wasm", "", 406, "text/plain; charset=utf-8", "", "this file is here compressed alone; ask for it with Accept-Encoding: gzip\n"},
		{"/../../etc/passwd", "gzip", 404, "text/plain; charset=utf-8", "", "404 page not found\n"},
		{"/nothing", "gzip", 404, "text/plain; charset=utf-8", "", "404 page not found\n"},
	} {
		r := httptest.NewRequest("GET", "http://introducer/", nil)
		r.URL.Path = c.path
		r.Header.Set("Accept-Encoding", c.accept)
		w := httptest.NewRecorder()
		pages(s.opts.Pages).ServeHTTP(w, r)
		h := w.Header()
		if w.Code != c.status || h.Get("Content-Type") != c.kind || h.Get("Content-Encoding") != c.coding || w.Body.String() != c.body {
			t.Errorf("%s accepting %q: %d %s %q %q", c.path, c.accept, w.Code, h.Get("Content-Type"), h.Get("Content-Encoding"), w.Body)
		}
		if h.Get("Cross-Origin-Opener-Policy") != "same-origin" || h.Get("Cross-Origin-Embedder-Policy") != "require-corp" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: headers %v", c.path, h)
		}
	}
}

func TestAnIntroducerWithoutPagesSaysWhatItIs(t *testing.T) {
	s, err := New(Options{})
	must(t, err)
	defer s.Close()
	for path, want := range map[string]string{"/": "introducer", "/status": `"rooms":0`, "/room": "", "/other": ""} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if want != "" && (w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want)) || want == "" && w.Code < 400 {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestMembersGetServersAndCredentialsForThem(t *testing.T) {
	secret := []byte("shared with coturn")
	inWorld(t, Options{
		ICEServers: []room.ICEServer{{URLs: []string{"stun:stun.example.org"}}},
		TURN:       []string{"turn:turn.example.org?transport=udp"}, TURNSecret: secret,
	}, func(t *testing.T, w *world) {
		_, welcome := w.enter("a")
		if len(welcome.ICEServers) != 2 || welcome.ICEServers[0].URLs[0] != "stun:stun.example.org" {
			t.Fatalf("it was told of %+v", welcome.ICEServers)
		}
		turn := welcome.ICEServers[1]
		mac := hmac.New(sha1.New, secret)
		mac.Write([]byte(turn.Username))
		if turn.Credential != base64.StdEncoding.EncodeToString(mac.Sum(nil)) {
			t.Errorf("the credential %q is not that of %q", turn.Credential, turn.Username)
		}
		// The bubble's clock starts at the year 2000.
		if want := time.Now().Add(turnFor).Unix(); !strings.HasPrefix(turn.Username, "946771200:") || want != 946771200 {
			t.Errorf("the user name is %q; it is good until %d", turn.Username, want)
		}
	})
}

func TestOptionsThatAreNotGoodAreNamed(t *testing.T) {
	for want, o := range map[string]Options{
		"origin":      {Origins: []string{"example.org"}},
		"key":         {TokenKey: []byte("short")},
		"TURN":        {TURN: []string{"turn:x"}},
		"negative":    {MaxRooms: -1},
		"QueueBytes":  {QueueBytes: 100},
		"BytesPerSec": {BytesPerSecond: 100},
	} {
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
