package client

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/internal/certs"
)

// Code that needs a cluster takes a node or a client alike.
var (
	_ balsa.Cluster[int, int] = (*node)(nil)
	_ balsa.Cluster[int, int] = (*Client[int, int])(nil)
)

func TestAClientDoesWhatANodeDoes(t *testing.T) {
	c := found(t, "a", "b", "c")
	outside := c.dial(c.addrs()...)
	if err := outside.Ready(c.ctx); err != nil {
		t.Fatal(err)
	}
	want := 0
	for round := range 5 {
		for _, member := range []balsa.Cluster[int, int]{outside, c.members["a"].node, c.members["b"].node} {
			want += round
			if got, err := member.Propose(c.ctx, round); err != nil || got != want {
				t.Fatalf("%T: %d, %v; want %d", member, got, err, want)
			}
			for _, reader := range []balsa.Cluster[int, int]{outside, c.members["c"].node} {
				if got, err := question(reader, c.ctx); err != nil || got != want {
					t.Fatalf("%T after a proposal on %T sees %d, %v; want %d", reader, member, got, err, want)
				}
			}
		}
	}
	if _, err := outside.Query(c.ctx, []byte("nonsense")); err == nil || !strings.Contains(err.Error(), errNoSuchQuestion.Error()) || errors.Is(err, balsa.ErrNotCommitted) {
		t.Errorf("the state machine's own error comes as %v", err)
	}
	list, err := outside.Members(c.ctx)
	if err != nil || len(list) != 3 {
		t.Errorf("the members are %v, %v", list, err)
	}
	if s, err := outside.Status(c.ctx); err != nil || s.Role != "leader" || s.Commit == 0 || len(s.Members) != 3 {
		t.Errorf("status is %v, %v; want the leader's", s, err)
	}
}

func TestACommandIsSentToTheLeaderWhoeverThatIs(t *testing.T) {
	c := found(t, "a", "b", "c")
	client := c.dial(c.addrs()...)
	for range 3 {
		c.eventually("20 commands in a row go to the leader", func() bool {
			leader := c.members[c.leader()]
			before := leader.count("Propose").Load()
			for range 20 {
				if _, err := client.Propose(c.ctx, 1); err != nil {
					t.Fatal(err)
				}
			}
			return leader.count("Propose").Load() >= before+20
		})
		if err := client.TransferLeadership(c.ctx, 0); err != nil {
			t.Fatal(err)
		}
	}
}

// Whoever goes when, what was acknowledged ran once, and nothing ran twice.
func TestMembersGoAndComeInTheMiddleOfCalls(t *testing.T) {
	c := found(t, "a", "b", "c")
	client := c.dial(c.addrs()...)
	stop := make(chan struct{})
	var callers sync.WaitGroup
	var mu sync.Mutex
	acknowledged, began := 0, 0
	for caller := range 8 {
		callers.Go(func() {
			for i := 1; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				_, err := client.Propose(c.ctx, caller*1_000_000+i)
				mu.Lock()
				began++
				if err == nil {
					acknowledged++
				}
				mu.Unlock()
				if err != nil {
					t.Errorf("a majority was there all the time, and a command came to: %v", err)
					return
				}
			}
		})
	}
	progress := func() int { mu.Lock(); defer mu.Unlock(); return acknowledged }
	for _, name := range []string{c.leader(), "a", "b"} {
		for _, do := range []func(){func() { c.stop(name) }, func() { c.open(name, nil) }} {
			do()
			before := progress()
			c.eventually("commands go on", func() bool { return progress() > before+50 })
		}
		c.leader()
	}
	close(stop)
	callers.Wait()
	all := c.applied()
	if len(all) != began {
		t.Errorf("%d commands ran, %d were acknowledged", len(all), began)
	}
	slices.Sort(all)
	if twice := len(all) - len(slices.Compact(all)); twice > 0 {
		t.Errorf("%d commands ran twice", twice)
	}
}

// The member has carried the command out, and its answer is lost on the way.
func TestALostAnswerIsAskedForAgain(t *testing.T) {
	for _, addresses := range []int{1, 3} {
		t.Run(fmt.Sprintf("addresses=%d", addresses), func(t *testing.T) {
			c := found(t, "a", "b", "c")
			client := c.dial(c.addrs()[:addresses]...)
			for _, m := range c.members {
				m.around.Store(dropAnswers("Propose", 2))
			}
			for want := 5; want <= 25; want += 5 {
				if got, err := client.Propose(c.ctx, 5); err != nil || got != want {
					t.Errorf("%d, %v; want %d", got, err, want)
				}
			}
			if got := c.applied(); len(got) != 5 {
				t.Errorf("5 commands ran %d times", len(got))
			}
		})
	}
}

func TestAnUnknownOutcomeIsSaidToBeUnknown(t *testing.T) {
	c := found(t, "a", "b", "c")
	client := c.dial(c.addrs()...)
	if _, err := client.Propose(c.ctx, 1); err != nil {
		t.Fatal(err)
	}
	for _, m := range c.members {
		m.around.Store(dropAnswers("Propose", 1<<40))
	}
	_, err := client.Propose(c.soon(500*time.Millisecond), 10)
	is(t, "answers that are all lost", err, balsa.ErrUnknown)
	for _, m := range c.members {
		m.around.Store(nil)
	}
	if got, err := client.Propose(c.ctx, 100); err != nil || got != 111 {
		t.Errorf("%d, %v; want 111", got, err)
	}
}

func TestWithoutAMajorityNothingIsCommittedAndTheErrorSaysSo(t *testing.T) {
	c := prepare(t, "a", "b", "c")
	c.open("a", nil)
	client := c.dial(c.members["a"].addr)
	start := time.Now()
	var calls sync.WaitGroup
	for what, call := range map[string]func(context.Context) error{
		"propose": func(ctx context.Context) error { _, err := client.Propose(ctx, 1); return err },
		"query":   func(ctx context.Context) error { _, err := client.Query(ctx, []byte("sum")); return err },
		"ready":   client.Ready,
	} {
		calls.Go(func() {
			is(t, what, call(c.soon(2500*time.Millisecond)), balsa.ErrNotCommitted, balsa.ErrNoLeader, context.DeadlineExceeded)
		})
	}
	calls.Wait()
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("calls of 2.5 s took %s", took)
	}
	for _, name := range []string{"b", "c"} {
		c.open(name, nil)
	}
	if err := client.Ready(c.ctx); err != nil {
		t.Errorf("with a majority: %v", err)
	}
	if got, err := client.Propose(c.ctx, 1); got != 1 || err != nil {
		t.Errorf("%d, %v; want 1: what was not committed must not have run", got, err)
	}
}

func TestAddressesWhereNobodyListens(t *testing.T) {
	c := found(t, "a")
	l, err := listen("")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	l.Close()
	lost := c.dial(nobody)
	_, err = lost.Propose(c.soon(200*time.Millisecond), 1)
	is(t, "nobody there", err, balsa.ErrNotCommitted)
	found := c.dial(nobody, c.members["a"].addr)
	for range 5 {
		if _, err := found.Propose(c.ctx, 1); err != nil {
			t.Errorf("one of two addresses is good: %v", err)
		}
	}
	for _, bad := range []string{"", "ftp://a:1", "http://", "a b:1"} {
		if _, err := Dial[int, int](c.ctx, bad); !errors.Is(err, balsa.ErrConfig) {
			t.Errorf("the address %q: %v, want ErrConfig", bad, err)
		}
	}
	if _, err := Dial[int, int](c.ctx); !errors.Is(err, balsa.ErrConfig) {
		t.Errorf("no addresses: %v, want ErrConfig", err)
	}
}

func TestOneSessionIsOpenedForAllCallersAndClosedWithTheClient(t *testing.T) {
	c := found(t, "a", "b", "c")
	client := c.dial(c.addrs()...)
	var callers sync.WaitGroup
	for range 32 {
		callers.Go(func() {
			if _, err := client.Propose(c.ctx, 1); err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
	opened := int64(0)
	for _, m := range c.members {
		opened += m.count("OpenSession").Load()
	}
	if opened != 1 {
		t.Errorf("%d sessions were opened for 32 callers", opened)
	}
	session := balsa.SessionID(client.sessions.current.id)
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := c.members["a"].node.ProposeAs(c.ctx, balsa.Call{Session: session, Seq: 1000}, 1)
	is(t, "a command in the session of a closed client", err, balsa.ErrSessionExpired)
	_, err = client.Propose(c.ctx, 1)
	is(t, "a closed client", err, balsa.ErrNotCommitted, balsa.ErrClosed)
	if err := client.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
}

func TestAnExpiredSessionIsReplacedUnnoticed(t *testing.T) {
	c := found(t, "a", "b", "c")
	client := c.dial(c.addrs()...)
	for want := 1; want <= 5; want++ {
		if got, err := client.Propose(c.ctx, 1); err != nil || got != want {
			t.Fatalf("%d, %v; want %d", got, err, want)
		}
		if err := c.members["a"].node.CloseSession(c.ctx, balsa.SessionID(client.sessions.current.id)); err != nil {
			t.Fatal(err)
		}
	}
	// Between two attempts of one command it makes a difference: nobody knows any more
	// whether the first one ran.
	if _, err := client.Propose(c.ctx, 1); err != nil {
		t.Fatal(err)
	}
	around := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, "/Propose") {
				h.ServeHTTP(w, r)
				return
			}
			h.ServeHTTP(unheard{http.Header{}}, r)
			for _, m := range c.members {
				m.around.Store(nil)
			}
			if err := c.members["a"].node.CloseSession(c.ctx, balsa.SessionID(client.sessions.current.id)); err != nil {
				t.Error(err)
			}
			panic(http.ErrAbortHandler)
		})
	}
	for _, m := range c.members {
		m.around.Store(&around)
	}
	_, err := client.Propose(c.ctx, 100)
	is(t, "a session that expires between two attempts", err, balsa.ErrUnknown, balsa.ErrSessionExpired)
	if all := c.applied(); sum(all) != 106 {
		t.Errorf("what ran is %v, want 100 in it once", all)
	}
}

func TestCloseEndsCallsThatAreUnderWay(t *testing.T) {
	c := prepare(t, "a", "b", "c")
	c.open("a", nil)
	client := c.dial(c.members["a"].addr)
	ended := make(chan error, 3)
	go func() { _, err := client.Propose(c.ctx, 1); ended <- err }()
	go func() { _, err := client.Query(c.ctx, []byte("sum")); ended <- err }()
	go func() {
		for _, err := range client.Committed(c.ctx, 1) {
			ended <- err
		}
	}()
	c.eventually("all three are under way", func() bool {
		m := c.members["a"]
		return m.count("OpenSession").Load() > 0 && m.count("Query").Load() > 0 && m.count("Watch").Load() > 0
	})
	client.Close()
	for range 3 {
		if err := <-ended; !errors.Is(err, balsa.ErrClosed) {
			t.Errorf("a call ended with %v, want ErrClosed", err)
		}
	}
}

func TestStaleReadsAreSpread(t *testing.T) {
	c := found(t, "a", "b", "c")
	client := c.dial(c.addrs()...)
	if _, err := client.Propose(c.ctx, 7); err != nil {
		t.Fatal(err)
	}
	for range 30 {
		if _, err := question(client, c.ctx, balsa.Stale(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range c.members {
		if got := m.count("Query").Load(); got < 5 {
			t.Errorf("%s answered %d of 30 stale reads", m.name, got)
		}
	}
	last := c.members[c.leader()].node.Status().Applied
	for _, option := range []balsa.ReadOption{balsa.AtLeast(last), balsa.Lease()} {
		for range 5 {
			if got, err := question(client, c.ctx, option); err != nil || got != 7 {
				t.Errorf("%+v: %d, %v; want 7", option.Request(), got, err)
			}
		}
	}
	_, err := question(client, c.soon(200*time.Millisecond), balsa.AtLeast(last+1000))
	is(t, "a state that is not there yet", err, balsa.ErrNotCommitted)
}

func TestErrorsCrossTheWire(t *testing.T) {
	c := found(t, "a")
	client := c.dial(c.addrs()...)
	m := c.members["a"].node.Status().Members[0]
	is(t, "remove the last voter", client.RemoveMember(c.ctx, m.ID), balsa.ErrNotCommitted, balsa.ErrRefused)
	is(t, "a role that is none", client.AddMember(c.ctx, balsa.Member{ID: 7, Name: "x", Addr: "x:1"}), balsa.ErrConfig)
	words, err := Dial[string, int](c.ctx, c.addrs()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { words.Close() })
	_, err = words.Propose(c.ctx, "no number")
	is(t, "a command of another type", err, balsa.ErrNotCommitted, balsa.ErrConfig)
	if got := c.applied(); len(got) != 0 {
		t.Errorf("%v was applied", got)
	}
}

// A name is misspelt. Who wants to know at once does, and others learn the reason
// when their time is over.
func TestNamesThatNobodyKnows(t *testing.T) {
	// These names cannot be, which is known without asking a name server.
	const nowhere, nobody = "no..where:8080", "http://no..body"
	for _, addrs := range [][]string{{nowhere}, {nowhere, nobody}, {strings.Repeat("x", 64) + ".example:80"}} {
		_, err := Open[int, int](t.Context(), Config{Addrs: addrs, Known: true})
		if dns := new(net.DNSError); !errors.As(err, &dns) {
			t.Errorf("%s: %v, want that there is no such host", addrs, err)
		}
	}
	c := found(t, "a")
	if client, err := Open[int, int](c.ctx, Config{Addrs: []string{nowhere, c.members["a"].addr}, Known: true}); err != nil {
		t.Errorf("one of two is known: %v", err)
	} else if client.Close(); client.targets.strange() != nil {
		t.Error("one of two is known, and it says that none is")
	}
	patient := c.dial(nowhere)
	_, err := patient.Propose(c.soon(200*time.Millisecond), 1)
	is(t, "a name that may appear", err, balsa.ErrNotCommitted)
	if dns := new(net.DNSError); !errors.As(err, &dns) {
		t.Errorf("the reason is %v, and it is that there is no such host", err)
	}
	// A name server that does not answer says nothing of the name.
	patient.targets.unknown = []error{&net.DNSError{Err: "i/o timeout", IsTimeout: true}}
	if err := patient.targets.strange(); err != nil {
		t.Errorf("nobody has said that there is no such name: %v", err)
	}
}

func TestNamesAreResolvedAgain(t *testing.T) {
	c := found(t, "a", "b")
	client := c.dial("members.example:" + port(c.members["a"].addr))
	// The name stands for two addresses of this machine: nobody is at the second.
	var mu sync.Mutex
	answer := []string{"127.0.0.9"}
	client.targets.lookup = func(_ context.Context, host string) ([]string, error) {
		mu.Lock()
		defer mu.Unlock()
		if host != "members.example" {
			t.Errorf("asked for %q", host)
		}
		return answer, nil
	}
	client.targets.resolve(c.ctx, true)
	_, err := client.Propose(c.soon(200*time.Millisecond), 1)
	is(t, "nobody there", err, balsa.ErrNotCommitted)
	mu.Lock()
	answer = []string{"127.0.0.9", "127.0.0.1"}
	mu.Unlock()
	if _, err := client.Propose(c.ctx, 1); err != nil {
		t.Errorf("the name means another address now: %v", err)
	}
	if n := len(client.targets.all()); n != 2 {
		t.Errorf("%d targets, want 2", n)
	}
}

func port(addr string) string { _, p, _ := net.SplitHostPort(addr); return p }

func TestOverTLSWithCertificatesOfBoth(t *testing.T) {
	authority := certs.New(t)
	c := prepare(t, "a")
	c.open("a", certs.Mutual(authority.Member("a")))
	c.leader()
	guest := authority.Config(&x509.Certificate{Subject: pkix.Name{CommonName: "caller"}})
	client := c.dialWith(Config{Addrs: c.addrs(), TLS: guest})
	for want := range 3 {
		if got, err := client.Propose(c.ctx, 1); err != nil || got != want+1 {
			t.Errorf("%d, %v; want %d", got, err, want+1)
		}
	}
	if got := c.applied(); len(got) != 3 {
		t.Errorf("%v was applied", got)
	}
}
