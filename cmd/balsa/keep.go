package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	nethttp "net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/pki/door"
	"github.com/balsaraft/balsa/reducer"
	"github.com/balsaraft/balsa/room"
	"github.com/balsaraft/balsa/rpc"
	"github.com/balsaraft/balsa/transport/tcp"
	pages "github.com/balsaraft/balsa/web"
	"github.com/balsaraft/balsa/windows"
)

// keepCommand is a server of what windows share.
type keepCommand struct {
	Config settingsFile `help:"A file of settings, as YAML: these flags' names without dashes. Flags and environment count more." placeholder:"FILE"`

	Reducer string `help:"The module of the reducer, in JavaScript, which windows load, too: it exports initial and apply." type:"existingfile" required:"" placeholder:"FILE"`
	Room    string `help:"The room's name. Default: ${default}." default:"demo" placeholder:"NAME"`
	Secret  string `help:"What lets windows and callers in: at least 16 random bytes, the same for all servers. Default: a new one, which is printed. Better set by BALSA_SECRET or --config, since others see the command line." placeholder:"SECRET"`

	Name      string   `help:"This server's name, unique in its cluster." placeholder:"NAME"`
	Dir       string   `help:"Directory for log and snapshots, made if missing. Default: ${default}." default:"data" placeholder:"DIR"`
	Listen    string   `help:"Address for the other servers. Default: ${default}." default:"127.0.0.1:7000" placeholder:"ADDR"`
	Advertise string   `help:"Address at which the others reach this server, if it is not --listen." placeholder:"ADDR"`
	HTTP      string   `name:"http" help:"Address for windows, callers and pages. Default: ${default}." default:"127.0.0.1:8080" placeholder:"ADDR"`
	Pages     string   `help:"A directory of pages to serve." type:"existingdir" placeholder:"DIR"`
	Door      string   `help:"Address at which windows reach this server, as wss://a.example.org. Servers tell each other and windows, so that a window finds all of them by one. Default: windows have to list this server." placeholder:"URL"`
	Origin    []string `help:"Pages of others that may use this server, as https://example.org, or * for all; may be repeated. Pages of servers that have a --door may use the others anyway." placeholder:"ORIGIN"`

	Cluster founders `help:"Found a cluster: all its first servers, the same on all of them, as a=HOST:PORT,b=HOST:PORT,…" xor:"company" placeholder:"LIST"`
	Join    []string `help:"Join a running cluster: addresses of any of its servers." xor:"company" placeholder:"ADDR"`

	MaxWindows int           `help:"How many windows may be at this server at a time. Default: ${default}." default:"512" placeholder:"N"`
	Voters     bool          `help:"Let windows vote where fewer than five members do. Default: only servers vote."`
	Forget     time.Duration `help:"For how long a window may be away until it is forgotten, and comes back as a new member. Default: ${default}." default:"30m" placeholder:"TIME"`

	TLS     tlsOptions `embed:"" prefix:"tls-"`
	WebCert string     `name:"web-tls-cert" help:"Certificate for browsers, PEM, read again when it changes: then --http speaks HTTPS alone. Browsers keep data for windows on this machine or over HTTPS alone." placeholder:"FILE"`
	WebKey  string     `name:"web-tls-key" help:"Private key of that certificate, PEM." placeholder:"FILE"`

	logging `embed:""`
}

// Run keeps until a signal comes or the member stops by itself.
func (k *keepCommand) Run(ctx context.Context, c console) error {
	log := k.logger(c, slog.LevelInfo)
	machine, err := k.machine()
	if err != nil {
		return err
	}
	if k.Secret == "" {
		k.Secret = rand.Text()
	}
	shown, err := k.keepers()
	if err != nil {
		return err
	}
	if shown != (keepers{}) {
		signals, stop := hangups()
		defer stop()
		go shown.rotate(ctx, signals, log)
	}
	l, err := listen("--http", k.HTTP)
	if err != nil {
		return err
	}
	defer l.Close()
	transport, err := k.transport(shown, log)
	if err != nil {
		return err
	}
	node, err := balsa.Open(ctx, balsa.Config{
		Name: k.Name, Dir: k.Dir, Advertise: k.Advertise, Cluster: k.Cluster, Join: k.Join, Transport: transport, Logger: log,
	}, machine)
	if err != nil {
		return err
	}
	go transport.Keep(ctx, node)
	k.warn(log, shown)
	address, scheme := l.Addr().String(), "http"
	if shown.callers != nil {
		l, scheme = door.New(l, door.Config{TLS: secured(shown.callers), Plain: []byte(plainHTTP), Logger: log}), "https"
	}
	server := &nethttp.Server{
		Handler: k.handler(node, transport), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- ignoreClosed(server.Serve(l)) }()
	fmt.Fprintf(c.stdout, "ready name=%s at=%s://%s/#%s\n", node.Status().Name, scheme, address, url.Values{"room": {k.Room}, "secret": {k.Secret}}.Encode())
	select {
	case <-ctx.Done():
	case <-node.Done():
		err = node.Err()
	case err = <-served:
	}
	// The member goes first: windows hold their connections for as long as it is there.
	err = errors.Join(err, notTwice(err, node.Close()))
	server.Close()
	return err
}

func (k *keepCommand) machine() (*reducer.Machine, error) {
	source, err := os.ReadFile(k.Reducer)
	if err != nil {
		return nil, fmt.Errorf("read --reducer: %w", err)
	}
	machine, err := reducer.Load(filepath.Base(k.Reducer), string(source))
	if err != nil {
		return nil, fmt.Errorf("%w: --reducer: %w", errUsage, err)
	}
	return machine, nil
}

// keepers are the certificates of both ports.
func (k *keepCommand) keepers() (c keepers, err error) {
	if c.members, err = k.TLS.keeper(k.Name); err != nil {
		return c, err
	}
	i := introduceCommand{TLSCert: k.WebCert, TLSKey: k.WebKey}
	if c.callers, err = i.keeper(); err != nil {
		err = fmt.Errorf("--web-tls-cert and --web-tls-key: %w", err)
	}
	return c, err
}

// transport is that of the servers, and the door beside it.
func (k *keepCommand) transport(shown keepers, log *slog.Logger) (*windows.Transport, error) {
	if _, err := room.Derive(k.Room, []byte(k.Secret)); err != nil {
		return nil, fmt.Errorf("%w: --room and --secret: %w", errUsage, err)
	}
	opts := tcp.Options{Logger: log}
	if shown.members != nil {
		opts.TLS = shown.members.Config()
	}
	servers, err := tcp.Listen(k.Listen, opts)
	if err != nil {
		return nil, err
	}
	transport, err := windows.Beside(servers, windows.Options{
		Room: k.Room, Secret: []byte(k.Secret), Door: k.Door, Origins: k.Origin, Voters: k.Voters, MaxWindows: k.MaxWindows, Forget: k.Forget,
		Pages: k.files(), Logger: log,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", errUsage, err), servers.Close())
	}
	return transport, nil
}

// files are the user's pages, the reducer, and the package.
func (k *keepCommand) files() fs.FS {
	files := sources{library: pages.Pages(), reducer: k.Reducer}
	if k.Pages != "" {
		files.own = os.DirFS(k.Pages)
	}
	return files
}

// sources are what a server hands to browsers: under balsa/ the package, as reducer.js the
// reducer, and else the user's pages.
type sources struct {
	own     fs.FS // nil for none
	library fs.FS
	reducer string
}

// Open implements fs.FS.
func (s sources) Open(name string) (fs.File, error) {
	switch {
	case strings.HasPrefix(name, "balsa/"):
		return s.library.Open(name)
	case name == "reducer.js":
		return os.Open(s.reducer)
	case s.own != nil:
		return s.own.Open(name)
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// handler has the door, and the service for callers, who show the secret.
func (k *keepCommand) handler(node *balsa.Node[*reducer.Machine, []byte, []byte], transport *windows.Transport) nethttp.Handler {
	_, windowsAndPages := transport.Handler()
	path, service := rpc.Handler(node)
	mux := nethttp.NewServeMux()
	mux.Handle("/", windowsAndPages)
	mux.Handle(path, rpc.ForPagesThat(k.guard(service), transport.LetsIn))
	return mux
}

// guard lets callers in who know the secret.
func (k *keepCommand) guard(service nethttp.Handler) nethttp.Handler {
	want := sha256.Sum256([]byte("Bearer " + k.Secret))
	return nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		got := sha256.Sum256([]byte(r.Header.Get("Authorization")))
		if subtle.ConstantTimeCompare(got[:], want[:]) == 0 {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(nethttp.StatusUnauthorized)
			fmt.Fprint(w, `{"code":"unauthenticated","message":"callers show the secret of the room: Authorization: Bearer SECRET"}`)
			return
		}
		service.ServeHTTP(w, r)
	})
}

// warn says loudly what strangers can reach.
func (k *keepCommand) warn(log *slog.Logger, shown keepers) {
	if shown.members == nil && !loopback(k.Listen) {
		log.Warn("ANYONE WHO REACHES THIS ADDRESS CAN READ AND CHANGE THE CLUSTER: servers talk without TLS beyond this machine; give --tls-cert, --tls-key and --tls-ca, or listen on 127.0.0.1", "listen", k.Listen)
	}
	if shown.callers == nil && !loopback(k.HTTP) {
		log.Warn("CALLERS' SECRET TRAVELS IN THE CLEAR TO THIS ADDRESS, and browsers let windows keep data over HTTPS alone, except on this machine: give --web-tls-cert and --web-tls-key, or put something that speaks TLS before it", "http", k.HTTP)
	}
}
