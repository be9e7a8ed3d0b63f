package tcp_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa/internal/certs"
	"github.com/balsaraft/balsa/transport/internal/trial"
	"github.com/balsaraft/balsa/transport/tcp"
	"github.com/balsaraft/balsa/wire"
)

func TestAnHTTPRequestIsToldWhatThisPortIs(t *testing.T) {
	authority := certs.New(t)
	for name, tlsConfig := range map[string]*tls.Config{"plain": nil, "to a TLS port": authority.Member("m1")} {
		t.Run(name, func(t *testing.T) {
			var l trial.Log
			a := openAs(t, 1, tcp.Options{Logger: l.Logger(), TLS: tlsConfig})
			answer, err := http.Get("http://" + a.Addr() + "/status")
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			text, err := io.ReadAll(answer.Body)
			if err != nil || answer.StatusCode != http.StatusBadRequest {
				t.Errorf("status %s, error %v", answer.Status, err)
			}
			for _, words := range []string{"balsa's members talk to each other", "--http", "8080"} {
				if !strings.Contains(string(text), words) {
					t.Errorf("the answer does not say %q:\n%s", words, text)
				}
			}
			l.Await(t, "an HTTP request on the port where members talk")
		})
	}
}

func TestAnHTTPSRequestIsToldWhatThisPortIs(t *testing.T) {
	a := openAs(t, 1, tcp.Options{TLS: certs.New(t).Member("m1")})
	conn, err := tls.Dial("tcp", a.Addr(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.Write([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || answer.StatusCode != http.StatusBadRequest {
		t.Errorf("answer %v, error %v", answer, err)
	}
}

// TestWhatIsNoHandshakeEndsTheConnection sends what no member says first. Each leaves
// a clear line in the log, and the port goes on working.
func TestWhatIsNoHandshakeEndsTheConnection(t *testing.T) {
	hello := frame(wire.FrameHello, 0, wire.NewHello(card(2), wire.LaneMessages, 1).Append(nil))
	damaged := append([]byte(nil), hello...)
	damaged[len(damaged)-1] ^= 1
	version := append([]byte(nil), hello...)
	version[4] = 9
	for name, c := range map[string]struct {
		bytes []byte
		log   string
	}{
		"another protocol":        {[]byte("*1\r\n$4\r\nPING\r\n"), `it starts with \"*1\\r\\n\", which no member says`},
		"zeros":                   {make([]byte, 100), "which no member says"},
		"a damaged hello":         {damaged, "checksum differs"},
		"a message at first":      {frame(wire.FrameMessage, 0, nil), "frame of kind 4 instead of a hello"},
		"a welcome at first":      {frame(wire.FrameWelcome, 0, nil), "frame of kind 2 instead of a hello"},
		"an empty hello":          {frame(wire.FrameHello, 0, nil), "malformed handshake"},
		"a hello of another time": {version, "protocol version differs: ours is 1, theirs is 9"},
		"a hello too large":       {frame(wire.FrameHello, 0, make([]byte, wire.MaxHandshake+1)), "too large"},
		"a hello cut off":         {hello[:len(hello)-1], "cut off after"},
		"a header cut off":        {hello[:10], "cut off after 10 bytes"},
		"two bytes":               {hello[:2], "hung up"},
	} {
		t.Run(name, func(t *testing.T) {
			var l trial.Log
			a := openAs(t, 1, tcp.Options{Logger: l.Logger()})
			r := dialRaw(t, a.Addr())
			r.say(c.bytes)
			r.Conn.(*net.TCPConn).CloseWrite()
			if name == "two bytes" {
				r.hearEnd() // a scanner, as far as anyone knows
			} else {
				l.Await(t, c.log)
			}
			shakeHands(t, a.Addr(), wire.LaneMessages)
		})
	}
}

func TestWhoSaysNothingIsHungUpOn(t *testing.T) {
	a := openAs(t, 1, tcp.Options{HandshakeTimeout: 50 * time.Millisecond})
	for name, first := range map[string][]byte{"nothing": nil, "half a hello": frame(wire.FrameHello, 0, make([]byte, 100))[:60]} {
		r := dialRaw(t, a.Addr())
		r.say(first)
		r.SetDeadline(time.Now().Add(trial.Eventually))
		if _, err := io.Copy(io.Discard, r); err != nil && !errors.Is(err, net.ErrClosed) && strings.Contains(err.Error(), "timeout") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhoWaitsLongestGivesWayToNewcomers(t *testing.T) {
	var l trial.Log
	a := openAs(t, 1, tcp.Options{MaxPending: 4, HandshakeTimeout: time.Hour, Logger: l.Logger()})
	var silent []raw
	for range 4 {
		silent = append(silent, dialRaw(t, a.Addr()))
	}
	shakeHands(t, a.Addr(), wire.LaneMessages)
	silent[0].hearEnd()
	l.Await(t, "too many connections that do not say who they are")
}

func TestThereIsALimitToConnections(t *testing.T) {
	var l trial.Log
	a := openAs(t, 1, tcp.Options{MaxConnections: 2, Logger: l.Logger()})
	shakeHands(t, a.Addr(), wire.LaneMessages)
	shakeHands(t, a.Addr(), wire.LaneBulk)
	r := dialRaw(t, a.Addr())
	r.say(frame(wire.FrameHello, 0, wire.NewHello(card(3), wire.LaneMessages, 1).Append(nil)))
	if text := r.hearRefusal().Text; !strings.Contains(text, "too many connections") {
		t.Errorf("the refusal says %q", text)
	}
	shakeHands(t, a.Addr(), wire.LaneBulk) // in place of the older one
}
