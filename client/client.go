package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync"
	"time"

	"connectrpc.com/connect"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/codec"
)

// Config says whom to talk to.
type Config struct {
	// Addrs are addresses of members' services: host:port, or a URL where the service
	// stands under another path. A name that resolves to several addresses stands for
	// all of them, and is resolved again when they fail and every half minute.
	Addrs []string
	// TLS secures the connections, of addresses that do not begin with http://. Without
	// it those that begin with https:// are checked against the system's authorities.
	TLS *tls.Config
	// Known makes Open fail if none of the names exists, as when they are misspelt. Without
	// it calls wait for the names to appear, as those of machines do that start later.
	Known bool
	// Token says who calls, where members tell callers apart: it goes with each call, as
	// Authorization: Bearer. Without TLS whoever is in between can read it.
	Token string
	// SessionTTL is for how long the cluster remembers the commands of a client that has
	// gone without Close. Default 10 minutes.
	SessionTTL time.Duration
	// Options go to the connect client, such as interceptors that authenticate in other ways.
	Options []connect.ClientOption
}

// Client is a caller of a cluster. Any goroutine may use it.
type Client[C, R any] struct {
	commands codec.Codec[C]
	results  codec.Codec[R]
	targets  *targets
	sessions sessions

	ctx    context.Context // ends with Close
	cancel context.CancelCauseFunc
	mu     sync.Mutex
	closed bool
	calls  sync.WaitGroup // begins no more once closed
}

// Dial makes a client of the members at these addresses: see Config.Addrs. It connects to
// nobody yet; Ready does. C and R are those of the members' state machine.
func Dial[C, R any](ctx context.Context, addrs ...string) (*Client[C, R], error) {
	return Open[C, R](ctx, Config{Addrs: addrs})
}

// Open is Dial with more to say. It fails, with balsa.ErrConfig under the error, on what
// is no address, and on types that do not survive as bytes; addresses that do not resolve
// are tried again by each call, unless Config.Known asks for an error now, which has a
// *net.DNSError under it.
func Open[C, R any](ctx context.Context, cfg Config) (*Client[C, R], error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if cfg.SessionTTL == 0 {
		cfg.SessionTTL = 10 * time.Minute
	}
	c := &Client[C, R]{}
	var err error
	if c.commands, err = codec.For[C](); err != nil {
		return nil, fmt.Errorf("balsa client: %w: the commands: %w", balsa.ErrConfig, err)
	}
	if c.results, err = codec.For[R](); err != nil {
		return nil, fmt.Errorf("balsa client: %w: the results: %w", balsa.ErrConfig, err)
	}
	if c.targets, err = newTargets(cfg); err != nil {
		return nil, fmt.Errorf("balsa client: %w: %w", balsa.ErrConfig, err)
	}
	c.sessions.init(cfg.SessionTTL)
	c.targets.resolve(ctx, true)
	if err := c.targets.strange(); cfg.Known && err != nil {
		return nil, fmt.Errorf("balsa client: %w", err)
	}
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	return c, nil
}

// Ready waits until a leader answers. Its error, when ctx ends first, is
// balsa.ErrNotCommitted, with the last reason under it.
func (c *Client[C, R]) Ready(ctx context.Context) error {
	_, err := c.Members(ctx)
	return err
}

// Close ends the calls that are under way, with balsa.ErrClosed, tells the cluster to
// forget the client's session, and lets go of its connections.
func (c *Client[C, R]) Close() error {
	c.mu.Lock()
	again := c.closed
	c.closed = true
	c.mu.Unlock()
	if again {
		return nil
	}
	c.cancel(balsa.ErrClosed)
	c.calls.Wait()
	c.closeSession()
	c.targets.close()
	return nil
}

// begin is the context of a call, which ends with the client. end must follow.
func (c *Client[C, R]) begin(ctx context.Context) (calling context.Context, end func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, nil, balsa.ErrClosed
	}
	c.calls.Add(1)
	calling, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(c.ctx, func() { cancel(balsa.ErrClosed) })
	return calling, func() {
		stop()
		cancel(nil)
		c.calls.Done()
	}, nil
}

// errNoTarget says that none of the addresses resolves.
var errNoTarget = errors.New("no address of a member is known: none resolves")
