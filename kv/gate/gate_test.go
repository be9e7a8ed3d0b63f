package gate

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/client"
	"github.com/balsaraft/balsa/kv"
	"github.com/balsaraft/balsa/kv/access"
	"github.com/balsaraft/balsa/rpc"
	"github.com/balsaraft/balsa/rpc/balsav1"
)

func caller(name string, prefix string, rights access.Right) *access.Caller {
	return &access.Caller{Name: name, Grants: []access.Grant{{Prefix: prefix, Rights: rights}}}
}

// callers are of every kind; those with a prefix have to do with keys that begin with a/.
var callers = []*access.Caller{
	{Name: "nobody"},
	caller("reader", "a/", access.Read),
	caller("writer", "a/", access.Write),
	caller("user", "a/", access.Read|access.Write),
	caller("all-reader", "", access.Read),
	caller("admin", "", access.Admin),
	caller("root", "", everything),
}

const (
	everyone = "nobody reader writer user all-reader admin root"
	changers = "writer user admin root"
)

// world is a member, and who its callers are just now.
type world struct {
	t    *testing.T
	node *kv.Node
	url  string

	mu    sync.Mutex
	known map[string]*access.Caller
}

func newWorld(t *testing.T) *world {
	t.Helper()
	node, err := balsa.Open(t.Context(), balsa.Config{Name: "a", MaxCommand: kv.MaxCommand, Logger: slog.New(slog.DiscardHandler)}, kv.NewMachine())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, node: node, known: map[string]*access.Caller{}}
	for _, c := range callers {
		w.known[c.Name] = c
	}
	path, service := rpc.Handler(node, Guard(kv.NewStore(node)))
	mux := http.NewServeMux()
	mux.HandleFunc(path, func(out http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if name == "" {
			service.ServeHTTP(out, r) // as whoever has forgotten to say who asks
			return
		}
		service.ServeHTTP(out, r.WithContext(access.WithCaller(r.Context(), func() *access.Caller { return w.now(name) })))
	})
	server := httptest.NewServer(mux)
	w.url = server.URL
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		server.Close()
		node.Close()
	})
	return w
}

func (w *world) now(name string) *access.Caller {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.known[name]
}

func (w *world) become(c *access.Caller) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.known[c.Name] = c
}

// as is a stub of a caller; of nobody in particular if the name is "".
func (w *world) as(name string) balsav1.ClusterClient {
	return balsav1.NewClusterClient(http.DefaultClient, w.url, connect.WithInterceptors(connect.UnaryInterceptorFunc(func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, q connect.AnyRequest) (connect.AnyResponse, error) {
			if name != "" {
				q.Header().Set("Authorization", "Bearer "+name)
			}
			return next(ctx, q)
		}
	})))
}

func encoded(c kv.Command) []byte {
	b, err := c.MarshalBinary()
	if err != nil {
		panic(err)
	}
	return b
}

// call is something that can be asked of the service, and who may.
type call struct {
	what    string
	ask     func(context.Context, balsav1.ClusterClient) error
	allowed string
}

func propose(what string, c kv.Command, allowed string) call {
	return call{what, func(ctx context.Context, s balsav1.ClusterClient) error {
		_, err := s.Propose(ctx, &balsav1.ProposeRequest{Command: encoded(c)})
		return err
	}, allowed}
}

func query(what string, c kv.Command, allowed string) call {
	return call{what, func(ctx context.Context, s balsav1.ClusterClient) error {
		_, err := s.Query(ctx, &balsav1.QueryRequest{Question: encoded(c)})
		return err
	}, allowed}
}

// calls are those of each method. What they ask of the cluster itself makes no sense, so
// that who may ask is refused for another reason.
var calls = map[string][]call{
	"Status": {{"status", func(ctx context.Context, s balsav1.ClusterClient) error {
		_, err := s.Status(ctx, &balsav1.StatusRequest{})
		return err
	}, everyone}},
	"Members": {{"members", func(ctx context.Context, s balsav1.ClusterClient) error {
		_, err := s.Members(ctx, &balsav1.MembersRequest{})
		return err
	}, everyone}},
	"OpenSession": {{"open a session", func(ctx context.Context, s balsav1.ClusterClient) error {
		_, err := s.OpenSession(ctx, &balsav1.OpenSessionRequest{})
		return err
	}, changers}},
	"CloseSession": {{"close a session", func(ctx context.Context, s balsav1.ClusterClient) error {
		_, err := s.CloseSession(ctx, &balsav1.CloseSessionRequest{Session: 7})
		return err
	}, changers}},
	"Propose": {
		propose("set inside", kv.Do(kv.Set("a/1", nil)), "writer user root"),
		propose("set beyond", kv.Do(kv.Set("b/1", nil)), "root"),
		propose("one of two beyond", kv.Do(kv.Set("a/1", nil), kv.Set("b/1", nil)), "root"),
		propose("in the other branch", kv.Command{Else: []kv.Op{kv.Set("b/1", nil)}}, "root"),
		propose("under a condition", kv.Command{If: []kv.Condition{kv.IfAbsent().On("b/1")}}, "all-reader root"),
		propose("read inside", kv.Do(kv.Get("a/1")), "reader user all-reader root"),
		propose("compact", kv.Do(kv.Op{Kind: kv.OpCompact, Number: 1}), "admin root"),
		propose("keep a lease of b/leased", kv.Do(kv.KeepAlive(7)), "root"),
		{"nonsense", func(ctx context.Context, s balsav1.ClusterClient) error {
			_, err := s.Propose(ctx, &balsav1.ProposeRequest{Command: []byte("nonsense")})
			if connect.CodeOf(err) == connect.CodeInvalidArgument {
				return nil
			}
			return err
		}, everyone},
	},
	"Query": {
		query("get inside", kv.Do(kv.Get("a/1")), "reader user all-reader root"),
		query("get beyond", kv.Do(kv.Get("b/1")), "all-reader root"),
		query("scan inside", kv.Do(kv.Scan(kv.Prefix("a/"), 0)), "reader user all-reader root"),
		query("scan more", kv.Do(kv.Scan(kv.Prefix("a"), 0)), "all-reader root"),
		query("scan all", kv.Do(kv.Scan(kv.Range{}, 0)), "all-reader root"),
	},
	"Watch": {{"watch", func(ctx context.Context, s balsav1.ClusterClient) error {
		stream, err := s.Watch(ctx, &balsav1.WatchRequest{})
		if err != nil {
			return err
		}
		defer stream.Close()
		if !stream.Receive() {
			return stream.Err()
		}
		return nil
	}, "reader user all-reader root"}},
	"SetMembers": {{"set the members", func(ctx context.Context, s balsav1.ClusterClient) error {
		_, err := s.SetMembers(ctx, &balsav1.SetMembersRequest{Members: []*balsav1.Member{{Role: "king"}}})
		return err
	}, "admin root"}},
	"AddMember": {{"add a member", func(ctx context.Context, s balsav1.ClusterClient) error {
		_, err := s.AddMember(ctx, &balsav1.AddMemberRequest{Member: &balsav1.Member{Role: "king"}})
		return err
	}, "admin root"}},
	"SetRole": {{"set a role", func(ctx context.Context, s balsav1.ClusterClient) error {
		_, err := s.SetRole(ctx, &balsav1.SetRoleRequest{Id: "none"})
		return err
	}, "admin root"}},
	"RemoveMember": {{"remove a member", func(ctx context.Context, s balsav1.ClusterClient) error {
		_, err := s.RemoveMember(ctx, &balsav1.RemoveMemberRequest{Id: "none"})
		return err
	}, "admin root"}},
	"TransferLeadership": {{"transfer leadership", func(ctx context.Context, s balsav1.ClusterClient) error {
		_, err := s.TransferLeadership(ctx, &balsav1.TransferLeadershipRequest{To: "none"})
		return err
	}, "admin root"}},
}

// Every method that there is, by every kind of caller, and by nobody.
func TestEveryMethodIsForWhoMay(t *testing.T) {
	w := newWorld(t)
	grant, leased := kv.Grant(time.Hour), kv.Set("b/leased", nil)
	grant.Lease, leased.Lease = 7, 7
	if _, err := w.node.Propose(t.Context(), kv.Do(grant, leased)); err != nil {
		t.Fatal(err)
	}
	methods := balsav1.File_balsa_proto.Services().ByName("Cluster").Methods()
	for i := range methods.Len() {
		method := string(methods.Get(i).Name())
		if len(calls[method]) == 0 {
			t.Errorf("nobody has said who may ask for %s", method)
		}
		for _, c := range calls[method] {
			for _, role := range append(slices.Clone(callers), &access.Caller{}) {
				stub := w.as(role.Name)
				if method == "Watch" { // whose stub's interceptors see unary calls alone
					stub = w.watcher(role.Name)
				}
				err := c.ask(t.Context(), stub)
				denied := connect.CodeOf(err) == connect.CodePermissionDenied
				if want := role.Name == "" || !slices.Contains(strings.Fields(c.allowed), role.Name); denied != want && !(role.Name == "" && c.what == "nonsense") {
					t.Errorf("%s, %s, for %q: %v; want it denied: %t", method, c.what, role.Name, err, want)
				}
			}
		}
	}
}

// withToken sends a caller's name with whatever is asked.
type withToken struct{ name string }

func (h withToken) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	if h.name != "" {
		r.Header.Set("Authorization", "Bearer "+h.name)
	}
	return http.DefaultTransport.RoundTrip(r)
}

func (w *world) watcher(name string) balsav1.ClusterClient {
	return balsav1.NewClusterClient(&http.Client{Transport: withToken{name}}, w.url)
}

func TestAProcedureWithoutARuleIsForWhoMayDoAll(t *testing.T) {
	for _, c := range callers {
		ctx := access.WithCaller(t.Context(), func() *access.Caller { return c })
		if err := (gate{}).ask(ctx, "/balsa.v1.Cluster/Dance", nil); (err == nil) != (c.Name == "root") {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
	if err := (gate{}).ask(t.Context(), balsav1.ClusterStatusProcedure, nil); !errors.Is(err, access.ErrForbidden) {
		t.Errorf("nobody: %v", err)
	}
}

// The client, with its sessions, is let through where the caller has the right, and told
// why not in the member's words.
func TestTheClientIsToldItsRights(t *testing.T) {
	w := newWorld(t)
	c, err := client.Open[kv.Command, kv.Result](t.Context(), client.Config{Addrs: []string{w.url}, Token: "user"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Propose(t.Context(), kv.Do(kv.Set("a/1", []byte("v")))); err != nil {
		t.Error(err)
	}
	before := w.node.Status().Applied
	_, err = c.Propose(t.Context(), kv.Do(kv.Set("b/1", nil)))
	if !errors.Is(err, client.ErrForbidden) || !errors.Is(err, balsa.ErrNotCommitted) || !strings.Contains(err.Error(), `user has no right to write "b/1"`) {
		t.Errorf("%v", err)
	}
	if now := w.node.Status().Applied; now != before {
		t.Errorf("what was refused has made entries %d to %d", before+1, now)
	}
	blind, err := client.Open[kv.Command, kv.Result](t.Context(), client.Config{Addrs: []string{w.url}, Token: "writer"})
	if err != nil {
		t.Fatal(err)
	}
	defer blind.Close()
	for _, err := range blind.Committed(t.Context(), 1) {
		if !errors.Is(err, client.ErrForbidden) {
			t.Errorf("a watch: %v", err)
		}
	}
}

// committed is what a caller is told of, from an index up to one.
func (w *world) committed(token string, from, upTo balsa.Index) (all []balsa.Committed[kv.Command], err error) {
	w.t.Helper()
	c, err := client.Open[kv.Command, kv.Result](w.t.Context(), client.Config{Addrs: []string{w.url}, Token: token})
	if err != nil {
		w.t.Fatal(err)
	}
	defer c.Close()
	for e, err := range c.Committed(w.t.Context(), from) {
		if err != nil {
			return all, err
		}
		all = append(all, e)
		if e.Index >= upTo {
			break
		}
	}
	return all, nil
}

// Of what others' keys have a part in, a caller with a prefix sees what became of its own,
// by whatever way, and nothing of the rest.
func TestAWatchOfSomeKeysShowsWhatBecameOfThese(t *testing.T) {
	w := newWorld(t)
	moment := time.Now().Add(time.Hour).Truncate(time.Millisecond)
	lasting := kv.Set("a/lasts", []byte("1"))
	lasting.At = moment
	leased := kv.Set("a/leased", []byte("1"))
	leased.Lease = kv.NewLease
	var at []balsa.Index
	for _, c := range []kv.Command{
		kv.Do(kv.Set("a/1", []byte("own"))),
		kv.Do(kv.Set("b/1", []byte("secret"))),
		kv.Do(kv.Set("a/1", []byte("both")), kv.Set("b/1", []byte("secret")), lasting),
		{If: []kv.Condition{kv.IfValue([]byte("secret")).On("b/1")}, Then: []kv.Op{kv.Delete("a/1")}, Else: []kv.Op{kv.Set("a/1", []byte("not this"))}},
		kv.Do(kv.Grant(time.Minute), leased, kv.Set("b/2", []byte("secret"))),
		kv.Do(kv.Revoke(5)),
		kv.Do(kv.Set("a/end", nil)),
	} {
		if c.Then[0].Kind == kv.OpRevoke {
			c.Then[0].Lease = kv.LeaseID(at[4])
		}
		r, err := w.node.Propose(t.Context(), c)
		if err != nil || r.Err() != nil {
			t.Fatal(err, r.Err())
		}
		at = append(at, r.Index)
	}
	got, err := w.committed("reader", at[0], at[6])
	if err != nil {
		t.Fatal(err)
	}
	lasting.At = moment.UTC()
	leased.Lease = kv.LeaseID(at[4])
	want := []struct {
		at  balsa.Index
		ops []kv.Op
	}{
		{at[0], []kv.Op{kv.Set("a/1", []byte("own"))}},
		{at[2], []kv.Op{kv.Set("a/1", []byte("both")), lasting}},
		{at[3], []kv.Op{kv.Delete("a/1")}},
		{at[4], []kv.Op{leased}},
		{at[5], []kv.Op{kv.Delete("a/leased")}},
		{at[6], []kv.Op{kv.Set("a/end", nil)}},
	}
	if len(got) != len(want) {
		t.Fatalf("%d commands, want %d: %+v", len(got), len(want), got)
	}
	for i, e := range got {
		if e.Index != want[i].at || !bytes.Equal(encoded(e.Command), encoded(kv.Do(want[i].ops...))) {
			t.Errorf("at %d it is told of %+v, want %+v at %d", e.Index, e.Command, want[i].ops, want[i].at)
		}
	}
}

// Where the history does not reach back any more, it says so.
func TestAWatchOfSomeKeysKnowsWhereThePastIsForgotten(t *testing.T) {
	w := newWorld(t)
	r, err := w.node.Propose(t.Context(), kv.Do(kv.Set("b/1", nil), kv.Set("a/1", nil)))
	if err == nil {
		_, err = w.node.Propose(t.Context(), kv.Do(kv.Op{Kind: kv.OpCompact, Number: int64(r.Index)}))
	}
	if err != nil {
		t.Fatal(err)
	}
	if got, err := w.committed("reader", r.Index, r.Index); !errors.Is(err, balsa.ErrCompacted) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := w.committed("all-reader", r.Index, r.Index); err != nil || len(got) != 1 {
		t.Errorf("who may read all is told of %+v, %v: the log has it", got, err)
	}
}

func TestAStreamEndsWithItsRight(t *testing.T) {
	w := newWorld(t)
	stream, err := w.watcher("all-reader").Watch(t.Context(), &balsav1.WatchRequest{})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if !stream.Receive() {
		t.Fatal(stream.Err())
	}
	w.become(caller("all-reader", "", access.Write))
	if _, err := w.node.Propose(t.Context(), kv.Do(kv.Set("secret", nil))); err != nil {
		t.Fatal(err)
	}
	for stream.Receive() {
		if strings.Contains(string(stream.Msg().GetCommand()), "secret") {
			t.Error("it was told of a key that it has no right to")
		}
	}
	if err := stream.Err(); connect.CodeOf(err) != connect.CodePermissionDenied || errors.Is(err, io.EOF) {
		t.Errorf("it ends with %v", err)
	}
}

func TestAStreamShowsWhatItsCallerMaySeeNow(t *testing.T) {
	w := newWorld(t)
	stream, err := w.watcher("all-reader").Watch(t.Context(), &balsav1.WatchRequest{})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if !stream.Receive() {
		t.Fatal(stream.Err())
	}
	w.become(caller("all-reader", "a/", access.Read))
	if _, err := w.node.Propose(t.Context(), kv.Do(kv.Set("secret", nil), kv.Set("a/1", nil))); err != nil {
		t.Fatal(err)
	}
	for stream.Receive() && stream.Msg().GetIndex() == 0 {
	}
	if got, want := stream.Msg().GetCommand(), encoded(kv.Do(kv.Set("a/1", nil))); !bytes.Equal(got, want) {
		t.Errorf("it is told %q, want %q: %v", got, want, stream.Err())
	}
}

func TestRequestsAndStreamsAreBounded(t *testing.T) {
	w := newWorld(t)
	_, err := w.as("root").Propose(t.Context(), &balsav1.ProposeRequest{Command: make([]byte, maxRequest)})
	if connect.CodeOf(err) != connect.CodeResourceExhausted {
		t.Errorf("more than a command: %v", err)
	}
	whole := kv.Do(kv.Set("a/1", make([]byte, kv.MaxValue)), kv.Set("a/2", make([]byte, kv.MaxValue)), kv.Set("a/3", make([]byte, kv.MaxValue)))
	if _, err := w.as("user").Propose(t.Context(), &balsav1.ProposeRequest{Command: encoded(whole)}); err != nil {
		t.Errorf("a large command: %v", err)
	}

	full := gate{streams: make(chan struct{}, 1)}
	inside, leave := make(chan struct{}), make(chan struct{})
	stream := full.WrapStreamingHandler(func(context.Context, connect.StreamingHandlerConn) error {
		inside <- struct{}{}
		<-leave
		return nil
	})
	ctx := access.WithCaller(t.Context(), func() *access.Caller { return access.Everybody })
	ended := make(chan error, 1)
	go func() { ended <- stream(ctx, aStream{}) }()
	<-inside
	err = stream(ctx, aStream{})
	if f := balsav1.FailureIn(err); connect.CodeOf(err) != connect.CodeResourceExhausted || !slices.Contains(f.GetReasons(), balsav1.Reason_REASON_OVERLOADED) {
		t.Errorf("one stream too many: %v", err)
	}
	close(leave)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	go func() { ended <- stream(ctx, aStream{}) }()
	<-inside
	<-ended
}

// aStream is one that nothing is sent on.
type aStream struct{ connect.StreamingHandlerConn }

func (aStream) Spec() connect.Spec { return connect.Spec{Procedure: balsav1.ClusterWatchProcedure} }
