package stream

import (
	"cmp"
	"fmt"
	"log/slog"
	"time"

	"github.com/balsaraft/balsa/wire"
)

// Options are what a hub may be told; those of the transports say what each means.
type Options struct {
	Group                      wire.GroupID
	MaxMessage                 int
	QueueBytes, InboxBytes     int
	HandshakeTimeout           time.Duration
	MaxPending, MaxConnections int
	Logger                     *slog.Logger
}

func (o Options) withDefaults() (Options, error) {
	o.MaxMessage = cmp.Or(o.MaxMessage, wire.MaxFrame)
	o.QueueBytes = cmp.Or(o.QueueBytes, 32<<20)
	o.InboxBytes = cmp.Or(o.InboxBytes, 64<<20)
	o.HandshakeTimeout = cmp.Or(o.HandshakeTimeout, 3*time.Second)
	o.MaxPending = cmp.Or(o.MaxPending, 64)
	o.MaxConnections = cmp.Or(o.MaxConnections, 1024)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.MaxMessage < 0 || o.MaxMessage > wire.MaxFrame {
		return o, fmt.Errorf("Options.MaxMessage is %d bytes; it may be up to %d", o.MaxMessage, wire.MaxFrame)
	}
	return o, nil
}
