package websocket

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/balsaraft/balsa/room"
	"github.com/balsaraft/balsa/transport/internal/stream"
	"github.com/balsaraft/balsa/wire"
)

// Options say which room, and through whom. Room, Secret, and either Introducer or
// Servers are needed.
type Options struct {
	// Introducer is where it listens: "wss://example.org", or ws, http or https.
	Introducer string
	// Servers are where the members of a cluster listen that lets members like this one
	// take part (package windows), each as Introducer is. A WebSocket is held to each of
	// them: whoever leads must be among them. One will do that can be reached, if the
	// servers have doors that they tell of (windows.Options.Door).
	Servers []string
	// Room is the room's name, Secret what all in it share: at least 16 random bytes.
	Room   string
	Secret []byte
	// Member is this member's name in the room, 1 to 64 letters, digits, dots, dashes and
	// underscores, and unique there. Default a random one.
	Member string
	// Direct makes connections that need no introducer, as package transport/webrtc/pion
	// does by WebRTC. Default: everything is relayed.
	Direct Direct
	// Vet says what else is wrong with a member that introduces itself than that it goes
	// by another's name, and nil if nothing is. Default nil for all.
	Vet func(wire.Card) error
	// Token gets what the introducer may ask for, for each new connection that cannot
	// resume. Default none.
	Token func(context.Context) (string, error)
	// Ping is how often the introducer is asked whether it is there, and how long it may
	// take to answer. Default 15 s.
	Ping time.Duration
	// HTTP opens the WebSocket. Default http.DefaultClient.
	HTTP *http.Client

	// Group is the log whose messages these are, for processes that hold several.
	Group wire.GroupID
	// MaxMessage bounds an encoded message, in bytes. Default wire.MaxFrame.
	MaxMessage int
	// QueueBytes bounds what waits for one peer. Default 32 MiB. InboxBytes bounds what
	// waits for Drain. Default 64 MiB.
	QueueBytes, InboxBytes int
	// Logger gets what people should know. Default slog.Default.
	Logger *slog.Logger
}

// prepared are options that were looked at.
type prepared struct {
	Options
	keys room.Keys
	urls []string // of the introducer, or of each server
}

func (o Options) prepare() (p prepared, err error) {
	p.Options = o
	p.Ping = cmp.Or(o.Ping, 15*time.Second)
	if p.Member = cmp.Or(o.Member, strings.ToLower(rand.Text())); p.Logger == nil {
		p.Logger = slog.Default()
	}
	if err := room.CheckMember(p.Member); err != nil {
		return p, fmt.Errorf("Options.Member %q: %w", o.Member, err)
	}
	if p.keys, err = room.Derive(o.Room, o.Secret); err != nil {
		return p, fmt.Errorf("Options.Room and Options.Secret: %w", err)
	}
	switch {
	case len(o.Servers) == 0:
		p.urls, err = doorsAt("Options.Introducer", o.Introducer)
	case o.Introducer != "":
		err = errors.New("Options.Introducer and Options.Servers: one of them, as a member meets others through an introducer or belongs to servers")
	default:
		p.urls, err = doorsAt("Options.Servers", o.Servers...)
	}
	return p, err
}

// doorsAt are the addresses of WebSockets at hosts.
func doorsAt(option string, hosts ...string) (urls []string, err error) {
	for _, host := range hosts {
		u, err := url.Parse(host)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s: %w", option, err)
		case u.Host == "":
			return nil, fmt.Errorf("%s %q: it must be like wss://example.org", option, host)
		case u.Scheme != "ws" && u.Scheme != "wss" && u.Scheme != "http" && u.Scheme != "https":
			return nil, fmt.Errorf("%s %q: it must start with wss:// or ws://", option, host)
		}
		urls = append(urls, u.JoinPath(room.Path).String())
	}
	return urls, nil
}

// hub is what these options say to a stream.Hub.
func (o Options) hub() stream.Options {
	return stream.Options{Group: o.Group, MaxMessage: o.MaxMessage, QueueBytes: o.QueueBytes, InboxBytes: o.InboxBytes, Logger: o.Logger}
}
