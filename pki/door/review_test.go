package door_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/balsaraft/balsa/pki"
	"github.com/balsaraft/balsa/pki/door"
)

// certificate is one for a name, of an authority that nobody knows.
func certificate(t *testing.T, role pki.Role, name string) tls.Certificate {
	t.Helper()
	authority, _, err := pki.NewAuthority("test", time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	pair, err := authority.Issue(pki.Subject{Role: role, Name: name}, []string{"127.0.0.1"}, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	c, err := tls.X509KeyPair(pair.Cert, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAConnectionThatWouldBeRefusedNowIsEnded(t *testing.T) {
	var l log
	alice := certificate(t, pki.Caller, "alice")
	var revoked atomic.Bool
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := door.New(listener, door.Config{
		TLS: &tls.Config{Certificates: []tls.Certificate{certificate(t, pki.Member, "a")}, ClientAuth: tls.RequestClientCert},
		Standing: func(s tls.ConnectionState) error {
			if revoked.Load() && bytes.Equal(s.PeerCertificates[0].Raw, alice.Leaf.Raw) {
				return errors.New("alice was revoked")
			}
			return nil
		},
		ReviewEvery: 5 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(&l, nil)),
	})
	defer d.Close()
	enter := func(own ...tls.Certificate) (caller *tls.Conn, member net.Conn) {
		t.Helper()
		caller, err := tls.Dial("tcp", d.Addr().String(), &tls.Config{Certificates: own, InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { caller.Close() })
		if member, err = d.Accept(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { member.Close() })
		return caller, member
	}
	hers, hersHere := enter(alice)
	his, hisHere := enter(certificate(t, pki.Caller, "bob"))
	nobodys, nobodysHere := enter()

	revoked.Store(true)
	mustEnd(t, hers)
	if _, err := hersHere.Read(make([]byte, 1)); err == nil {
		t.Error("the member's end goes on")
	}
	l.await(t, "alice was revoked")
	for name, ends := range map[string][2]net.Conn{"bob": {his, hisHere}, "who showed none": {nobodys, nobodysHere}} {
		go ends[1].Write([]byte("hello"))
		ends[0].SetReadDeadline(time.Now().Add(patience))
		if n, err := ends[0].Read(make([]byte, 5)); n == 0 {
			t.Errorf("the connection of %s ended, too: %v", name, err)
		}
	}
}
