package grpc_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/client"
	"github.com/balsaraft/balsa/kv"
	kvhttp "github.com/balsaraft/balsa/kv/http"
	"github.com/balsaraft/balsa/rpc"
	"github.com/balsaraft/balsa/transport/grpc"
)

type kvNode = balsa.Node[*kv.Machine, kv.Command, kv.Result]

// house is a member of a cluster of key-value stores, and the one server through which
// all reach it: other members, callers of its two faces, and those of a page.
type house struct {
	name, addr, dir string
	node            *kvNode
	machine         *kv.Machine
	server          *http.Server
}

// open starts the member on its port, with what its directory holds.
func (h *house) open(ctx context.Context, t *testing.T, l net.Listener, cfg balsa.Config) {
	t.Helper()
	h.addr = l.Addr().String()
	transport, err := grpc.New(grpc.Options{Addr: h.addr, Logger: quietLogger})
	if err != nil {
		t.Fatal(err)
	}
	if h.machine, err = kv.Open(kv.Dir(h.dir), kv.Options{Logger: quietLogger}); err != nil {
		t.Fatal(err)
	}
	cfg.Name, cfg.Dir, cfg.Transport, cfg.Logger, cfg.MaxCommand = h.name, h.dir, transport, quietLogger, kv.MaxCommand
	if h.node, err = balsa.Open(ctx, cfg, h.machine); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(transport.Handler())
	mux.Handle(rpc.Handler(h.node))
	mux.HandleFunc("GET /about", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "this is %s", h.name) })
	mux.Handle("/", kvhttp.NewHandler(kvhttp.Config{Store: kv.NewStore(h.node), Member: h.node, Logger: quietLogger}))
	h.server = &http.Server{Handler: mux, Protocols: rpc.Protocols(), ErrorLog: quiet}
	go h.server.Serve(l)
	t.Cleanup(h.kill)
}

// kill ends the member as the end of its process does: nobody hears a word.
func (h *house) kill() {
	h.server.Close()
	h.node.Close()
	h.machine.Close()
}

// say sends a request to the member's server.
func (h *house) say(ctx context.Context, method, path string, body []byte) (string, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://"+h.addr+path, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s at %s: %s: %s", method, path, h.name, response.Status, answer)
	}
	return string(answer), err
}

// must is say that tries until it is done.
func (h *house) must(ctx context.Context, t *testing.T, method, path string, body []byte) string {
	t.Helper()
	for {
		answer, err := h.say(ctx, method, path, body)
		if err == nil {
			return answer
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// found starts three members, each with one port.
func found(ctx context.Context, t *testing.T) []*house {
	t.Helper()
	dir := t.TempDir()
	houses := []*house{{name: "a"}, {name: "b"}, {name: "c"}}
	listeners, founders := make([]net.Listener, 3), map[string]string{}
	for i, h := range houses {
		h.dir = filepath.Join(dir, h.name)
		listeners[i] = listener(t, "")
		founders[h.name] = listeners[i].Addr().String()
	}
	for i, h := range houses {
		h.open(ctx, t, listeners[i], balsa.Config{Cluster: founders})
	}
	return houses
}

// TestOnePortIsEnough: members reach each other through the very servers that answer
// callers over gRPC, over HTTP, and for a page of the program's own. One is killed, and
// restarted.
func TestOnePortIsEnough(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	defer http.DefaultClient.CloseIdleConnections()
	houses := found(ctx, t)
	a, b, c := houses[0], houses[1], houses[2]
	a.must(ctx, t, "PUT", "/kv/wood", []byte("balsa"))
	for _, h := range houses {
		if got := h.must(ctx, t, "GET", "/kv/wood", nil); got != "balsa" {
			t.Errorf("%s reads %q", h.name, got)
		}
		if got := h.must(ctx, t, "GET", "/about", nil); got != "this is "+h.name {
			t.Errorf("the page of %s says %q", h.name, got)
		}
	}
	caller, err := client.Dial[kv.Command, kv.Result](ctx, a.addr, b.addr, c.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer caller.Close()
	if _, err := caller.Propose(ctx, kv.Command{Then: []kv.Op{kv.Set("float", []byte("high"))}}); err != nil {
		t.Errorf("a caller over gRPC hears %v", err)
	}

	c.kill()
	a.must(ctx, t, "PUT", "/kv/wood", []byte("pine"))
	c.open(ctx, t, listener(t, c.addr), balsa.Config{})
	for key, want := range map[string]string{"wood": "pine", "float": "high"} {
		if got := c.must(ctx, t, "GET", "/kv/"+key, nil); got != want {
			t.Errorf("who was killed and restarted reads %q for %s, want %q", got, key, want)
		}
	}
}

// TestLargeSnapshotsGoThrough: a newcomer gets a state that is far larger than a message,
// or than what HTTP/2 takes on its way, while the others go on.
func TestLargeSnapshotsGoThrough(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	defer http.DefaultClient.CloseIdleConnections()
	houses := found(ctx, t)
	a := houses[0]
	noise := rand.NewChaCha8([32]byte{1})
	values := map[string][]byte{}
	for n := range 8 {
		value := make([]byte, 512<<10)
		noise.Read(value)
		key := fmt.Sprintf("/kv/%02d", n)
		values[key] = value
		a.must(ctx, t, "PUT", key, value)
	}
	if err := a.node.Snapshot(ctx); err != nil {
		t.Fatal(err)
	}
	for _, h := range houses[1:] { // whoever leads must have nothing but a snapshot to send
		if err := h.node.Snapshot(ctx); err != nil {
			t.Fatal(err)
		}
	}
	d := &house{name: "d", dir: filepath.Join(t.TempDir(), "d")}
	d.open(ctx, t, listener(t, ""), balsa.Config{Join: []string{a.addr}})
	for key, want := range values {
		if got := d.must(ctx, t, "GET", key, nil); got != string(want) {
			t.Errorf("the newcomer reads %d other bytes for %s", len(got), key)
		}
	}
	if status := d.must(ctx, t, "GET", "/status", nil); !strings.Contains(status, `"name":"d"`) {
		t.Errorf("the newcomer's status is %s", status)
	}
}
