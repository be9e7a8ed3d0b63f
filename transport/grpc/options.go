package grpc

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/balsaraft/balsa/transport/internal/stream"
	"github.com/balsaraft/balsa/wire"
)

// Options are what a transport may be told. All but Addr may stay empty.
type Options struct {
	// Addr is where others reach the server that Handler is mounted on: host and port.
	Addr string
	// Prefix is what Handler's path begins with, such as "/raft", the same for all members.
	// Two transports on one server need two.
	Prefix string
	// TLS is for dialling others; nil dials without TLS. It needs the roots of their
	// certificates, or says otherwise how to verify them, and a certificate of this member
	// if they ask for one. That of package pki's Keeper does. The server's own is the
	// server's.
	TLS *tls.Config
	// Sign may add to each request that dials, for instance a header. Allow says why a
	// request is not that of a member, nil if it may be; it stands in place of the rule
	// that a certificate is needed. Both are called by many goroutines.
	Sign  func(*http.Request)
	Allow func(*http.Request) error

	// Group is the log whose messages these are, for processes that hold several.
	Group wire.GroupID
	// MaxMessage bounds an encoded message, in bytes. Default wire.MaxFrame.
	MaxMessage int
	// QueueBytes bounds what waits for one peer on one connection. Default 32 MiB. A
	// message that is larger goes alone.
	QueueBytes int
	// InboxBytes bounds what waits for Drain. Default 64 MiB.
	InboxBytes int
	// DialTimeout bounds connecting, HandshakeTimeout what follows until both ends
	// know each other. Defaults 2 s and 3 s.
	DialTimeout, HandshakeTimeout time.Duration
	// MaxPending bounds requests that have not said whose they are; the oldest gives way.
	// Default 64. MaxConnections bounds those that have. Default 1024.
	MaxPending, MaxConnections int
	// Logger gets what people should know. Default slog.Default.
	Logger *slog.Logger
}

func (o Options) withDefaults() (Options, error) {
	o.DialTimeout = cmp.Or(o.DialTimeout, 2*time.Second)
	o.HandshakeTimeout = cmp.Or(o.HandshakeTimeout, 3*time.Second)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if _, _, err := net.SplitHostPort(o.Addr); err != nil {
		return o, fmt.Errorf("Options.Addr is %q: %w; it says where other members reach the server, such as 10.0.0.1:8080", o.Addr, err)
	}
	if o.Prefix != "" && (!strings.HasPrefix(o.Prefix, "/") || strings.HasSuffix(o.Prefix, "/")) {
		return o, fmt.Errorf("Options.Prefix is %q; it starts with a slash and ends without one, such as /raft", o.Prefix)
	}
	return o, nil
}

// hub is what these options say to a stream.Hub.
func (o Options) hub() stream.Options {
	return stream.Options{Group: o.Group, MaxMessage: o.MaxMessage, QueueBytes: o.QueueBytes, InboxBytes: o.InboxBytes,
		HandshakeTimeout: o.HandshakeTimeout, MaxPending: o.MaxPending, MaxConnections: o.MaxConnections, Logger: o.Logger}
}

// shows says whether others may expect a certificate of this member.
func (o Options) shows() bool {
	return o.TLS != nil && (len(o.TLS.Certificates) > 0 || o.TLS.GetClientCertificate != nil)
}
