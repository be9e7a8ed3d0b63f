package tcp

import (
	"cmp"
	"crypto/tls"
	"errors"
	"log/slog"
	"time"

	"github.com/balsaraft/balsa/transport/internal/stream"
	"github.com/balsaraft/balsa/wire"
)

// Options are what a transport may be told. The zero Options are good.
type Options struct {
	// TLS secures all connections, those dialled and those accepted; all members need
	// it then. It needs a certificate that names the host of this member's address, and
	// the roots of the others'. Certificates must be those of the members that show them,
	// as package pki has it: balsa://member/NAME, or the name as a DNS name. With
	// ClientAuth: tls.RequireAndVerifyClientCert both ends show theirs. A configuration
	// whose files may be replaced is pki.Keeper's.
	TLS *tls.Config
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
	// MaxPending bounds accepted connections that have not said who they are; the
	// oldest gives way. Default 64. MaxConnections bounds those that have. Default
	// 1024.
	MaxPending, MaxConnections int
	// Logger gets what people should know. Default slog.Default.
	Logger *slog.Logger
}

func (o Options) withDefaults() (Options, error) {
	o.DialTimeout = cmp.Or(o.DialTimeout, 2*time.Second)
	o.HandshakeTimeout = cmp.Or(o.HandshakeTimeout, 3*time.Second)
	if o.TLS != nil && len(o.TLS.Certificates) == 0 && o.TLS.GetCertificate == nil && o.TLS.GetConfigForClient == nil {
		return o, errors.New("Options.TLS has no certificate; a member accepts connections and needs one")
	}
	return o, nil
}

// hub is what these options say to a stream.Hub.
func (o Options) hub() stream.Options {
	return stream.Options{Group: o.Group, MaxMessage: o.MaxMessage, QueueBytes: o.QueueBytes, InboxBytes: o.InboxBytes,
		HandshakeTimeout: o.HandshakeTimeout, MaxPending: o.MaxPending, MaxConnections: o.MaxConnections, Logger: o.Logger}
}
