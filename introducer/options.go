package introducer

import (
	"cmp"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"time"

	"github.com/balsaraft/balsa/room"
)

// Options are what an introducer may be told. The zero Options are good on a network
// that one trusts.
type Options struct {
	// Origins are pages that may use it beside its own, as "https://example.org". "*"
	// lets all in: a page gets no more than any program does that reaches the address.
	Origins []string
	// ICEServers are handed to members as they are.
	ICEServers []room.ICEServer
	// TURN servers, such as "turn:turn.example.org:3478", with a secret that they share
	// with this service: members get credentials that are good for a day.
	TURN       []string
	TURNSecret []byte
	// TokenKey, of at least 32 bytes, makes it ask for tokens.
	TokenKey []byte
	// Room is the only room that there is, if it is given: who wants into another one is
	// told that its room or its secret is not the right one.
	Room room.ID
	// Apart keeps members from seeing and reaching each other: they have to do with those
	// of this process alone, which come in by Local.
	Apart bool
	// Pages are served to browsers, if there are any.
	Pages fs.FS

	MaxRooms       int // default 1,000
	MaxMembers     int // in a room; default 32
	MaxConnections int // default 4,096
	MaxPerAddress  int // connections from one address; default 256
	// MessagesPerSecond and BytesPerSecond are what is read from one member. Defaults
	// 200 messages of text, and 16 MiB.
	MessagesPerSecond, BytesPerSecond int
	// QueueBytes bounds what waits for one member, TotalBytes for all of them. Defaults
	// 1 MiB and 256 MiB.
	QueueBytes, TotalBytes int
	// Ping is how often it asks whether a member is still there. Default 20 s.
	Ping time.Duration
	// HelloTimeout is how long a connection may be silent at its start. Default 10 s.
	HelloTimeout time.Duration
	// WriteTimeout is how long a member may take nothing of what is sent. Default 10 s.
	WriteTimeout time.Duration
	// Logger gets what people should know. Default slog.Default.
	Logger *slog.Logger
}

const minTokenKey = 32

func (o Options) withDefaults() (Options, error) {
	o.MaxRooms = cmp.Or(o.MaxRooms, 1000)
	o.MaxMembers = cmp.Or(o.MaxMembers, 32)
	o.MaxConnections = cmp.Or(o.MaxConnections, 4096)
	o.MaxPerAddress = cmp.Or(o.MaxPerAddress, 256)
	o.MessagesPerSecond = cmp.Or(o.MessagesPerSecond, 200)
	o.BytesPerSecond = cmp.Or(o.BytesPerSecond, 16<<20)
	o.QueueBytes = cmp.Or(o.QueueBytes, 1<<20)
	o.TotalBytes = cmp.Or(o.TotalBytes, 256<<20)
	o.Ping = cmp.Or(o.Ping, 20*time.Second)
	o.HelloTimeout = cmp.Or(o.HelloTimeout, 10*time.Second)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, 10*time.Second)
	o.Logger = cmp.Or(o.Logger, slog.Default())
	return o, o.check()
}

func (o Options) check() error {
	for _, origin := range o.Origins {
		if u, err := url.Parse(origin); origin != "*" && (err != nil || u.Scheme == "" || u.Host == "" || u.Path != "") {
			return fmt.Errorf("origin %q: it must be like https://example.org, or *", origin)
		}
	}
	if o.Room != "" {
		if err := room.CheckID(o.Room); err != nil {
			return fmt.Errorf("the only room: %w", err)
		}
	}
	switch {
	case o.TokenKey != nil && len(o.TokenKey) < minTokenKey:
		return fmt.Errorf("the key of tokens has %d bytes; it needs %d random ones", len(o.TokenKey), minTokenKey)
	case len(o.TURN) > 0 && len(o.TURNSecret) == 0:
		return fmt.Errorf("the TURN servers %v need the secret that they share with the introducer", o.TURN)
	case min(o.MaxRooms, o.MaxMembers, o.MaxConnections, o.MaxPerAddress, o.MessagesPerSecond, o.BytesPerSecond, o.QueueBytes, o.TotalBytes) < 0:
		return fmt.Errorf("a limit is negative")
	case o.BytesPerSecond < 2*room.MaxText || o.QueueBytes < 2*room.MaxText:
		return fmt.Errorf("BytesPerSecond and QueueBytes must be at least %d, for a message of the largest size", 2*room.MaxText)
	}
	return nil
}
