package door_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/balsaraft/balsa/pki"
	"github.com/balsaraft/balsa/pki/door"
)

// patience bounds every wait of these tests.
const patience = 20 * time.Second

type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) await(t *testing.T, what string) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		l.mu.Lock()
		said := l.b.String()
		l.mu.Unlock()
		if strings.Contains(said, what) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the log does not say %q:\n%s", what, said)
		}
	}
}

// open is a door that answers every connection with "hello", and what clients trust.
func open(t *testing.T, l *log, cfg door.Config) (addr string, client *tls.Config) {
	t.Helper()
	authority, ca, err := pki.NewAuthority("test", time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	pair, err := authority.Issue(pki.Subject{Role: pki.Member, Name: "a"}, []string{"127.0.0.1"}, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files := pki.Files{Cert: filepath.Join(dir, "a.pem"), Key: filepath.Join(dir, "a.key")}
	for path, text := range map[string][]byte{files.Cert: pair.Cert, files.Key: pair.Key} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	keeper, err := pki.ForCallers(false, files)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg.TLS, cfg.Logger = keeper.Config(), slog.New(slog.NewTextHandler(l, nil))
	d := door.New(listener, cfg)
	served := make(chan struct{})
	go func() {
		defer close(served)
		for {
			conn, err := d.Accept()
			if err != nil {
				return
			}
			if !conn.(*tls.Conn).ConnectionState().HandshakeComplete {
				t.Error("a connection was handed out before its handshake")
			}
			conn.Write([]byte("hello"))
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		d.Close()
		select {
		case <-served:
		case <-time.After(patience):
			t.Error("Accept goes on after Close")
		}
	})
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.Cert)
	return d.Addr().String(), &tls.Config{RootCAs: roots}
}

func mustGreet(t *testing.T, addr string, client *tls.Config) {
	t.Helper()
	conn, err := tls.Dial("tcp", addr, client)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if b, err := io.ReadAll(conn); err != nil || string(b) != "hello" {
		t.Errorf("%q, %v", b, err)
	}
}

// silent is a connection that never says anything.
func silent(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func mustEnd(t *testing.T, conn net.Conn) {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(patience))
	var timeout net.Error
	if _, err := conn.Read(make([]byte, 1)); errors.As(err, &timeout) && timeout.Timeout() {
		t.Error("the connection goes on")
	}
}

func TestWhoSaysNothingIsHungUpOn(t *testing.T) {
	var l log
	addr, client := open(t, &l, door.Config{Timeout: 50 * time.Millisecond})
	mustEnd(t, silent(t, addr))
	l.await(t, "the handshake was not over after 50ms")
	mustGreet(t, addr, client)
}

func TestHandshakesOfManyLeaveRoomForOthers(t *testing.T) {
	var l log
	addr, client := open(t, &l, door.Config{Timeout: time.Hour, MaxHandshakes: 3})
	var crowd []net.Conn
	for range 3 {
		crowd = append(crowd, silent(t, addr))
	}
	mustGreet(t, addr, client)
	mustEnd(t, crowd[0])
	l.await(t, "too many connections are at their handshakes")
	mustGreet(t, addr, client)
}

func TestWhoComesWithoutTLSIsToldSo(t *testing.T) {
	var l log
	addr, client := open(t, &l, door.Config{Plain: []byte("-ERR this port speaks TLS\r\n")})
	conn := silent(t, addr)
	conn.Write([]byte("*1\r\n$4\r\nPING\r\n"))
	conn.SetReadDeadline(time.Now().Add(patience))
	if b, err := io.ReadAll(conn); err != nil || string(b) != "-ERR this port speaks TLS\r\n" {
		t.Errorf("%q, %v", b, err)
	}
	l.await(t, "it speaks without TLS")
	mustGreet(t, addr, client)
}

func TestCloseEndsHandshakes(t *testing.T) {
	var l log
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := door.New(listener, door.Config{TLS: &tls.Config{}, Timeout: time.Hour, Logger: slog.New(slog.NewTextHandler(&l, nil))})
	conn := silent(t, d.Addr().String())
	d.Close() // returns only after all goroutines have ended
	mustEnd(t, conn)
	if _, err := d.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("%v", err)
	}
}

func TestTheSameTroubleIsToldOnce(t *testing.T) {
	var l log
	addr, _ := open(t, &l, door.Config{})
	for range 5 {
		conn := silent(t, addr)
		conn.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
		mustEnd(t, conn)
	}
	l.await(t, "without TLS")
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := strings.Count(l.b.String(), "without TLS"); n != 1 {
		t.Errorf("it was told %d times:\n%s", n, l.b.String())
	}
}
