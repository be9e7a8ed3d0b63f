package rpc_test

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/rpc"
	"github.com/balsaraft/balsa/rpc/balsav1"
	"github.com/balsaraft/balsa/unread"
)

// echo keeps the last command, which is also its result and the answer to every question.
type echo struct {
	*balsa.State[string, string, string]
}

// Query implements balsa.Querier.
func (e echo) Query([]byte) ([]byte, error) { return []byte(e.Value), nil }

// narrow is a listener whose connections hold little of what is not read, so that whoever
// writes has to wait.
type narrow struct{ net.Listener }

func (n narrow) Accept() (net.Conn, error) {
	c, err := n.Listener.Accept()
	if err == nil {
		err = c.(*net.TCPConn).SetWriteBuffer(4 << 10)
	}
	return c, err
}

// Answers that nobody reads are bounded: a question is refused then, and a command before it
// has happened; a stream ends; and all is as before once they are read. Each stays within its
// server's bound where one is set.
func TestAnswersThatAreNotReadAreCounted(t *testing.T) {
	for name, request := range map[string]string{
		"of streams":   "Watch HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/connect+json\r\nContent-Length: 17\r\n\r\n\x00\x00\x00\x00\x0c{\"from\":\"1\"}",
		"of questions": "Query HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
	} {
		t.Run(name, func(t *testing.T) { testUnread(t, request) })
	}
}

// testUnread makes a request again and again, and does not read what comes back.
func testUnread(t *testing.T, request string) {
	const size, most = 1 << 20, 4 << 20
	n, err := balsa.Open(t.Context(), balsa.Config{Name: "a", MaxCommand: 2 * size, Logger: slog.New(slog.DiscardHandler)}, echo{
		balsa.Func("", func(last *string, _ balsa.Entry, command string) string { *last = command; return command }),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	answers := unread.New(most)
	path, handler := rpc.Handler(n)
	mux := http.NewServeMux()
	mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r.WithContext(unread.With(r.Context(), answers)))
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: mux}
	served := make(chan struct{})
	go func() { defer close(served); _ = server.Serve(narrow{l}) }()
	t.Cleanup(func() { server.Close(); <-served })
	addr := l.Addr().String()
	transport := &http.Transport{}
	stub := balsav1.NewClusterClient(&http.Client{Transport: transport}, "http://"+addr)
	t.Cleanup(transport.CloseIdleConnections)
	propose := func(command string) error {
		_, err := stub.Propose(t.Context(), &balsav1.ProposeRequest{Command: []byte(command)})
		return err
	}
	if err := propose(strings.Repeat("x", size)); err != nil {
		t.Fatal(err)
	}
	var slow []net.Conn
	for range most/size + 1 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		c.SetDeadline(time.Now().Add(time.Minute))
		c.(*net.TCPConn).SetReadBuffer(4 << 10)
		io.WriteString(c, "POST "+path+request)
		if _, err := io.ReadFull(c, make([]byte, len("HTTP/1.1 200"))); err != nil {
			t.Fatal(err)
		}
		slow = append(slow, c)
	}
	eventually := func(what string, is func() bool) {
		t.Helper()
		for late := time.Now().Add(time.Minute); !is(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(late) {
				t.Fatalf("%s: not in a minute", what)
			}
		}
	}
	eventually("what is not read is counted", answers.Full)
	overloaded := func(what string, err error) {
		t.Helper()
		f := balsav1.FailureIn(err)
		if connect.CodeOf(err) != connect.CodeResourceExhausted || !errors.Is(errors.Join(f.Errors()...), balsa.ErrOverloaded) {
			t.Errorf("%s meanwhile: %v", what, err)
		}
		if f.GetOutcome() != balsav1.Outcome_OUTCOME_NOT_COMMITTED {
			t.Errorf("%s meanwhile: %s", what, f.GetOutcome())
		}
	}
	applied := n.Status().Applied
	_, err = stub.Query(t.Context(), &balsav1.QueryRequest{})
	overloaded("a question", err)
	overloaded("a command", propose("y"))
	stream, err := stub.Watch(t.Context(), &balsav1.WatchRequest{From: 1})
	if err != nil {
		t.Fatal(err)
	}
	for stream.Receive() {
		if len(stream.Msg().GetCommand()) > 0 {
			t.Error("a stream for which there is no room is sent a command")
		}
	}
	if err := stream.Err(); connect.CodeOf(err) != connect.CodeResourceExhausted {
		t.Errorf("a stream meanwhile ends with %v", err)
	}
	if now := n.Status().Applied; now != applied {
		t.Errorf("entries up to %d are applied, not %d: a command that was refused has happened", now, applied)
	}
	for _, c := range slow {
		c.Close()
	}
	eventually("a command is carried out", func() bool { return propose("y") == nil })
	if r, err := stub.Query(t.Context(), &balsav1.QueryRequest{}); err != nil || string(r.GetAnswer()) != "y" {
		t.Errorf("the answer is %.20q, %v", r.GetAnswer(), err)
	}
}
