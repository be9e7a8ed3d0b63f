package rpc_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/rpc"
	"github.com/balsaraft/balsa/rpc/balsav1"
)

// sum adds up, and says so when asked.
type sum struct {
	*balsa.State[int, int, int]
}

// Query implements balsa.Querier.
func (s sum) Query(question []byte) ([]byte, error) {
	if string(question) != "sum" {
		return nil, errors.New("no such question")
	}
	return json.Marshal(s.Value)
}

type node = balsa.Node[sum, int, int]

func open(t *testing.T) *node {
	t.Helper()
	n, err := balsa.Open(t.Context(), balsa.Config{Name: "a", MaxCommand: 3, Logger: slog.New(slog.DiscardHandler)}, sum{
		balsa.Func(0, func(total *int, _ balsa.Entry, add int) int { *total += add; return *total }),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

// serve offers a handler on a loopback socket, over HTTP/1.1 and HTTP/2, and returns the
// address.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: h, Protocols: rpc.Protocols()}
	served := make(chan struct{})
	go func() { defer close(served); _ = server.Serve(l) }()
	t.Cleanup(func() { server.Close(); <-served })
	return l.Addr().String()
}

func alone(t *testing.T, n *node) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle(rpc.Handler(n))
	return serve(t, mux)
}

func dial(t *testing.T, addr string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

const service = "/balsa.v1.Cluster/"

// grpc-go knows nothing of us but the protocol.
func TestAForeignGRPCClient(t *testing.T) {
	n := open(t)
	conn := dial(t, alone(t, n))
	var opened balsav1.OpenSessionResponse
	if err := conn.Invoke(t.Context(), service+"OpenSession", &balsav1.OpenSessionRequest{}, &opened); err != nil {
		t.Fatal(err)
	}
	for range 3 { // the same number is the same command
		var r balsav1.ProposeResponse
		q := &balsav1.ProposeRequest{Command: []byte("5"), Session: opened.GetSession(), Seq: 1}
		if err := conn.Invoke(t.Context(), service+"Propose", q, &r); err != nil || string(r.GetResult()) != "5" {
			t.Fatalf("%q, %v; want 5", r.GetResult(), err)
		}
		if id := n.Status().ID.String(); r.GetStanding().GetMember() != id || r.GetStanding().GetLeader() != id {
			t.Errorf("the answer comes from %v, want %s as member and leader", r.GetStanding(), id)
		}
	}
	var answer balsav1.QueryResponse
	if err := conn.Invoke(t.Context(), service+"Query", &balsav1.QueryRequest{Question: []byte("sum")}, &answer); err != nil || string(answer.GetAnswer()) != "5" {
		t.Errorf("%q, %v; want 5", answer.GetAnswer(), err)
	}
	err := conn.Invoke(t.Context(), service+"Propose", &balsav1.ProposeRequest{Command: []byte("5"), Session: 99, Seq: 1}, &balsav1.ProposeResponse{})
	f := failureOf(t, err)
	if status.Code(err) != codes.FailedPrecondition || f.GetOutcome() != balsav1.Outcome_OUTCOME_NOT_COMMITTED || len(f.GetReasons()) != 1 || f.GetReasons()[0] != balsav1.Reason_REASON_SESSION_EXPIRED {
		t.Errorf("a session that nobody opened: %v with %v", err, f)
	}
	if err := conn.Invoke(t.Context(), service+"CloseSession", &balsav1.CloseSessionRequest{Session: opened.GetSession()}, &balsav1.CloseSessionResponse{}); err != nil {
		t.Error(err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, service+"Watch")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(stream.SendMsg(&balsav1.WatchRequest{}), stream.CloseSend()); err != nil {
		t.Fatal(err)
	}
	for {
		var m balsav1.WatchResponse
		if err := stream.RecvMsg(&m); err != nil {
			t.Fatal(err)
		}
		if m.GetIndex() > 0 {
			if string(m.GetCommand()) != "5" || m.GetTerm() == 0 || m.GetTime() == 0 {
				t.Errorf("the stream begins with %v", &m)
			}
			break
		}
	}
}

func failureOf(t *testing.T, err error) *balsav1.Failure {
	t.Helper()
	for _, detail := range status.Convert(err).Details() {
		if f, ok := detail.(*balsav1.Failure); ok {
			return f
		}
	}
	t.Errorf("%v has no Failure in it", err)
	return nil
}

func post(t *testing.T, addr, procedure, body string) (int, map[string]any) {
	t.Helper()
	r, err := http.Post("http://"+addr+service+procedure, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	data, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer map[string]any
	if err := json.Unmarshal(data, &answer); err != nil {
		t.Fatalf("%s answers %q: %v", procedure, data, err)
	}
	return r.StatusCode, answer
}

func TestPlainJSONToTheSamePort(t *testing.T) {
	addr := alone(t, open(t))
	// NQ== is 5, and c3Vt sum, in base64.
	if code, answer := post(t, addr, "Propose", `{"command":"NQ=="}`); code != 200 || answer["result"] != "NQ==" {
		t.Errorf("propose: %d %v", code, answer)
	}
	if code, answer := post(t, addr, "Query", `{"question":"c3Vt"}`); code != 200 || answer["answer"] != "NQ==" {
		t.Errorf("query: %d %v", code, answer)
	}
	if code, answer := post(t, addr, "Status", `{}`); code != 200 || answer["role"] != "leader" || answer["name"] != "a" {
		t.Errorf("status: %d %v", code, answer)
	}
	if code, answer := post(t, addr, "Members", `{}`); code != 200 || len(answer["members"].([]any)) != 1 {
		t.Errorf("members: %d %v", code, answer)
	}
	if code, answer := post(t, addr, "Propose", `{"command":"bm8gbnVtYmVy"}`); code != 400 || answer["code"] != "invalid_argument" {
		t.Errorf("a command that is no number: %d %v", code, answer)
	}
	for _, bad := range []string{`{"id":"none"}`, `{}`} {
		if code, answer := post(t, addr, "RemoveMember", bad); code != 400 {
			t.Errorf("remove %s: %d %v", bad, code, answer)
		}
	}
	if code, answer := post(t, addr, "SetMembers", `{"members":[{"id":"1","role":"king"}]}`); code != 400 {
		t.Errorf("a role that is none: %d %v", code, answer)
	}
}

func TestGRPCWeb(t *testing.T) {
	stub := balsav1.NewClusterClient(http.DefaultClient, "http://"+alone(t, open(t)), connect.WithGRPCWeb())
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	r, err := stub.Propose(t.Context(), &balsav1.ProposeRequest{Command: []byte("5")})
	if err != nil || string(r.GetResult()) != "5" {
		t.Errorf("%q, %v; want 5", r.GetResult(), err)
	}
	_, err = stub.Query(t.Context(), &balsav1.QueryRequest{Question: []byte("nonsense")})
	if f := balsav1.FailureIn(err); connect.CodeOf(err) != connect.CodeUnknown || f == nil || f.GetOutcome() != balsav1.Outcome_OUTCOME_UNSPECIFIED {
		t.Errorf("the state machine's own error: %v with %v", err, f)
	}
}

// A user's server has services of its own, which grpc-go serves; ours stands beside them.
func TestBesideAUsersOwnGRPCServices(t *testing.T) {
	own := grpc.NewServer()
	healthpb.RegisterHealthServer(own, health.NewServer())
	mux := http.NewServeMux()
	mux.Handle(rpc.Handler(open(t)))
	mux.Handle("/", own)
	conn := dial(t, serve(t, mux))
	if r, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil || r.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("the user's service: %v, %v", r, err)
	}
	var r balsav1.ProposeResponse
	if err := conn.Invoke(t.Context(), service+"Propose", &balsav1.ProposeRequest{Command: []byte("5")}, &r); err != nil || string(r.GetResult()) != "5" {
		t.Errorf("ours: %q, %v; want 5", r.GetResult(), err)
	}
}

func TestLimitsAndDeadlines(t *testing.T) {
	n := open(t)
	stub := balsav1.NewClusterClient(http.DefaultClient, "http://"+alone(t, n))
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	_, err := stub.Propose(t.Context(), &balsav1.ProposeRequest{Command: []byte("12345")})
	var size *balsa.TooLargeError
	if !errors.As(errors.Join(balsav1.FailureIn(err).Errors()...), &size) || size.Size != 5 || size.Limit != 3 {
		t.Errorf("a command of 5 bytes where 3 are allowed: %v", err)
	}
	_, err = stub.OpenSession(t.Context(), &balsav1.OpenSessionRequest{TtlMs: 1 << 63})
	if connect.CodeOf(err) != connect.CodeInvalidArgument {
		t.Errorf("a session for ever: %v", err)
	}
	later := uint64(n.Status().Applied) + 100 // the log grows by itself, too
	_, err = stub.Query(t.Context(), &balsav1.QueryRequest{
		Question: []byte("sum"), Level: &balsav1.QueryRequest_AtLeast{AtLeast: later}, WaitMs: 50,
	})
	f := balsav1.FailureIn(err)
	if f.GetOutcome() != balsav1.Outcome_OUTCOME_NOT_COMMITTED || connect.CodeOf(err) != connect.CodeDeadlineExceeded {
		t.Errorf("%v", err)
	}
	n.Close()
	_, err = stub.Propose(t.Context(), &balsav1.ProposeRequest{Command: []byte("5")})
	if f := balsav1.FailureIn(err); connect.CodeOf(err) != connect.CodeUnavailable || f.GetOutcome() != balsav1.Outcome_OUTCOME_NOT_COMMITTED {
		t.Errorf("a closed node: %v", err)
	}
}
