package grpc

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/balsaraft/balsa/wire"
)

// gRPC's codes for how a call ended, as far as they are told apart here.
const (
	codeOK              = "0"
	codeDenied          = "7"
	codeUnimplemented   = "12"
	codeUnavailable     = "14"
	codeUnauthenticated = "16"
)

const contentType = "application/grpc"

// closedHere is the message with which a transport that was closed ends calls.
const closedHere = "this member has been closed"

// errGone is what who dials such a transport hears.
var errGone = errors.New(closedHere)

// endedError is an error of a call's stream: it has ended, whoever ended it.
type endedError struct{ err error }

func (e *endedError) Error() string { return e.err.Error() }
func (e *endedError) Unwrap() error { return e.err }

// deny answers a call with a code and a message, and nothing else.
func deny(w http.ResponseWriter, code, message string) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Grpc-Status", code)
	w.Header().Set("Grpc-Message", url.PathEscape(message))
	w.WriteHeader(http.StatusOK)
}

// denied is why a call ended, by the headers or trailers in which that is said; nil
// if it is not said, or all is well.
func denied(h http.Header, where string) error {
	code := h.Get("Grpc-Status")
	if code == "" || code == codeOK {
		return nil
	}
	message := h.Get("Grpc-Message")
	if plain, err := url.PathUnescape(message); err == nil {
		message = plain
	}
	switch {
	case code == codeDenied || code == codeUnauthenticated:
		return insecure(where, message)
	case code == codeUnimplemented:
		return noMember(where, "the gRPC server there does not know the service: "+message)
	case code == codeUnavailable && message == closedHere:
		return errGone
	}
	return &endedError{fmt.Errorf("%s ended the call with gRPC status %s: %s", where, code, message)}
}

// unexpected is why an answer is not that of a gRPC service, nil if it is. It reads what a
// page says of itself.
func unexpected(r *http.Response, where string) error {
	switch r.StatusCode {
	case http.StatusOK:
		if strings.HasPrefix(r.Header.Get("Content-Type"), contentType) {
			return nil
		}
		return noMember(where, fmt.Sprintf("it answers with %q", r.Header.Get("Content-Type")))
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		return insecure(where, answerOf(r))
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, http.StatusTooManyRequests:
		// Something between here and the member that goes on without it.
		return fmt.Errorf("%s answers: %s", where, answerOf(r))
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return noMember(where, answerOf(r)+"; is the transport's Handler mounted there, with the same Options.Prefix?")
	}
	return noMember(where, answerOf(r))
}

// answerOf is an answer for people to read.
func answerOf(r *http.Response) string {
	text, _ := io.ReadAll(io.LimitReader(r.Body, 256))
	if line, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n"); line != "" {
		return r.Status + ": " + line
	}
	return r.Status
}

func noMember(where, text string) error {
	return &wire.HandshakeError{What: wire.DifferentManners, Dialled: true, Text: "what answers at " + where + " is no member: " + text}
}

func insecure(where, text string) error {
	return &wire.HandshakeError{What: wire.DifferentSecurity, Dialled: true, Ours: "what Options.TLS and Options.Sign show", Theirs: "something else",
		Text: where + " says: " + text}
}
