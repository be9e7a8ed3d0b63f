package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"

	"github.com/balsaraft/balsa"
)

// serveCommand is one member of a cluster.
type serveCommand struct {
	Name      string   `help:"This member's name, unique in its cluster." placeholder:"NAME"`
	Dir       string   `help:"Directory for log and snapshots, made if missing. Default: ${default}." default:"data" placeholder:"DIR"`
	Listen    string   `help:"Address for the other members. Default: ${default}." default:"127.0.0.1:7000" placeholder:"ADDR"`
	Advertise string   `help:"Address at which the others reach this member, if it is not --listen." placeholder:"ADDR"`
	HTTP      string   `name:"http" help:"Address for HTTP. Default: ${default}." default:"127.0.0.1:8080" placeholder:"ADDR"`
	HTTPName  []string `name:"http-name" help:"A name by which pages may call the HTTP address; may be repeated." placeholder:"NAME"`
	Redis     string   `help:"Address for commands by line, for nc. Default: ${default}." default:"127.0.0.1:6380" placeholder:"ADDR"`

	Cluster founders `help:"Found a cluster: all its first members, the same on all of them, as a=HOST:PORT,b=HOST:PORT,…" xor:"company" placeholder:"LIST"`
	Join    []string `help:"Join a running cluster: addresses of any of its members." xor:"company" placeholder:"ADDR"`

	SnapshotBytes int64 `help:"How much log, in bytes, until the next snapshot. Default: 64 MiB." placeholder:"BYTES"`

	Timing string     `help:"How soon a silent leader is replaced: ${enum}." enum:"default,lan,wan" default:"default"`
	TLS    tlsOptions `embed:"" prefix:"tls-"`
}

// founders is the value of --cluster.
type founders map[string]string

// UnmarshalText refuses a list that says two things of one name.
func (f *founders) UnmarshalText(b []byte) error {
	*f = founders{}
	for entry := range strings.SplitSeq(string(b), ",") {
		name, addr, ok := strings.Cut(strings.TrimSpace(entry), "=")
		switch {
		case !ok || name == "" || addr == "":
			return fmt.Errorf("%q is not NAME=HOST:PORT", entry)
		case (*f)[name] != "":
			return fmt.Errorf("the name %q stands for both %s and %s; give each member a name of its own", name, (*f)[name], addr)
		}
		(*f)[name] = addr
	}
	return nil
}

var timings = map[string]balsa.Timing{"default": balsa.DefaultTiming, "lan": balsa.LAN, "wan": balsa.WAN}

// Run serves until a signal comes or the member stops by itself.
func (s *serveCommand) Run(ctx context.Context, c console) error {
	log := slog.New(slog.NewTextHandler(c.stderr, nil))
	if s.Name != "" {
		log = log.With("member", s.Name)
	}
	cfg, err := s.config(log)
	if err != nil {
		return err
	}
	s.warn(log)
	m, err := startMember(ctx, cfg, faces{http: s.HTTP, redis: s.Redis, names: s.httpNames()})
	if err != nil {
		return err
	}
	log.Info("serving", "dir", s.Dir, "listen", s.Listen, "http", m.httpAddr, "redis", m.textAddr)
	go func() {
		// Without a leader there is nothing to say; the node says why, now and then.
		if leader, err := m.awaitLeader(ctx); err == nil {
			own := m.node.Status()
			fmt.Fprintf(c.stdout, "ready name=%s id=%s http=%s redis=%s leader=%s\n", own.Name, own.ID, m.httpAddr, m.textAddr, leader)
		}
	}()
	err = m.ended(ctx)
	if err == nil {
		log.Info("closing")
	}
	return errors.Join(err, notTwice(err, m.Close(log)))
}

// notTwice leaves out why a node stopped if that has been said.
func notTwice(said, closing error) error {
	if said != nil && closing != nil && said.Error() == closing.Error() {
		return nil
	}
	return closing
}

func (s *serveCommand) config(log *slog.Logger) (balsa.Config, error) {
	secure, err := s.TLS.config()
	if err != nil {
		return balsa.Config{}, err
	}
	return balsa.Config{
		Name: s.Name, Dir: s.Dir, Listen: s.Listen, Advertise: s.Advertise,
		Cluster: s.Cluster, Join: s.Join,
		TLS: secure, Timing: timings[s.Timing], SnapshotBytes: s.SnapshotBytes, Logger: log,
	}, nil
}

// httpNames are the names that the HTTP address was given under.
func (s *serveCommand) httpNames() []string {
	names := s.HTTPName
	if host, _, err := net.SplitHostPort(s.HTTP); err == nil && host != "" {
		names = append(names, strings.ToLower(host))
	}
	return names
}

// warn says loudly what strangers can reach.
func (s *serveCommand) warn(log *slog.Logger) {
	if s.TLS.Cert == "" && !loopback(s.Listen) {
		log.Warn("ANYONE WHO REACHES THIS ADDRESS CAN READ AND CHANGE THE CLUSTER: members talk without TLS beyond this machine; give --tls-cert, --tls-key and --tls-ca, or listen on 127.0.0.1", "listen", s.Listen)
	}
	for flag, addr := range map[string]string{"http": s.HTTP, "redis": s.Redis} {
		if !loopback(addr) {
			log.Warn("ANYONE WHO REACHES THIS ADDRESS CAN READ AND CHANGE ALL KEYS: it asks for no password; listen on 127.0.0.1, or keep strangers out with a firewall", flag, addr)
		}
	}
}

// loopback says whether only this machine can reach an address. A name that is not
// localhost may be anyone's, so it counts as beyond.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
