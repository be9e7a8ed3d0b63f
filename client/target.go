package client

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"connectrpc.com/connect"

	"github.com/balsaraft/balsa/rpc/balsav1"
)

// target is one address of a service. Its fields below the line belong to targets.
type target struct {
	at        string // host:port without names, to connect to
	stub      balsav1.ClusterClient
	transport *http.Transport
	secure    *tls.Config // nil without TLS

	member   string // who has answered there last; "" for nobody yet
	failures int    // in a row
	retryAt  time.Time
}

// down says whether it has failed so lately that it is not tried.
func (t *target) down() bool { return t.retryAt.After(time.Now()) }

// seed is an address as it was given.
type seed struct {
	base *url.URL // scheme, host:port, path
	host string
	port string
}

func parseSeed(addr string, tls bool) (seed, error) {
	if !strings.Contains(addr, "://") {
		scheme := "http://"
		if tls {
			scheme = "https://"
		}
		addr = scheme + addr
	}
	base, err := url.Parse(addr)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return seed{}, fmt.Errorf("the address %q: it must be host:port, or begin with http:// or https:// (%v)", addr, err)
	}
	s := seed{base: base, host: base.Hostname(), port: base.Port()}
	if s.port == "" && base.Scheme == "https" {
		s.port = "443"
	} else if s.port == "" {
		s.port = "80"
	}
	return s, nil
}

// dialError says that no connection came about, so that nothing was sent.
type dialError struct{ err error }

func (e *dialError) Error() string { return e.err.Error() }
func (e *dialError) Unwrap() error { return e.err }

const (
	dialTimeout   = 3 * time.Second
	idleConns     = 256 // of HTTP/1.1, which needs a connection for each call under way
	pingAfter     = 5 * time.Second
	pingTimeout   = 5 * time.Second
	largestAnswer = 64 << 20
)

// newTarget makes the target of a seed at one of the addresses that its name has.
func newTarget(s seed, ip string, cfg Config) *target {
	t := &target{at: net.JoinHostPort(ip, s.port)}
	dialer := net.Dialer{Timeout: dialTimeout}
	t.transport = &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, t.at)
			if err != nil {
				return nil, &dialError{err}
			}
			return conn, nil
		},
		ForceAttemptHTTP2: true, MaxIdleConnsPerHost: idleConns, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: dialTimeout,
		HTTP2: &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
	}
	if cfg.TLS != nil {
		t.transport.TLSClientConfig = cfg.TLS.Clone()
	}
	if s.base.Scheme == "https" {
		t.secure = cmp.Or(cfg.TLS, &tls.Config{MinVersion: tls.VersionTLS12}).Clone()
		t.secure.ServerName = cmp.Or(t.secure.ServerName, s.host)
	}
	// Answers are small: packing and unpacking them would cost more than it saves.
	options := []connect.ClientOption{connect.WithAcceptCompression("gzip", nil, nil), connect.WithReadMaxBytes(largestAnswer)}
	if cfg.Token != "" {
		options = append(options, connect.WithInterceptors(bearer(cfg.Token)))
	}
	options = append(options, cfg.Options...)
	t.stub = balsav1.NewClusterClient(&http.Client{Transport: t.transport, CheckRedirect: noRedirect}, s.base.String(), options...)
	return t
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
