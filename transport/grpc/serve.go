package grpc

import (
	"bufio"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/balsaraft/balsa/pki"
	"github.com/balsaraft/balsa/transport/internal/socket"
	"github.com/balsaraft/balsa/transport/internal/stream"
	"github.com/balsaraft/balsa/wire"
)

// serve takes one request: the call of a member, or something else.
func (t *Transport) serve(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path != t.opts.Prefix+method && strings.HasSuffix(r.URL.Path, "/"):
		http.NotFound(w, r)
		return
	case r.URL.Path != t.opts.Prefix+method:
		deny(w, codeUnimplemented, "there is no such method: "+r.URL.Path)
		return
	case r.ProtoMajor < 2:
		http.Error(w, "balsa's members speak gRPC here, which needs HTTP/2", http.StatusHTTPVersionNotSupported)
		return
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "balsa's members speak gRPC here, which needs POST", http.StatusMethodNotAllowed)
		return
	case !isProtobuf(r.Header.Get("Content-Type")):
		http.Error(w, "balsa's members speak gRPC here: Content-Type must be "+contentType, http.StatusUnsupportedMediaType)
		return
	}
	if t.hub.Closed() {
		deny(w, codeUnavailable, closedHere)
		return
	}
	if err := t.allow(r); err != nil {
		t.hub.Complain(slog.LevelWarn, "allow", "turned a connection away", "address", r.RemoteAddr, "error", err)
		deny(w, codeDenied, err.Error())
		return
	}
	a := &accepted{w: w, r: r, control: http.NewResponseController(w), in: newReading(&question{r.Body}, readBuffer)}
	t.hub.Serve(a)
	a.over(t.hub)
}

// isProtobuf says whether a call's messages are of protocol buffers, which is what gRPC
// speaks unless it says otherwise.
func isProtobuf(is string) bool { return is == contentType || is == contentType+"+proto" }

var errNoCertificate = errors.New("it showed no certificate that this server has verified, and members must; " +
	"the server's tls.Config needs ClientAuth and ClientCAs, or this transport Options.Allow")

// allow says why a request is not that of a member.
func (t *Transport) allow(r *http.Request) error {
	switch {
	case t.opts.Allow != nil:
		return t.opts.Allow(r)
	case t.opts.shows() && shown(r) == nil:
		return errNoCertificate
	}
	return nil
}

// shown is the certificate of who calls, nil if there is none, or none that was verified.
func shown(r *http.Request) *x509.Certificate {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return nil
	}
	return r.TLS.VerifiedChains[0][0]
}

// accepted is a call that another process made. The handler's goroutine owns it.
type accepted struct {
	w       http.ResponseWriter
	r       *http.Request
	control *http.ResponseController
	in      *bufio.Reader

	mu     sync.Mutex // Close comes from others, and the server's parts end with the handler
	opened bool
	ended  bool // the handler is about to return
	closed bool
}

// readBuffer is how much is read of a request at once; what is larger goes straight into
// the message's memory.
const readBuffer = 64 << 10

func (a *accepted) In() *bufio.Reader { return a.in }

// Open answers before there is anything to say: who called waits for that.
func (a *accepted) Open(context.Context) error {
	a.opened = true
	a.w.Header().Set("Content-Type", contentType)
	a.w.Header().Set("Trailer", "Grpc-Status")
	a.w.WriteHeader(http.StatusOK)
	return a.control.Flush()
}

// Write is for a few words of a handshake; nothing else goes this way.
func (a *accepted) Write(parts [][]byte) error {
	for _, part := range parts {
		if _, err := a.w.Write(append(appendHead(nil, len(part)), part...)); err != nil {
			return &endedError{err}
		}
	}
	return a.control.Flush()
}

// SetDeadline is also what frees the call of the server's own limits to requests, which
// are made for shorter ones.
func (a *accepted) SetDeadline(t time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return http.ErrHandlerTimeout
	}
	return errors.Join(a.control.SetReadDeadline(t), a.control.SetWriteDeadline(t))
}

// CheckCard looks at the certificate of who called, if the server has verified it: what
// was not verified says nothing.
func (a *accepted) CheckCard(card wire.Card) *wire.HandshakeError {
	cert := shown(a.r)
	if cert == nil {
		return nil
	}
	if err := pki.CheckMember(cert, card.Name); err != nil {
		return socket.NotTheMember(card, err)
	}
	return nil
}

func (a *accepted) Remote() string { return a.r.RemoteAddr }

// Farewell says something last. The server sends it before it ends the call.
func (a *accepted) Farewell(words []byte) { _ = a.Write([][]byte{words}) }

// Close ends the wait for more; the handler does the rest.
func (a *accepted) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed || a.ended {
		return nil
	}
	a.closed = true
	return a.control.SetReadDeadline(time.Unix(1, 0))
}

// over ends the call.
func (a *accepted) over(hub *stream.Hub) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended = true
	switch {
	case a.opened:
		a.w.Header().Set("Grpc-Status", codeOK)
	case hub.Closed():
		deny(a.w, codeUnavailable, closedHere)
	default:
		deny(a.w, codeUnavailable, "this server cannot hold a call for long, or there are too many; its log says which")
	}
}

// question is what who called says.
type question struct{ body io.Reader }

func (q *question) Read(p []byte) (int, error) {
	n, err := q.body.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = &endedError{err}
	}
	return n, err
}
