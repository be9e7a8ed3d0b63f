package tcp

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/balsaraft/balsa/wire"
)

// Options are what a transport may be told. The zero Options are good.
type Options struct {
	// TLS secures all connections, those dialled and those accepted; all members need
	// it then. It needs a certificate that names this member's address, and the roots
	// of the others'. With ClientAuth: tls.RequireAndVerifyClientCert members check
	// each other, and a certificate must name its member: by the member's name, the
	// host it says it listens on, or the address it dials from.
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
	setDefault(&o.MaxMessage, wire.MaxFrame)
	setDefault(&o.QueueBytes, 32<<20)
	setDefault(&o.InboxBytes, 64<<20)
	setDefault(&o.DialTimeout, 2*time.Second)
	setDefault(&o.HandshakeTimeout, 3*time.Second)
	setDefault(&o.MaxPending, 64)
	setDefault(&o.MaxConnections, 1024)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	switch {
	case o.MaxMessage < 0 || o.MaxMessage > wire.MaxFrame:
		return o, fmt.Errorf("Options.MaxMessage is %d bytes; it may be up to %d", o.MaxMessage, wire.MaxFrame)
	case o.TLS != nil && len(o.TLS.Certificates) == 0 && o.TLS.GetCertificate == nil && o.TLS.GetConfigForClient == nil:
		return o, errors.New("Options.TLS has no certificate; a member accepts connections and needs one")
	}
	return o, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
