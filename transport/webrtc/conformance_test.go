package webrtc_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/balsaraft/balsa/balsatest"
	"github.com/balsaraft/balsa/transport/webrtc"
)

// windows is a room in memory: pipes stand in for data channels.
type windows struct {
	mu      sync.Mutex
	members map[string]*webrtc.Transport
	made    int
}

func (w *windows) dial(_ context.Context, addr string) (io.ReadWriteCloser, error) {
	w.mu.Lock()
	there := w.members[addr]
	w.mu.Unlock()
	if there == nil {
		return nil, fmt.Errorf("dial %s: %w", addr, webrtc.ErrGone)
	}
	ours, theirs := net.Pipe()
	there.Accept(theirs)
	return ours, nil
}

// member is a transport that leaves the room when it closes.
type member struct {
	*webrtc.Transport
	room *windows
}

func (m *member) Close() error {
	m.room.mu.Lock()
	if m.room.members[m.Addr()] == m.Transport {
		delete(m.room.members, m.Addr())
	}
	m.room.mu.Unlock()
	return m.Transport.Close()
}

func (w *windows) listen(t *testing.T, addr string) balsatest.Transport {
	w.mu.Lock()
	defer w.mu.Unlock()
	if addr == "" {
		w.made++
		addr = fmt.Sprintf("room:m%d", w.made)
	}
	transport, err := webrtc.New(addr, w.dial, webrtc.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w.members[addr] = transport
	return &member{transport, w}
}

func TestConforms(t *testing.T) {
	balsatest.TestTransport(t, func(*testing.T) balsatest.Listen {
		room := &windows{members: map[string]*webrtc.Transport{}}
		return room.listen
	})
}
