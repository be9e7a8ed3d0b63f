package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	nethttp "net/http"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/backup"
	"github.com/balsaraft/balsa/dashboard"
	"github.com/balsaraft/balsa/kv"
	"github.com/balsaraft/balsa/kv/access"
	"github.com/balsaraft/balsa/kv/gate"
	"github.com/balsaraft/balsa/kv/http"
	"github.com/balsaraft/balsa/kv/redis"
	"github.com/balsaraft/balsa/kv/text"
	"github.com/balsaraft/balsa/kv/tracing"
	"github.com/balsaraft/balsa/metrics"
	"github.com/balsaraft/balsa/pki"
	"github.com/balsaraft/balsa/pki/door"
	"github.com/balsaraft/balsa/rpc"
)

// member is one running member: a node, and the faces in front of it.
type member struct {
	node    *kv.Node
	machine *kv.Machine
	store   kv.Store
	http    *nethttp.Server // nil behind a front
	redis   *redis.Server

	name     string
	tracer   *tracing.Tracer // nil if nobody wants traces
	reporter *dashboard.Reporter
	page     *dashboard.Handler

	httpAddr, redisAddr string
	served              chan error // each face's end
}

// faces are the addresses at which a member talks to its users.
type faces struct {
	http, redis string
	names       []string     // that the HTTP face answers to
	password    string       // of the Redis face
	conns       int          // that the Redis face serves at a time; 0 for its default
	access      *access.Book // of callers; nil lets everybody do everything

	certificates *pki.Keeper // under which the faces speak TLS; nil for none

	front *front             // serves HTTP in place of the member, if there is one
	page  *dashboard.Handler // in place of the member's own
}

// faceTimeout is how long a closing member lets requests finish.
const faceTimeout = 3 * time.Second

// startMember takes the faces' ports and opens the node, with its store on a disk, nil for
// the machine's; it does not wait for the other members.
func startMember(ctx context.Context, cfg balsa.Config, disk kv.Disk, f faces) (_ *member, err error) {
	httpListener, httpAddr, err := f.listenHTTP()
	if err != nil {
		return nil, err
	}
	closeHTTP := func() {
		if httpListener != nil {
			httpListener.Close()
		}
	}
	redisListener, err := listen("--redis", f.redis)
	if err != nil {
		closeHTTP()
		return nil, err
	}
	defer func() {
		if err != nil {
			closeHTTP()
			redisListener.Close()
		}
	}()
	machine, err := openStore(cfg, disk)
	if err != nil {
		return nil, err
	}
	cfg.MaxCommand = kv.MaxCommand
	recorder := dashboard.NewRecorder()
	numbers := metrics.New()
	tracer, err := tracing.Open(ctx, cfg.Name)
	if err != nil {
		return nil, errors.Join(err, machine.Close())
	}
	cfg.Meter = recorder.Meter().And(numbers.Meter()).And(tracer.Meter())
	node, err := balsa.Open(ctx, cfg, machine)
	if err != nil {
		return nil, errors.Join(err, machine.Close())
	}
	go kv.KeepTime(context.Background(), node) // ends with the node
	numbers.Watch(node)
	requests := metrics.NewRequests()
	m := &member{
		node: node, machine: machine, store: kv.NewStore(node), name: node.Status().Name,
		httpAddr: httpAddr, redisAddr: redisListener.Addr().String(),
		served: make(chan error, 2), tracer: tracer,
	}
	m.reporter = dashboard.NewReporter(node, recorder, f.url(m.httpAddr))
	if m.page = f.page; m.page == nil {
		m.page = dashboard.NewHandler(m.name, dashboard.Of(m.reporter, node), nil)
	}
	m.redis = redis.NewServer(m.store, redis.Config{
		Password: f.password, MaxConns: f.conns, Access: f.access, Lines: text.Face{}, Member: node, Logger: cfg.Logger,
		Observe: func(command, result string, took time.Duration) {
			requests.Observe("redis", command, result, took)
		},
	})
	go func() { m.served <- m.redis.Serve(f.secure(redisListener, plainRedis, cfg.Logger)) }()
	m.serveHTTP(httpListener, f, requests, observed(numbers, requests), cfg.Logger)
	return m, nil
}

// serveHTTP lets the member answer at its HTTP address, with services that keep to their
// callers' rights beside its own.
func (m *member) serveHTTP(l net.Listener, f faces, requests *metrics.Requests, guarded map[string]nethttp.Handler, log *slog.Logger) {
	path, service := rpc.Handler(m.node, m.tracer.Service(), gate.Guard(m.store))
	guarded[path], guarded[dashboard.Path] = service, m.page
	page := dashboard.Page()
	handler := requests.Handler(m.tracer.Handler(http.NewHandler(http.Config{
		Store: m.tracer.Store(m.store), Member: m.node, Access: f.access, Names: f.names, Logger: log,
		Open:    map[string]nethttp.Handler{"/": page, dashboard.PagePath: page},
		Guarded: guarded,
		Also: map[string]nethttp.Handler{
			backup.Path:         backup.Handler(m.node, m.catchUp, log),
			backup.RestorePath:  backup.RestoreHandler(m.node, log),
			backup.SnapshotPath: backup.SnapshotHandler(m.node, log),
		},
		Ports: map[string]string{"http": m.httpAddr, "redis": m.redisAddr},
	}), "/kv/", "/txn", "/lock/", path),
		"/kv/", "/txn", "/watch", "/lock/", "/status", "/healthz", "/readyz", "/openapi.json", path,
		backup.Path, backup.RestorePath, backup.SnapshotPath, dashboard.Path, dashboard.PagePath, metricsPath, pprofPath)
	if f.front != nil {
		f.front.show(handler)
		return
	}
	m.http = http.NewServer(handler, log)
	m.http.Protocols = rpc.Protocols()
	m.http.RegisterOnShutdown(m.page.Close)
	go func() { m.served <- ignoreClosed(m.http.Serve(f.secure(l, plainHTTP, log))) }()
}

// listenHTTP takes the port for HTTP. Behind a front it is taken already, and there is no
// listener.
func (f faces) listenHTTP() (l net.Listener, addr string, err error) {
	if f.front != nil {
		return nil, f.front.addr, nil
	}
	if l, err = listen("--http", f.http); err != nil {
		return nil, "", err
	}
	return l, l.Addr().String(), nil
}

// url is where a page may find the HTTP address, "" if it does not say on which machine
// that is.
func (f faces) url(addr string) string {
	at, err := netip.ParseAddrPort(addr)
	if err != nil || at.Addr().IsUnspecified() {
		return ""
	}
	if f.certificates != nil {
		return "https://" + addr
	}
	return "http://" + addr
}

// identityFile is in every directory in which a member lives.
const identityFile = "member"

// openStore opens the member's part of the state. One whose log is gone is refused: it
// may be another cluster's, and nobody could tell.
func openStore(cfg balsa.Config, disk kv.Disk) (*kv.Machine, error) {
	dir := kv.Dir(cfg.Dir)
	machine, err := kv.Open(dir, kv.Options{Logger: cfg.Logger, Disk: disk, Fatal: func(err error) {
		// A part of the process that cannot go on takes all of it along: so it is after kill
		// -9, too.
		cfg.Logger.Error("this member has stopped", "error", err)
		os.Exit(exitFailed)
	}})
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(cfg.Dir, identityFile)); machine.Applied() > 0 && errors.Is(err, os.ErrNotExist) {
		return nil, errors.Join(fmt.Errorf("%s holds the keys of a member whose log is not in %s: bring the log back, or remove %s and let the member come back as a new one", dir, cfg.Dir, dir), machine.Close())
	}
	return machine, nil
}

// listen takes a port for a face; its flag is named in errors.
func listen(flag, addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", flag, addr, err)
	}
	return l, nil
}

// What is said at the faces' ports to who speaks without TLS where they do not.
const (
	plainHTTP = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n" +
		"This port speaks TLS: ask https:// in place of http://.\n"
	plainRedis = "-ERR this port speaks TLS; connect with it, as redis-cli --tls does\r\n"
)

// secure puts TLS before a face, if it has certificates.
func (f faces) secure(l net.Listener, plain string, log *slog.Logger) net.Listener {
	if f.certificates == nil {
		return l
	}
	return door.New(l, door.Config{TLS: f.certificates.Config(), Standing: f.certificates.Standing, Plain: []byte(plain), Logger: log})
}

func ignoreClosed(err error) error {
	if errors.Is(err, nethttp.ErrServerClosed) {
		return nil
	}
	return err
}

// awaitLeader returns once the member can answer, and names the leader then.
func (m *member) awaitLeader(ctx context.Context) (string, error) {
	for {
		if err := m.node.Read(ctx, func(*kv.Machine) {}); err != nil {
			return "", err
		}
		// Between the read and this look leadership may have moved: ask again then.
		if leader := m.node.Status().Leader; leader != "" {
			return leader, nil
		}
	}
}

// catchUp returns once all that was acknowledged before is applied on this member.
func (m *member) catchUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, faceTimeout)
	defer cancel()
	return m.node.Read(ctx, func(*kv.Machine) {})
}

// noStore refuses a directory that holds keys already: a member that is restored there
// would take them for its own.
func noStore(dir string) error {
	store := kv.Dir(dir)
	if _, err := os.Stat(store); err == nil {
		return fmt.Errorf("%w: there are keys in %s; restore into another directory", balsa.ErrNotEmpty, store)
	}
	return nil
}

// ended yields when the member has stopped by itself, and why.
func (m *member) ended(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-m.served:
		if err == nil {
			err = errors.New("it ended without a reason")
		}
		return fmt.Errorf("serve: %w", err)
	case <-m.node.Done():
		return m.node.Err()
	}
}

// Close lets requests under way finish, hands leadership over and closes the node.
func (m *member) Close(log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(context.Background(), faceTimeout)
	defer cancel()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		if m.http != nil && m.http.Shutdown(ctx) != nil {
			log.Info("HTTP requests were cut off, because they took too long to finish")
			m.http.Close()
		}
	}()
	if m.redis.Shutdown(ctx) != nil {
		log.Info("commands on the Redis port were cut off, because they took too long to finish")
	}
	<-stopped
	err := errors.Join(m.node.Close(), m.machine.Close())
	if m.tracer.Close(ctx) != nil {
		log.Info("the last traces were not sent in time")
	}
	return err
}
