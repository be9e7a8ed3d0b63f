package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/trace"
)

// serveCommand is one member of a cluster.
type serveCommand struct {
	Config settingsFile `help:"A file of settings, as YAML: these flags' names without dashes. Flags and environment count more." placeholder:"FILE"`

	Name      string   `help:"This member's name, unique in its cluster. Default: one made of its identity." placeholder:"NAME"`
	Dir       string   `help:"Directory for log and snapshots, made if missing. Default: ${default}." default:"data" placeholder:"DIR"`
	Listen    string   `help:"Address for the other members. Default: ${default}." default:"127.0.0.1:7000" placeholder:"ADDR"`
	Advertise string   `help:"Address at which the others reach this member, if it is not --listen." placeholder:"ADDR"`
	HTTP      string   `name:"http" help:"Address for HTTP. Default: ${default}." default:"127.0.0.1:8080" placeholder:"ADDR"`
	HTTPName  []string `name:"http-name" help:"A name by which pages may call the HTTP address; may be repeated." placeholder:"NAME"`
	Redis     string   `help:"Address for Redis clients, and for commands by line, for nc. Default: ${default}." default:"127.0.0.1:6380" placeholder:"ADDR"`

	RedisConns    int    `help:"How many connections the Redis address serves at a time. Default: ${default}." default:"10000" placeholder:"N"`
	RedisPassword string `help:"What AUTH must say at the Redis address. Default: nothing is asked. Better set by BALSA_REDIS_PASSWORD or --config, since others see the command line." placeholder:"PASSWORD"`

	Cluster founders `help:"Found a cluster: all its first members, the same on all of them, as a=HOST:PORT,b=HOST:PORT,…" xor:"company" placeholder:"LIST"`
	Join    []string `help:"Join a running cluster: addresses of any of its members." xor:"company" placeholder:"ADDR"`

	Trace         string `help:"Append all that the algorithm does to this file, for go run ./sim -check." type:"path" placeholder:"FILE"`
	SnapshotBytes int64  `help:"How much log, in bytes, until the next snapshot. Default: 16 MiB." placeholder:"BYTES"`

	Access       accessFile    `help:"A file of callers, as YAML: their tokens' SHA-256 and what each may do with which keys. Without it, everybody may do everything. SIGHUP reads it again." placeholder:"FILE"`
	MaxVoters    int           `help:"How many members vote at most; learners that have caught up are promoted up to there. -1 leaves who votes to people. Default: ${default}." default:"5" placeholder:"N"`
	ReplaceAfter time.Duration `help:"A voter that is away for so long gives its vote to a learner that has caught up; negative: never. Default: ${default}." default:"10m" placeholder:"TIME"`
	SlowDisk     time.Duration `help:"A leader whose writes take longer than this again and again, while the others' do not, hands leadership over; negative: never. Default: ${default}." default:"250ms" placeholder:"TIME"`
	Preferred    bool          `help:"Let this member take leadership over from one that is not preferred, while it can."`

	Timing string     `help:"How soon a silent leader is replaced: ${enum}." enum:"default,lan,wan" default:"default"`
	TLS    tlsOptions `embed:"" prefix:"tls-"`

	ClientTLS clientTLSOptions `embed:"" prefix:"client-tls-"`

	logging `embed:""`

	strays []string `kong:"-"` // variables of the environment that look like settings and are none
}

// check names a setting that no member can keep to.
func (s *serveCommand) check() error {
	if err := errors.Join(checkAddr("--http", s.HTTP), checkAddr("--redis", s.Redis)); err != nil {
		return err
	}
	switch {
	case s.Dir == "":
		return errors.New("--dir is empty: without a directory nothing would outlive this process")
	case s.RedisConns < 1:
		return fmt.Errorf("--redis-conns=%d: it is 1 at least", s.RedisConns)
	case s.MaxVoters < 1 && s.MaxVoters != -1:
		return fmt.Errorf("--max-voters=%d: it is 1 at least, or -1", s.MaxVoters)
	case s.SnapshotBytes < 0:
		return fmt.Errorf("--snapshot-bytes=%d: it is positive", s.SnapshotBytes)
	}
	return nil
}

// checkAddr names an address that nobody can listen at. An empty one, such as that of a
// variable that was to be filled in, would be any port of all networks.
func checkAddr(flag, addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		return fmt.Errorf("%s=%s: it is HOST:PORT, such as 127.0.0.1:8080: %w", flag, addr, err)
	}
	return nil
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
	log := s.logger(c.aboveProgress(), slog.LevelInfo)
	if s.Name != "" {
		log = log.With("member", s.Name)
	}
	shown, err := s.keepers()
	if err != nil {
		return err
	}
	if shown != (keepers{}) {
		signals, stop := hangups()
		defer stop()
		go shown.rotate(ctx, signals, log)
	}
	cfg := s.config(log)
	if shown.members != nil {
		cfg.TLS = shown.members.Config()
	}
	if s.Access != "" && s.RedisPassword != "" {
		return fmt.Errorf("%w: --access and --redis-password: callers who are known by tokens need no password; give one of the two", errUsage)
	}
	certificates := s.ClientTLS.CA != ""
	book, err := s.Access.book(certificates)
	if err != nil {
		return err
	}
	if book != nil {
		signals, stop := hangups()
		defer stop()
		go s.Access.reread(ctx, signals, book, certificates, log)
	}
	s.warn(log)
	file, err := s.trace()
	if err != nil {
		return err
	}
	if file != nil {
		defer file.Close()
		cfg.Trace = trace.Live(file, log)
	}
	m, err := startMember(ctx, cfg, nil, faces{http: s.HTTP, redis: s.Redis, names: s.httpNames(), conns: s.RedisConns, password: s.RedisPassword, access: book, certificates: shown.callers})
	if err != nil {
		return err
	}
	log.Info("serving", "dir", s.Dir, "listen", s.Listen, "http", m.httpAddr, "redis", m.redisAddr)
	waiting, ready := context.WithCancel(ctx)
	var told sync.WaitGroup
	told.Go(func() { catchUp(waiting, c.besides(log), m.behind) })
	go func() {
		defer ready()
		// Without a leader there is nothing to say; the node says why, now and then.
		if leader, err := m.awaitLeader(ctx); err == nil {
			ready()
			told.Wait()
			own := m.node.Status()
			fmt.Fprintf(c.stdout, "ready name=%s id=%s http=%s redis=%s leader=%s\n", own.Name, own.ID, m.httpAddr, m.redisAddr, leader)
		}
	}()
	err = m.ended(ctx)
	ready()
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

func (s *serveCommand) config(log *slog.Logger) balsa.Config {
	return balsa.Config{
		Name: s.Name, Dir: s.Dir, Listen: s.Listen, Advertise: s.Advertise,
		Cluster: s.Cluster, Join: s.Join,
		MaxVoters: s.MaxVoters, ReplaceAfter: s.ReplaceAfter, SlowDisk: s.SlowDisk, Preferred: s.Preferred,
		Timing: timings[s.Timing], SnapshotBytes: s.SnapshotBytes, Logger: log,
	}
}

// trace opens the file for the trace, nil if none is wanted. It is not buffered: what a
// killed member said to others must stand in it.
func (s *serveCommand) trace() (*os.File, error) {
	if s.Trace == "" {
		return nil, nil
	}
	f, err := os.OpenFile(s.Trace, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err := cutTornLine(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("--trace %s: %w", s.Trace, err)
	}
	return f, nil
}

// cutTornLine takes back the last line if a member was killed while it wrote it: what it
// was to tell of had not left it.
func cutTornLine(f *os.File) error {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	const longest = 1 << 20
	tail := make([]byte, min(size, longest))
	if _, err := f.ReadAt(tail, size-int64(len(tail))); err != nil {
		return err
	}
	return f.Truncate(size - int64(len(tail)-bytes.LastIndexByte(tail, '\n')-1))
}

// httpNames are the names that the HTTP address was given under.
func (s *serveCommand) httpNames() []string {
	names := s.HTTPName
	if host, _, err := net.SplitHostPort(s.HTTP); err == nil && host != "" {
		names = append(names, strings.ToLower(host))
	}
	return names
}

// warn says loudly what strangers can reach, and what was not understood.
func (s *serveCommand) warn(log *slog.Logger) {
	for _, name := range s.strays {
		log.Warn("THIS VARIABLE LOOKS LIKE A SETTING, AND IS NONE: nothing was set by it; balsa serve --help lists those that there are", "variable", name)
	}
	if s.TLS.Cert == "" && !loopback(s.Listen) {
		log.Warn("ANYONE WHO REACHES THIS ADDRESS CAN READ AND CHANGE THE CLUSTER: members talk without TLS beyond this machine; give --tls-cert, --tls-key and --tls-ca, or listen on 127.0.0.1", "listen", s.Listen)
	}
	for flag, addr := range map[string]string{"http": s.HTTP, "redis": s.Redis} {
		secure := s.ClientTLS.Cert != ""
		asked := s.Access != "" || s.ClientTLS.CA != "" || flag == "redis" && s.RedisPassword != ""
		switch {
		case loopback(addr), secure && asked:
		case secure:
			log.Warn("ANYONE WHO REACHES THIS ADDRESS CAN READ AND CHANGE ALL KEYS: it asks for neither token nor certificate; give --access or --client-tls-ca, listen on 127.0.0.1, or keep strangers out with a firewall", flag, addr)
		case asked:
			log.Warn("TOKENS, PASSWORDS AND VALUES TRAVEL IN THE CLEAR TO THIS ADDRESS; give --client-tls-cert and --client-tls-key, or keep to a network that you trust", flag, addr)
		default:
			log.Warn("ANYONE WHO REACHES THIS ADDRESS CAN READ AND CHANGE ALL KEYS: it asks for no password, and speaks without TLS; give --access, --client-tls-cert and --client-tls-key, listen on 127.0.0.1, or keep strangers out with a firewall", flag, addr)
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
