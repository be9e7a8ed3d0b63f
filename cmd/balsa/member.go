package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	nethttp "net/http"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
	"github.com/balsaraft/balsa/kv/http"
	"github.com/balsaraft/balsa/kv/text"
)

// member is one running member: a node, and the faces in front of it.
type member struct {
	node  *kv.Node
	store kv.Store
	http  *nethttp.Server
	text  *text.Server

	httpAddr, textAddr string
	served             chan error // each face's end
}

// faces are the addresses at which a member talks to its users.
type faces struct {
	http, redis string
	names       []string // that the HTTP face answers to
}

// faceTimeout is how long a closing member lets requests finish.
const faceTimeout = 3 * time.Second

// startMember takes the faces' ports and opens the node; it does not wait for the other
// members.
func startMember(ctx context.Context, cfg balsa.Config, f faces) (_ *member, err error) {
	httpListener, err := listen("--http", f.http)
	if err != nil {
		return nil, err
	}
	textListener, err := listen("--redis", f.redis)
	if err != nil {
		httpListener.Close()
		return nil, err
	}
	cfg.MaxCommand = kv.MaxCommand
	node, err := balsa.Open(ctx, cfg, kv.NewMachine())
	if err != nil {
		httpListener.Close()
		textListener.Close()
		return nil, err
	}
	m := &member{
		node: node, store: kv.NewStore(node),
		httpAddr: httpListener.Addr().String(), textAddr: textListener.Addr().String(),
		served: make(chan error, 2),
	}
	m.text = text.NewServer(m.store, text.Config{Logger: cfg.Logger})
	m.http = http.NewServer(http.NewHandler(http.Config{
		Store: m.store, Member: node, Names: f.names, Logger: cfg.Logger,
		Ports: map[string]string{"http": m.httpAddr, "redis": m.textAddr},
	}), cfg.Logger)
	go func() { m.served <- m.text.Serve(textListener) }()
	go func() { m.served <- ignoreClosed(m.http.Serve(httpListener)) }()
	return m, nil
}

// listen takes a port for a face; its flag is named in errors.
func listen(flag, addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", flag, addr, err)
	}
	return l, nil
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
		if m.http.Shutdown(ctx) != nil {
			log.Info("HTTP requests were cut off, because they took too long to finish")
			m.http.Close()
		}
	}()
	if m.text.Shutdown(ctx) != nil {
		log.Info("text commands were cut off, because they took too long to finish")
	}
	<-stopped
	return m.node.Close()
}
