package grpc_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	googlegrpc "google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/balsaraft/balsa/internal/certs"
	"github.com/balsaraft/balsa/rpc"
	"github.com/balsaraft/balsa/transport/grpc"
	"github.com/balsaraft/balsa/transport/internal/trial"
	"github.com/balsaraft/balsa/wire"
)

const method = "/balsa.members.v1.Members/Connect"

// TestWhatAnswersIsNoMember: who dials hears what is wrong with the address, and what
// to do where that is known.
func TestWhatAnswersIsNoMember(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "welcome to the shop") })
	for name, c := range map[string]struct {
		server *http.Server
		says   string
	}{
		"HTTP/1.1 alone":   {&http.Server{Handler: page}, "it does not speak HTTP/2 without TLS"},
		"a page":           {&http.Server{Handler: page, Protocols: rpc.Protocols()}, `it answers with "text/plain; charset=utf-8"`},
		"another path":     {&http.Server{Handler: http.NotFoundHandler(), Protocols: rpc.Protocols()}, "404 Not Found: 404 page not found; is the transport's Handler mounted there"},
		"a server of gRPC": {&http.Server{Handler: googlegrpc.NewServer(), Protocols: rpc.Protocols()}, "does not know the service: unknown service balsa.members.v1.Members"},
	} {
		t.Run(name, func(t *testing.T) {
			there := mountOn(t, listener(t, ""), grpc.Options{}, c.server)
			one := mountAs(t, 1, grpc.Options{})
			one.Connect([]wire.Peer{{ID: 2, Addr: there.Addr()}})
			if err := trial.AwaitRefusal(t, one, wire.DifferentManners); !strings.Contains(err.Error(), c.says) || !err.Dialled {
				t.Errorf("who dialled hears %q", err)
			}
		})
	}
}

// TestAProxysTroubleIsNotAMembers: it goes on being dialled, without a refusal.
func TestAProxysTroubleIsNotAMembers(t *testing.T) {
	var l trial.Log
	proxy := mountOn(t, listener(t, ""), grpc.Options{}, &http.Server{Protocols: rpc.Protocols(),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no upstream", http.StatusBadGateway) })})
	one := mountAs(t, 1, grpc.Options{Logger: l.Logger()})
	one.Connect([]wire.Peer{{ID: 2, Addr: proxy.Addr()}})
	l.Await(t, "answers: 502 Bad Gateway: no upstream")
	if got := one.Drain(nil); len(got) > 0 {
		t.Errorf("arrived %+v", got)
	}
}

// TestWhoCallsIsNoMember: callers hear in their own language what they did wrong.
func TestWhoCallsIsNoMember(t *testing.T) {
	one := mountAs(t, 1, grpc.Options{})
	for name, c := range map[string]struct {
		method, path, contentType string
		status                    int
		says                      string
	}{
		"HTTP/1.1":       {"POST", method, "application/grpc", http.StatusHTTPVersionNotSupported, "needs HTTP/2"},
		"another method": {"POST", "/balsa.members.v1.Members/Depart", "application/grpc", http.StatusOK, ""},
		"a browser":      {"GET", "/balsa.members.v1.Members/", "", http.StatusNotFound, "404"},
	} {
		t.Run(name, func(t *testing.T) {
			request, err := http.NewRequest(c.method, "http://"+one.Addr()+c.path, strings.NewReader("x"))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", c.contentType)
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, _ := io.ReadAll(response.Body)
			if response.StatusCode != c.status || !strings.Contains(string(body), c.says) {
				t.Errorf("it hears %s %q", response.Status, body)
			}
		})
	}
	http.DefaultClient.CloseIdleConnections()
}

// call opens a call by grpc-go, which knows nothing of balsa.
func call(t *testing.T, addr string) googlegrpc.ClientStream {
	t.Helper()
	conn, err := googlegrpc.NewClient(addr, googlegrpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), trial.Eventually)
	t.Cleanup(cancel)
	stream, err := conn.NewStream(ctx, &googlegrpc.StreamDesc{ClientStreams: true, ServerStreams: true}, method)
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

func frame(kind wire.FrameKind, payload []byte) []byte {
	b := make([]byte, wire.FrameHeaderSize)
	wire.PutFrameHeader(b, kind, 0, payload)
	return append(b, payload...)
}

// TestAnyGRPCClientCanSpeakToMembers: what travels is a service of gRPC, and nothing of
// Go's.
func TestAnyGRPCClientCanSpeakToMembers(t *testing.T) {
	one := mountAs(t, 1, grpc.Options{})
	stream := call(t, one.Addr())
	hello := frame(wire.FrameHello, wire.NewHello(trial.Card(2, "127.0.0.1:1"), wire.LaneMessages, 1).Append(nil))
	for _, part := range [][]byte{hello[:3], nil, hello[3:]} {
		if err := stream.SendMsg(wrapperspb.Bytes(part)); err != nil {
			t.Fatal(err)
		}
	}
	var answer wrapperspb.BytesValue
	if err := stream.RecvMsg(&answer); err != nil {
		t.Fatal(err)
	}
	welcome, err := wire.DecodeHandshakeWelcome(answer.Value[wire.FrameHeaderSize:])
	if err != nil || welcome.Card.ID != 1 {
		t.Errorf("the answer is %+v, %v", welcome, err)
	}
	m := wire.Message{Kind: wire.ReadIndex, From: 2, To: 1, ID: 5}
	if err := stream.SendMsg(wrapperspb.Bytes(frame(wire.FrameMessage, m.Append(nil)))); err != nil {
		t.Fatal(err)
	}
	trial.Await(t, one, "the message", func(a wire.Arrival) bool { return a.Kind == wire.ArrivedMessage && a.Message.ID == 5 })
	one.Transport.Close()
	if err := stream.RecvMsg(&answer); !errors.Is(err, io.EOF) {
		t.Errorf("the call ends with %v", err)
	}
	if code := status.Code(call(t, one.Addr()).RecvMsg(&answer)); code != codes.Unavailable {
		t.Errorf("the next call ends with %v", code)
	}
}

// TestDamageEndsTheCall: the checksum is the same as over TCP, and who dialled hears why.
func TestDamageEndsTheCall(t *testing.T) {
	one := mountAs(t, 1, grpc.Options{})
	stream := call(t, one.Addr())
	hello := wire.NewHello(trial.Card(2, "127.0.0.1:1"), wire.LaneMessages, 1)
	m := wire.Message{Kind: wire.ReadIndex, From: 2, To: 1, ID: 5}
	damaged := frame(wire.FrameMessage, m.Append(nil))
	damaged[len(damaged)-1] ^= 1
	for _, part := range [][]byte{frame(wire.FrameHello, hello.Append(nil)), damaged} {
		if err := stream.SendMsg(wrapperspb.Bytes(part)); err != nil {
			t.Fatal(err)
		}
	}
	var welcome, refusal wrapperspb.BytesValue
	if err := errors.Join(stream.RecvMsg(&welcome), stream.RecvMsg(&refusal)); err != nil {
		t.Fatal(err)
	}
	r, err := wire.DecodeRefusal(refusal.Value[wire.FrameHeaderSize:])
	if err != nil || !strings.Contains(r.Text, "checksum") {
		t.Errorf("it hears %+v, %v", r, err)
	}
}

// mountTLS is a transport on a server with TLS, which may ask for certificates.
func mountTLS(t *testing.T, id wire.MemberID, o grpc.Options, server *tls.Config) mounted {
	t.Helper()
	m := mountOn(t, listener(t, ""), o, &http.Server{TLSConfig: server.Clone(), ErrorLog: quiet})
	m.Introduce(trial.Card(id, m.Addr()))
	return m
}

// TestWhoConnectsMustShowWhoItIs: the port is open to more than members.
func TestWhoConnectsMustShowWhoItIs(t *testing.T) {
	authority := certs.New(t)
	asking := func(c *tls.Config) *tls.Config { c.ClientAuth = tls.VerifyClientCertIfGiven; return c }
	own := authority.Member("m1")
	noCert := &tls.Config{RootCAs: own.RootCAs}
	for name, c := range map[string]struct {
		one, two grpc.Options
		server   *tls.Config // of member 2
		says     string
	}{
		"no certificate":              {grpc.Options{TLS: noCert}, grpc.Options{TLS: authority.Member("m2")}, asking(authority.Member("m2")), "it showed no certificate"},
		"a server that asks for none": {grpc.Options{TLS: own}, grpc.Options{TLS: authority.Member("m2")}, authority.Member("m2"), "ClientAuth and ClientCAs"},
		"a caller's certificate":      {grpc.Options{TLS: authority.Caller("m1")}, grpc.Options{TLS: authority.Member("m2")}, asking(authority.Member("m2")), "which is for calling members, not for being one"},
		"another member's":            {grpc.Options{TLS: authority.Member("m3")}, grpc.Options{TLS: authority.Member("m2")}, asking(authority.Member("m2")), "must not speak for member m1"},
		"one whose time is over":      {grpc.Options{TLS: authority.Ended().Member("m1")}, grpc.Options{TLS: authority.Member("m2")}, asking(authority.Member("m2")), "expired"},
		"a server whose time is over": {grpc.Options{TLS: own}, grpc.Options{TLS: authority.Member("m2")}, asking(authority.Ended().Member("m2")), "expired"},
		"one that was taken back":     {grpc.Options{TLS: own}, grpc.Options{TLS: authority.Member("m2")}, revoking(asking(authority.Member("m2"))), "certificate"},
		"a server with another's":     {grpc.Options{TLS: own}, grpc.Options{TLS: authority.Member("m3")}, asking(authority.Member("m3")), "must not speak for member m2"},
		"no token":                    {grpc.Options{TLS: noCert}, grpc.Options{Allow: bearer("open sesame")}, authority.Member("m2"), "no token"},
	} {
		t.Run(name, func(t *testing.T) {
			one := mountAs(t, 1, c.one)
			two := mountTLS(t, 2, c.two, c.server)
			one.Connect([]wire.Peer{{ID: 2, Addr: two.Addr()}})
			if err := trial.AwaitRefusal(t, one, wire.DifferentSecurity); !strings.Contains(err.Error(), c.says) {
				t.Errorf("who dialled hears %q", err)
			}
		})
	}
}

// revoking makes a server refuse every certificate, as one does that finds it in a list.
func revoking(c *tls.Config) *tls.Config {
	c.VerifyConnection = func(tls.ConnectionState) error { return errors.New("it was revoked") }
	return c
}

// bearer lets in who shows a token.
func bearer(token string) func(*http.Request) error {
	return func(r *http.Request) error {
		if r.Header.Get("Authorization") != "Bearer "+token {
			return errors.New("no token")
		}
		return nil
	}
}

// TestATokenStandsInForACertificate: where TLS ends at a proxy, the server sees none.
func TestATokenStandsInForACertificate(t *testing.T) {
	sign := func(r *http.Request) { r.Header.Set("Authorization", "Bearer open sesame") }
	pair(t, grpc.Options{Sign: sign}, grpc.Options{Allow: bearer("open sesame")})
}

// TestTransportsOnOneServer: a process may hold members of two clusters.
func TestTransportsOnOneServer(t *testing.T) {
	l := listener(t, "")
	mux := http.NewServeMux()
	other, err := grpc.New(grpc.Options{Addr: l.Addr().String(), Prefix: "/other", Logger: quietLogger})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	elsewhere := trial.Card(2, other.Addr())
	elsewhere.Cluster = 0xc2
	other.Introduce(elsewhere)
	two, err := grpc.New(grpc.Options{Addr: l.Addr().String(), Logger: quietLogger})
	if err != nil {
		t.Fatal(err)
	}
	defer two.Close()
	two.Introduce(trial.Card(2, two.Addr()))
	mux.Handle(other.Handler())
	mux.Handle(two.Handler())
	mountOn(t, l, grpc.Options{}, &http.Server{Handler: mux, Protocols: rpc.Protocols()})

	one := mountAs(t, 1, grpc.Options{})
	one.Connect([]wire.Peer{{ID: 2, Addr: two.Addr()}})
	trial.Await(t, one, "the connection", trial.Of(wire.ArrivedUp))
	lost := mountAs(t, 1, grpc.Options{Prefix: "/other"})
	lost.Connect([]wire.Peer{{ID: 2, Addr: two.Addr()}})
	trial.AwaitRefusal(t, lost, wire.DifferentCluster)
}

func TestOptionsThatAreNotGood(t *testing.T) {
	for says, o := range map[string]grpc.Options{
		"Options.Addr":       {},
		"Options.Prefix":     {Addr: "127.0.0.1:1", Prefix: "raft"},
		"Options.MaxMessage": {Addr: "127.0.0.1:1", MaxMessage: 1 << 40},
	} {
		if _, err := grpc.New(o); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("for %+v it says %v", o, err)
		}
	}
}
