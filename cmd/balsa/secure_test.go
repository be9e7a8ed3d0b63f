package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/balsaraft/balsa/kv/access"
	"github.com/balsaraft/balsa/pki"
	"github.com/balsaraft/balsa/transport/tcp"
	"github.com/balsaraft/balsa/wire"
)

// vault is a directory that balsa certs writes to.
type vault struct {
	t   *testing.T
	dir string
}

func newVault(t *testing.T) vault { return vault{t, t.TempDir()} }

func (v vault) path(name string) string { return filepath.Join(v.dir, name) }

// certs runs balsa certs, which must succeed.
func (v vault) certs(args ...string) {
	v.t.Helper()
	if code, said := fails(v.t, append([]string{"certs", "--dir", v.dir}, args...)...); code != 0 {
		v.t.Fatalf("balsa certs %q ends with %d and says %q", args, code, said)
	}
}

// expired signs a certificate whose time is over.
func (v vault) expired(role pki.Role, name string) {
	v.t.Helper()
	read := func(name string) []byte {
		text, err := os.ReadFile(v.path(name))
		if err != nil {
			v.t.Fatal(err)
		}
		return text
	}
	a, err := pki.OpenAuthority(pki.Pair{Cert: read("ca.pem"), Key: read("ca.key")})
	if err != nil {
		v.t.Fatal(err)
	}
	pair, err := a.Issue(pki.Subject{Role: role, Name: name}, []string{"localhost"}, time.Now().Add(-time.Minute))
	if err != nil {
		v.t.Fatal(err)
	}
	for path, text := range map[string][]byte{v.path(name + ".pem"): pair.Cert, v.path(name + ".key"): pair.Key} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			v.t.Fatal(err)
		}
	}
}

// shows is what a caller gives on the command line.
func (v vault) shows(name string) trust {
	s := trust{CA: v.path("ca.pem")}
	if name != "" {
		s.Cert, s.Key = v.path(name+".pem"), v.path(name+".key")
	}
	return s
}

func (v vault) config(name string) *tls.Config {
	v.t.Helper()
	c, err := v.shows(name).config()
	if err != nil {
		v.t.Fatal(err)
	}
	return c
}

// secure makes members speak TLS to all, with certificates of their own.
func (v vault) secure(all []*process, extra ...string) {
	v.t.Helper()
	for _, p := range all {
		var hosts []string
		for _, addr := range []string{p.addr, p.httpURL[len("http://"):], p.lines} {
			host, _, err := net.SplitHostPort(addr)
			if err != nil {
				v.t.Fatal(err)
			}
			hosts = append(hosts, host)
		}
		v.certs("--members", p.name, "--hosts", strings.Join(hosts, ","))
		own, key := v.path(p.name+".pem"), v.path(p.name+".key")
		p.extra = append(p.extra, "--tls-cert", own, "--tls-key", key, "--tls-ca", v.path("ca.pem"), "--tls-crl", v.path("crl.pem"),
			"--client-tls-cert", own, "--client-tls-key", key)
		p.extra = append(p.extra, extra...)
		p.httpURL = "https://" + p.httpURL[len("http://"):]
	}
}

func (p *process) as(who trust) {
	p.t.Helper()
	var err error
	if p.client, err = who.client(); err != nil {
		p.t.Fatal(err)
	}
	p.client.Timeout = patience
	p.t.Cleanup(p.client.CloseIdleConnections)
}

// speaks runs a command as somebody with a certificate.
func speaks(t *testing.T, who trust, args ...string) (out, errs string, code int) {
	t.Helper()
	for flag, value := range map[string]string{"--ca": who.CA, "--cert": who.Cert, "--key": who.Key} {
		if value != "" {
			args = append(args, flag, value)
		}
	}
	var stdout, stderr strings.Builder
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	code = run(ctx, args, console{stdout: &stdout, stderr: &stderr})
	return stdout.String(), stderr.String(), code
}

// redisClient is go-redis under TLS. It asks once, so that what it hears first is what it
// says.
func (p *process) redisClient(c *tls.Config) *goredis.Client {
	client := goredis.NewClient(&goredis.Options{Addr: p.lines, TLSConfig: c, MaxRetries: -1, DialerRetries: 1})
	p.t.Cleanup(func() { client.Close() })
	return client
}

// refusedAtRedis is why a connection to the Redis port ends.
func (p *process) refusedAtRedis(c *tls.Config) string {
	p.t.Helper()
	conn, err := p.enterRedis(c)
	if err != nil {
		return err.Error()
	}
	conn.Close()
	return "answered"
}

// enterRedis is a connection to the Redis port that has answered.
func (p *process) enterRedis(c *tls.Config) (*tls.Conn, error) {
	p.t.Helper()
	host, _, _ := net.SplitHostPort(p.lines)
	c = c.Clone()
	c.ServerName = host
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", p.lines, c)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(patience))
	fmt.Fprint(conn, "PING\r\n")
	if _, err := io.ReadFull(conn, make([]byte, len("+PONG\r\n"))); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

func TestAClusterSpeaksTLSToAll(t *testing.T) {
	t.Parallel()
	v, other := newVault(t), newVault(t)
	v.certs("--callers", "alice,mallory")
	other.certs("--callers", "alice", "--members", "d")
	v.expired(pki.Caller, "old")
	all := newCluster(t, "a b c")
	v.secure(all, "--client-tls-ca", v.path("ca.pem"))
	for _, p := range all {
		p.as(v.shows("alice"))
	}
	startAll(all)
	awaitHealthy(t, all)
	a, b := all[0], all[1]
	alice, servers := v.shows("alice"), a.httpURL+","+b.httpURL

	// Everything that members answer.
	a.mustPut("k", "v")
	for _, step := range []struct{ line, out string }{
		{"kv put color red", ""}, {"kv get color", "red"}, {"status", "leader"}, {"bench --duration 100ms --clients 2", "writes of"},
	} {
		args := append(strings.Fields(step.line), "--server", servers)
		if out, errs, code := speaks(t, alice, args...); code != 0 || !strings.Contains(out, step.out) {
			t.Errorf("%s: %q, %q, %d", step.line, out, errs, code)
		}
	}
	modern := &http.Client{Transport: &http.Transport{TLSClientConfig: v.config("alice"), ForceAttemptHTTP2: true}}
	defer modern.CloseIdleConnections()
	response, err := modern.Get(a.httpURL + "/kv/k")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.ProtoMajor != 2 {
		t.Errorf("it speaks %s under TLS", response.Proto)
	}
	watch, err := modern.Get(a.httpURL + "/watch?key=k&from=1")
	if err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(watch.Body); ; {
		if !lines.Scan() {
			t.Fatalf("the watch ends without the change: %v", lines.Err())
		}
		if strings.HasPrefix(lines.Text(), "data:") && strings.Contains(lines.Text(), `"v"`) {
			break
		}
	}
	watch.Body.Close()
	if got, err := b.redisClient(v.config("alice")).Get(t.Context(), "color").Result(); got != "red" || err != nil {
		t.Errorf("go-redis: %q, %v", got, err)
	}

	// Who is refused, and what the caller and the member say.
	bad := []struct {
		what   string
		who    trust
		hears  string // the caller
		logged string // at the member
	}{
		{"no certificate", v.shows(""), "give --cert and --key", "client didn't provide a certificate"},
		{"a caller who trusts another authority", trust{CA: other.path("ca.pem")}, "give --ca the one of the cluster", ""},
		{"another authority's", trust{v.path("ca.pem"), other.path("alice.pem"), other.path("alice.key")}, "tls:", "unknown authority"},
		{"an expired one", v.shows("old"), "have another one made", "expired"},
		{"a member's", v.shows("b"), "or is a member's and not a caller's", "a certificate of member b, which is for being a member"},
	}
	mustRefuse := func(what string, who trust, hears, logged string) {
		t.Helper()
		for _, line := range []string{"kv get color --timeout 2s", "status"} {
			// Where the machine is busy a timeout may come before the answer.
			eventually(t, fmt.Sprintf("%s: %s to say %q", what, line, hears), func() bool {
				_, errs, code := speaks(t, who, append(strings.Fields(line), "--server", a.httpURL)...)
				return code == exitFailed && strings.Contains(errs, hears)
			})
		}
		c, err := who.config()
		if err != nil {
			t.Fatal(err)
		}
		if said := a.refusedAtRedis(c); !strings.Contains(said, "tls: ") {
			t.Errorf("%s: at the Redis port: %s", what, said)
		}
		for _, addr := range []string{a.httpURL[len("https://"):], a.lines} {
			eventually(t, what+" to be logged", func() bool {
				for line := range strings.Lines(a.stderr.String()) {
					if strings.Contains(line, "turned a caller away") && strings.Contains(line, "port="+addr) && strings.Contains(line, logged) {
						return true
					}
				}
				return false
			})
		}
	}
	for _, tc := range bad {
		mustRefuse(tc.what, tc.who, tc.hears, tc.logged)
	}

	// A certificate that was revoked while members run.
	mallory := v.config("mallory")
	standing, err := a.enterRedis(mallory)
	if err != nil {
		t.Fatalf("mallory, before the revocation: %s", err)
	}
	defer standing.Close()
	v.certs("--revoke", "mallory")
	a.hangUp("certificates were read again")
	eventually(t, "both faces to have the list", func() bool { return strings.Count(a.stderr.String(), "certificates were read again") == 2 })
	mustRefuse("a revoked one", v.shows("mallory"), "it was revoked", "certificate of caller mallory, serial")
	if n, err := standing.Read(make([]byte, 1)); n != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection that mallory had stands: %v", err)
	}

	// Who speaks without TLS.
	if _, errs, code := speaks(t, trust{}, "status", "--server", "http"+a.httpURL[len("https"):]); code == 0 || !strings.Contains(errs, "ask https://") {
		t.Errorf("http:// is answered %q", errs)
	}
	if got := overLines(t, a, "get color\n"); !strings.HasPrefix(got, "-ERR this port speaks TLS") {
		t.Errorf("a line without TLS is answered %q", got)
	}
	a.mustGet("k", "v")
}

// dialsAs lets somebody with a certificate behave as a member, and returns why it is
// refused.
func dialsAs(t *testing.T, p *process, c *tls.Config) string {
	t.Helper()
	c = c.Clone()
	own, err := c.GetClientCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	c.Certificates = []tls.Certificate{*own}
	transport, err := tcp.Listen("", tcp.Options{TLS: c})
	if err != nil {
		t.Fatal(err)
	}
	defer transport.Close()
	status := p.mustStatus()
	transport.Introduce(wire.Card{Cluster: status.Cluster, ID: 77, Incarnation: 1, Name: "z", Addr: transport.Addr()})
	transport.Connect([]wire.Peer{{ID: status.ID, Addr: p.addr}})
	for end := time.After(patience); ; {
		for _, arrival := range transport.Drain(nil) {
			if arrival.Err != nil {
				return arrival.Err.Error()
			}
		}
		select {
		case <-transport.Wake():
		case <-end:
			t.Fatal("nobody refuses it")
		}
	}
}

func TestMembersRefuseWhatIsNoMembersCertificate(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	p := newProcess(t, "a")
	v.secure([]*process{p})
	v.certs("--callers", "alice", "--members", "z,y")
	v.expired(pki.Member, "old")
	p.as(v.shows(""))
	p.start().awaitReady()

	if said := dialsAs(t, p, v.config("alice")); !strings.Contains(said, "a certificate of caller alice, which is for calling members") {
		t.Errorf("a caller hears %q", said)
	}
	if said := dialsAs(t, p, v.config("y")); !strings.Contains(said, "a certificate of member y, which must not speak for member z") {
		t.Errorf("another member hears %q", said)
	}
	if said := dialsAs(t, p, v.config("old")); !strings.Contains(said, "expired certificate") {
		t.Errorf("an expired member hears %q", said)
	}
	p.awaitSaid("agree on TLS: tls: failed to verify certificate: x509: certificate has expired")
	v.certs("--revoke", "z")
	p.hangUp("certificates were read again")
	if said := dialsAs(t, p, v.config("z")); !strings.Contains(said, "the log of the member there says why") {
		t.Errorf("a revoked member hears %q", said)
	}
	p.awaitSaid("certificate of member z, serial")

	// And one that is given such a certificate does not even start.
	for name, says := range map[string]string{
		"alice": "a certificate of caller alice, which is for calling members", "z": "must not speak for member b", "old": "expired on",
	} {
		q := newProcess(t, "b", "--join", p.addr, "--tls-cert", v.path(name+".pem"), "--tls-key", v.path(name+".key"), "--tls-ca", v.path("ca.pem"))
		mustFail(t, exitFailed, says, q.args()...)
	}
}

// alice is known by certificate alone, ops by a token, too, and carol by none.
func TestACertificateStandsForAToken(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	v.certs("--callers", "alice,ops,carol")
	path := filepath.Join(t.TempDir(), "access.yaml")
	const token, guess = "token-of-ops-5e1f", "guessed-77c1"
	digest := fmt.Sprintf("%x", access.DigestOf(token))
	ops := strings.ReplaceAll(ops, anotherDigest, digest)
	const alice = "  - {name: alice, grants: [{prefix: \"users/\", rights: [read, write]}]}\n"
	writeAccess(t, path, "callers:\n"+alice+ops)
	p := newProcess(t, "a")
	v.secure([]*process{p}, "--client-tls-ca", v.path("ca.pem"), "--access", path)
	p.token = token // before it has said who it is by a certificate
	p.as(v.shows(""))
	p.start().awaitReady()
	p.mustPut("other", "v")

	ask := func(who, token, line, want string) {
		t.Helper()
		args := append(strings.Fields(line), "--server", p.httpURL, "--token", token)
		out, errs, code := speaks(t, v.shows(who), args...)
		if !strings.Contains(out+errs, want) || strings.Contains(errs, "goroutine ") {
			t.Errorf("%q with the token %q: %s: %q, %q, %d; want %q", who, token, line, out, errs, code, want)
		}
	}
	ask("alice", "", "kv put users/1 v", "")
	ask("alice", "", "kv get users/1", "v")
	ask("alice", "", "kv get other", "alice has no right to read")
	ask("alice", token, "kv get other", "v") // a token says more than a certificate
	ask("alice", guess, "kv get users/1", "Give BALSA_TOKEN")
	ask("ops", "", "kv get other", "v")
	ask("ops", "", "status", "leader")
	ask("carol", "", "kv get users/1", "Give BALSA_TOKEN")
	ask("carol", "", "status", "does not know the caller")
	ask("", "", "kv get users/1", "Give BALSA_TOKEN")
	ask("", token, "kv get users/1", "v")

	asRedis := func(who, password, want string) {
		t.Helper()
		client := goredis.NewClient(&goredis.Options{Addr: p.lines, TLSConfig: v.config(who), Password: password, MaxRetries: -1})
		defer client.Close()
		got, err := client.Do(t.Context(), "ACL", "WHOAMI").Text()
		if got != want && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q with %q at the Redis port: %q, %v; want %q", who, password, got, err, want)
		}
	}
	asRedis("alice", "", "alice")
	asRedis("alice", token, "ops")
	asRedis("alice", guess, "WRONGPASS")
	asRedis("carol", "", "NOAUTH")
	asRedis("", token, "ops")

	// Whoever is taken out of the file is refused on connections that stand.
	standing := goredis.NewClient(&goredis.Options{Addr: p.lines, TLSConfig: v.config("alice"), PoolSize: 1, MaxRetries: -1})
	defer standing.Close()
	if err := standing.Set(t.Context(), "users/2", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	writeAccess(t, path, "callers:\n"+ops)
	p.hangUp("callers were read again")
	if err := standing.Get(t.Context(), "users/2").Err(); err == nil || !strings.Contains(err.Error(), "NOAUTH") {
		t.Errorf("alice goes on: %v", err)
	}
	ask("alice", "", "kv get users/1", "Give BALSA_TOKEN")

	// What was secret is nowhere that people look.
	said := p.stderr.String()
	for _, path := range []string{"status", "metrics", "healthz"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.httpURL+"/"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		response, err := p.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		said += string(body)
	}
	for _, secret := range []string{token, digest, guess} {
		if strings.Contains(said, secret) {
			t.Errorf("%q is told:\n%s", secret, said)
		}
	}
}

func TestCertificatesAreReplacedWhileAMemberRuns(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	p := newProcess(t, "a")
	v.secure([]*process{p})
	p.as(v.shows(""))
	p.start().awaitReady()
	serials := func() (all []string) {
		t.Helper()
		for _, addr := range []string{p.httpURL[len("https://"):], p.lines} {
			conn, err := tls.Dial("tcp", addr, v.config(""))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, conn.ConnectionState().PeerCertificates[0].SerialNumber.String())
			conn.Close()
		}
		return all
	}
	first := serials()
	if first[0] != first[1] {
		t.Errorf("the faces show different certificates: %v", first)
	}
	key, err := os.ReadFile(v.path("a.key"))
	if err != nil {
		t.Fatal(err)
	}
	host, _, _ := net.SplitHostPort(p.lines)
	httpHost, _, _ := net.SplitHostPort(p.httpURL[len("https://"):])
	os.Remove(v.path("a.pem"))
	os.Remove(v.path("a.key"))
	v.certs("--members", "a", "--hosts", host+","+httpHost)
	good, err := os.ReadFile(v.path("a.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(v.path("a.key"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	p.hangUp("THE CERTIFICATES STAY AS THEY WERE")
	if now := serials(); now[0] != first[0] || now[1] != first[0] {
		t.Errorf("with files that are wrong: %v, want %v", now, first)
	}
	if err := os.WriteFile(v.path("a.key"), good, 0o600); err != nil {
		t.Fatal(err)
	}
	// Nobody says that the files are right now: the member finds out.
	p.awaitSaid("certificates were read again")
	eventually(t, "both faces to show the new certificate", func() bool {
		now := serials()
		return now[0] != first[0] && now[1] == now[0]
	})
	p.mustPut("k", "v") // over a connection from before, or a new one
}

func TestAMemberSaysWhoCanReachItsPorts(t *testing.T) {
	for args, says := range map[string]string{
		"":                                      "ANYONE WHO REACHES THIS ADDRESS CAN READ AND CHANGE ALL KEYS: it asks for no password, and speaks without TLS",
		"--access x":                            "TOKENS, PASSWORDS AND VALUES TRAVEL IN THE CLEAR TO THIS ADDRESS",
		"--client-tls-cert x":                   "it asks for neither token nor certificate",
		"--client-tls-cert x --access x":        "",
		"--client-tls-cert x --client-tls-ca x": "",
	} {
		for _, flag := range []string{"--http", "--redis"} {
			s := parseServe(t, append([]string{"serve", flag, ":7"}, strings.Fields(args)...), nil)
			var b safeBuffer
			s.warn(slog.New(slog.NewTextHandler(&b, nil)))
			if said := b.String(); says == "" && said != "" || !strings.Contains(said, says) {
				t.Errorf("%s %s: it says %q, want %q", flag, args, said, says)
			}
		}
	}
}

func TestTLSFlagsThatDoNotGoTogetherAreRefused(t *testing.T) {
	for args, says := range map[string]string{
		"serve --name a --tls-crl x":                                               "--tls-cert, --tls-key and --tls-ca belong together",
		"serve --name a --client-tls-ca x":                                         "--client-tls-cert and --client-tls-key belong together",
		"serve --name a --client-tls-cert x --client-tls-key y --client-tls-crl z": "--client-tls-crl is about certificates of --client-tls-ca",
		"status --cert x":                                                          "--cert and --key belong together",
	} {
		mustFail(t, exitUsage, says, strings.Fields(args)...)
	}
	mustFail(t, exitFailed, "no such file", "serve", "--name", "a", "--client-tls-cert", "nowhere", "--client-tls-key", "y")
	mustFail(t, exitFailed, "--ca: open /nowhere", "kv", "get", "k", "--ca", "/nowhere")
}

func (v vault) mode(name string) os.FileMode {
	v.t.Helper()
	info, err := os.Stat(v.path(name))
	if err != nil {
		v.t.Fatal(err)
	}
	return info.Mode().Perm()
}

func TestCertsAddsAndOverwritesNothing(t *testing.T) {
	v := newVault(t)
	v.certs("--members", "a,b", "--callers", "alice")
	before := map[string]string{}
	files, err := filepath.Glob(v.path("*"))
	if err != nil || len(files) != 9 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		before[f] = string(text)
		if strings.HasSuffix(f, ".key") && v.mode(filepath.Base(f)) != 0o600 {
			t.Errorf("%s has mode %o", f, v.mode(filepath.Base(f)))
		}
	}
	v.certs("--members", "a,c", "--callers", "alice,bob")
	for f, was := range before {
		if now, err := os.ReadFile(f); err != nil || string(now) != was {
			t.Errorf("%s has changed, %v", f, err)
		}
	}
	v.mode("c.key")
	v.certs("--revoke", "a")
	for args, says := range map[string]string{
		"--members a":          "a.pem was revoked; remove",
		"--members alice":      "alice.pem is there already, for caller alice",
		"--revoke nobody":      "revoke nobody: open",
		"--members ca":         "ca.pem is a file of the authority",
		"--members ../x":       `the name "../x"`,
		"--members x,x":        "the name x is given twice",
		"--callers x --days 0": "--days is 1 at least",
	} {
		code, said := fails(t, append([]string{"certs", "--dir", v.dir}, strings.Fields(args)...)...)
		if code == 0 || !strings.Contains(said, says) {
			t.Errorf("%s ends with %d and says %q, want %q", args, code, said, says)
		}
	}
	os.Remove(v.path("a.pem"))
	os.Remove(v.path("a.key"))
	v.certs("--members", "a")
	os.Remove(v.path("ca.key"))
	if code, said := fails(t, "certs", "--dir", v.dir, "--members", "e"); code == 0 || !strings.Contains(said, "go on with the authority") {
		t.Errorf("without the authority's key: %d, %q", code, said)
	}
}
