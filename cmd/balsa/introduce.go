package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	nethttp "net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/balsaraft/balsa/introducer"
	"github.com/balsaraft/balsa/pki"
	"github.com/balsaraft/balsa/pki/door"
	"github.com/balsaraft/balsa/room"
	pages "github.com/balsaraft/balsa/web"
)

// introduceCommand is an introducer, with the pages for a try.
type introduceCommand struct {
	Config settingsFile `help:"A file of settings, as YAML: these flags' names without dashes. Flags and environment count more." placeholder:"FILE"`

	Listen string `help:"First of three addresses, so that one browser can play three members. Default: ${default}." default:"127.0.0.1:3000" placeholder:"ADDR"`
	Phone  *bool  `help:"Let phones on the same network in, over HTTPS at all addresses, and show a QR code. Default: if a person sits at this terminal." negatable:""`
	Pages  string `help:"Serve the files of this directory instead of the pages in the program." type:"existingdir" placeholder:"DIR"`
	Room   string `help:"The room of the links that are printed. Default: ${default}." default:"demo" placeholder:"NAME"`
	Secret string `help:"The secret of that room. Default: a new one. Better set by BALSA_SECRET, since others see the command line." placeholder:"SECRET"`

	Origin     []string `help:"Pages of others that may use it, as https://example.org, or * for all; may be repeated." placeholder:"ORIGIN"`
	STUN       []string `name:"stun" help:"STUN servers that members are told of, as stun:HOST:PORT; may be repeated." placeholder:"URL"`
	TURN       []string `name:"turn" help:"TURN servers that members are told of, as turn:HOST:PORT; may be repeated." placeholder:"URL"`
	TURNSecret string   `name:"turn-secret" help:"What the TURN servers have as static-auth-secret. Better set by BALSA_TURN_SECRET or --config." placeholder:"SECRET"`
	TokenKey   string   `name:"token-key-file" help:"A file with a key of at least 32 random bytes: then nobody comes in without a token that was signed with it." placeholder:"FILE"`

	MaxRooms       int `help:"How many rooms there may be. Default: ${default}." default:"1000" placeholder:"N"`
	MaxMembers     int `help:"How many members may be in a room. Default: ${default}." default:"32" placeholder:"N"`
	MaxConnections int `help:"How many connections there may be. Default: ${default}." default:"4096" placeholder:"N"`
	MaxPerAddress  int `help:"How many connections there may be from one address; behind a proxy all come from one. Default: ${default}." default:"256" placeholder:"N"`

	TLSCert string `name:"tls-cert" help:"Certificate of this address, PEM, read again when it changes: then all three speak HTTPS. Browsers keep data for windows on this machine or over HTTPS alone." placeholder:"FILE"`
	TLSKey  string `name:"tls-key" help:"Private key of the certificate, PEM." placeholder:"FILE"`

	logging `embed:""`
}

// Run introduces until a signal comes.
func (i *introduceCommand) Run(ctx context.Context, c console) error {
	log := i.logger(c, slog.LevelInfo)
	opts, err := i.options(log)
	if err != nil {
		return err
	}
	keeper, err := i.keeper()
	if err != nil {
		return err
	}
	var secure *tls.Config
	if keeper != nil {
		secure = secured(keeper)
		signals, stop := hangups()
		defer stop()
		go keepers{callers: keeper}.rotate(ctx, signals, log)
	}
	link, err := i.link()
	if err != nil {
		return err
	}
	service, err := introducer.New(opts)
	if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	doors := &doors{handler: service, log: log, ended: make(chan error, 4)}
	defer func() { doors.close(service) }()
	urls, err := doors.openAll(i.Listen, secure)
	if err != nil {
		return err
	}
	if !loopback(i.Listen) && secure == nil {
		log.Warn("browsers let windows keep data over HTTPS alone, except on this machine: give --tls-cert and --tls-key, or put something that speaks TLS before it", "listen", i.Listen)
	}
	fmt.Fprintf(c.stdout, "Windows meet here. Open these, in one browser or several; each is one member:\n\n")
	for _, u := range urls {
		fmt.Fprintf(c.stdout, "  %s/%s\n", u, link)
	}
	if i.Pages == "" {
		fmt.Fprintf(c.stdout, "\nThe first page is a list of todos. These windows also draw together, and measure how fast they are:\n\n  %[1]s/sketch/%[2]s\n  %[1]s/bench.html%[2]s\n", urls[0], link)
	}
	if i.wantsPhone(c) {
		i.invite(doors, c, link)
	}
	fmt.Fprintf(c.stdout, "\nready %s\n", strings.Join(urls, " "))
	select {
	case <-ctx.Done():
		return nil
	case err := <-doors.ended:
		return err
	}
}

func (i *introduceCommand) wantsPhone(c console) bool {
	if i.Phone != nil {
		return *i.Phone
	}
	return isTerminal(c.stdout)
}

// options are what the flags say, checked.
func (i *introduceCommand) options(log *slog.Logger) (introducer.Options, error) {
	o := introducer.Options{
		Origins: i.Origin, TURN: i.TURN, TURNSecret: []byte(i.TURNSecret), Pages: i.files(),
		MaxRooms: i.MaxRooms, MaxMembers: i.MaxMembers, MaxConnections: i.MaxConnections, MaxPerAddress: i.MaxPerAddress, Logger: log,
	}
	if len(i.STUN) > 0 {
		o.ICEServers = []room.ICEServer{{URLs: i.STUN}}
	}
	if i.TokenKey != "" {
		key, err := os.ReadFile(i.TokenKey)
		if err != nil {
			return o, fmt.Errorf("read --token-key-file: %w", err)
		}
		o.TokenKey = key
	}
	return o, nil
}

func (i *introduceCommand) files() fs.FS {
	if i.Pages != "" {
		return os.DirFS(i.Pages)
	}
	return pages.Pages()
}

// keeper is nil if TLS was not asked for.
func (i *introduceCommand) keeper() (*pki.Keeper, error) {
	switch {
	case i.TLSCert == "" && i.TLSKey == "":
		return nil, nil
	case i.TLSCert == "" || i.TLSKey == "":
		return nil, fmt.Errorf("%w: --tls-cert and --tls-key belong together; give both", errUsage)
	}
	k, err := pki.ForCallers(false, pki.Files{Cert: i.TLSCert, Key: i.TLSKey})
	if err != nil {
		return nil, fmt.Errorf("load --tls-cert and --tls-key: %w", err)
	}
	return k, nil
}

// secured is TLS as the files say it at each moment, for WebSockets: they open over
// HTTP/1.1.
func secured(k *pki.Keeper) *tls.Config {
	now := k.Config()
	return &tls.Config{MinVersion: tls.VersionTLS13, GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		c, err := now.GetConfigForClient(hello)
		if err != nil {
			return nil, err
		}
		c = c.Clone()
		c.NextProtos = []string{"http/1.1"}
		return c, nil
	}}
}

// link is the part of a page's address that says which room to open. It stands behind
// the #, which browsers keep to themselves.
func (i *introduceCommand) link() (string, error) {
	if i.Secret == "" {
		i.Secret = rand.Text()
	}
	if _, err := room.Derive(i.Room, []byte(i.Secret)); err != nil {
		return "", fmt.Errorf("%w: --room and --secret: %w", errUsage, err)
	}
	return "#" + url.Values{"room": {i.Room}, "secret": {i.Secret}}.Encode(), nil
}

// doors are the servers of one introducer.
type doors struct {
	handler nethttp.Handler
	log     *slog.Logger
	servers []*nethttp.Server
	ended   chan error
}

// openAll opens three doors, from an address on, and says their URLs.
func (d *doors) openAll(first string, secure *tls.Config) (urls []string, err error) {
	addrs, err := consecutive("--listen", first, first)
	if err != nil {
		return nil, err
	}
	for _, addr := range addrs {
		l, err := listen("--listen", addr)
		if err != nil {
			return nil, err
		}
		urls = append(urls, d.open(l, secure))
	}
	return urls, nil
}

// open serves at a listener, and says the URL.
func (d *doors) open(l net.Listener, secure *tls.Config) string {
	s := &nethttp.Server{
		Handler: d.handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(d.log.Handler(), slog.LevelDebug),
	}
	d.servers = append(d.servers, s)
	addr, scheme := l.Addr().String(), "http"
	if secure != nil {
		l, scheme = door.New(l, door.Config{TLS: secure, Plain: []byte(plainHTTP), Logger: d.log}), "https"
	}
	go func() {
		if err := s.Serve(l); !errors.Is(err, nethttp.ErrServerClosed) {
			d.ended <- fmt.Errorf("serve at %s: %w", addr, err)
		}
	}()
	return scheme + "://" + addr
}

// close ends the introducer, and then its servers.
func (d *doors) close(service *introducer.Service) {
	service.Close()
	ctx, cancel := context.WithTimeout(context.Background(), faceTimeout)
	defer cancel()
	for _, s := range d.servers {
		if s.Shutdown(ctx) != nil {
			s.Close()
		}
	}
}
