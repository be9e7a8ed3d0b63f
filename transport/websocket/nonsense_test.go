package websocket

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/balsaraft/balsa/introducer"
	"github.com/balsaraft/balsa/room"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

const welcomeText = `{"type":"welcome","seat":1,"limits":{"relay":16448}}`

// Whatever an introducer says, a member says what is wrong with it, and goes on trying.
func TestAnIntroducerThatSpeaksNonsenseIsSaidTo(t *testing.T) {
	peer := `{"seat":2,"member":"b","nonce":"AAAAAAAAAAAAAAAAAAAAAA=="}`
	for what, c := range map[string]struct {
		said []string
		want string
	}{
		"no JSON":                 {[]string{"hello"}, "nonsense"},
		"no welcome":              {[]string{`{"type":"pong"}`}, "instead of a welcome"},
		"frames that are small":   {[]string{strings.Replace(welcomeText, "16448", "100", 1)}, "no more than 100 bytes"},
		"two welcomes":            {[]string{welcomeText, welcomeText}, "a second welcome"},
		"the same seat twice":     {[]string{welcomeText, `{"type":"joined","peer":` + peer + `}`, `{"type":"joined","peer":` + peer + `}`}, "there already"},
		"this member as another":  {[]string{welcomeText, `{"type":"joined","peer":{"seat":2,"member":"a","nonce":"AAAAAAAAAAAAAAAAAAAAAA=="}}`}, "there already"},
		"something that is large": {[]string{strings.Repeat("x", maxMessage+1)}, ""},
		"an error":                {[]string{`{"type":"error","code":"room-full","message":"no place"}`}, "no place (room-full)"},
		"a final error later":     {[]string{welcomeText, `{"type":"error","code":"too-slow","message":"read more"}`}, "read more (too-slow)"},
	} {
		t.Run(what, func(t *testing.T) {
			came := make(chan struct{}, 100)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{room.Subprotocol}})
				if err != nil {
					return
				}
				defer conn.CloseNow()
				came <- struct{}{}
				_, _, _ = conn.Read(r.Context())
				for _, s := range c.said {
					_ = conn.Write(r.Context(), websocket.MessageText, []byte(s))
				}
				for {
					if _, _, err := conn.Read(context.Background()); err != nil {
						return
					}
				}
			}))
			t.Cleanup(server.Close)
			m := meet(t, Options{Introducer: server.URL, Member: "a"})
			await(t, "the member says what is wrong", func() bool {
				err := m.Err()
				return err != nil && !errors.Is(err, errNoSeat) && contains(err.Error(), c.want)
			})
			<-came
			await(t, "it tries again", func() bool { return len(came) > 0 })
		})
	}
}

func TestWhatIsNoIntroducerIsSaidTo(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	m := meet(t, Options{Introducer: server.URL})
	await(t, "the member says so", func() bool { return contains(m.Err().Error(), "is an introducer there?") })
	busy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"code":"busy","message":"come later"}`))
	}))
	t.Cleanup(busy.Close)
	m = meet(t, Options{Introducer: busy.URL})
	await(t, "the member says what it was told", func() bool { return errors.Is(m.Err(), room.Busy) })
}

func TestCloseLeavesNothingRunning(t *testing.T) {
	url := introduce(t, introducer.Options{})
	before := running()
	a, b := meet(t, Options{Introducer: url, Member: "a"}), meet(t, Options{Introducer: url, Member: "b"})
	await(t, "both are in", func() bool { return a.Err() == nil && b.Err() == nil })
	away := meet(t, Options{Introducer: "ws://127.0.0.1:1"})
	for _, m := range []*Transport{a, b, away} {
		m.Close()
		m.Close()
	}
	await(t, "all goroutines have ended", func() bool { return running() <= before })
}

// running counts goroutines that are in this package.
func running() int {
	buf := make([]byte, 1<<20)
	n := 0
	for g := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if contains(g, "websocket.(*session)") || contains(g, "websocket.(*seat)") || contains(g, "stream.(*Hub)") {
			n++
		}
	}
	return n
}

// A member whose introducer stands still notices.
func TestAnIntroducerThatStandsStillIsLeft(t *testing.T) {
	const ping = 100 * time.Millisecond
	still := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{room.Subprotocol}})
		if err != nil {
			return
		}
		defer conn.CloseNow()
		_, _, _ = conn.Read(r.Context())
		_ = conn.Write(r.Context(), websocket.MessageText, []byte(welcomeText))
		<-still
	}))
	t.Cleanup(func() { close(still); server.Close() })
	m := meet(t, Options{Introducer: server.URL, Ping: ping})
	await(t, "it is in", func() bool { return m.Err() == nil })
	await(t, "it says why", func() bool { return m.Err() != nil && contains(m.Err().Error(), "does not answer") })
}
