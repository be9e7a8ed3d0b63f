package pki_test

import (
	"crypto/tls"
	"testing"
	"time"

	"github.com/balsaraft/balsa/pki"
)

// stand is what a member sees of a connection with a caller of this name.
func (d *desk) stand(member *pki.Keeper, caller pki.Files) tls.ConnectionState {
	d.t.Helper()
	near, far := connect(d.t)
	s := tls.Server(far, member.Config())
	go tls.Client(near, d.client(caller)).Handshake()
	if err := s.Handshake(); err != nil {
		d.t.Fatal(err)
	}
	return s.ConnectionState()
}

func TestAConnectionStandsAsLongAsItsCertificate(t *testing.T) {
	d := newDesk(t)
	keeper, err := pki.ForCallers(false, d.issue(pki.Member, "m"))
	if err != nil {
		t.Fatal(err)
	}
	alice, bob := d.stand(keeper, d.issue(pki.Caller, "alice")), d.stand(keeper, d.issue(pki.Caller, "bob"))
	nobody := d.stand(keeper, pki.Files{})

	d.revoke("bob")
	if err := keeper.Standing(bob); err != nil {
		t.Errorf("the list was not read yet: %v", err)
	}
	if changed, err := keeper.Reload(); !changed || err != nil {
		t.Fatal(changed, err)
	}
	mustSay(t, "bob", keeper.Standing(bob), "caller bob, serial")
	for name, s := range map[string]tls.ConnectionState{"alice": alice, "nobody": nobody} {
		if err := keeper.Standing(s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}

	alice.PeerCertificates[0].NotAfter = time.Now().Add(-time.Second)
	mustSay(t, "alice", keeper.Standing(alice), "certificate of caller alice expired on")
}

func TestAConnectionEndsWithItsAuthority(t *testing.T) {
	d, other := newDesk(t), newDesk(t)
	files := other.issue(pki.Member, "m")
	// The member trusts callers of both authorities first, and of its own later.
	old, oldCA, err := pki.NewAuthority("old", time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	pair, err := old.Issue(pki.Subject{Role: pki.Caller, Name: "carol"}, nil, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	d.write("carol.pem", pair.Cert)
	d.write("carol.key", pair.Key)
	both := append(other.read("ca.pem"), oldCA.Cert...)
	other.write("ca.pem", both)
	files.CRL = ""
	keeper, err := pki.ForCallers(false, files)
	if err != nil {
		t.Fatal(err)
	}
	carol := other.stand(keeper, pki.Files{Cert: d.path("carol.pem"), Key: d.path("carol.key")})
	if err := keeper.Standing(carol); err != nil {
		t.Fatal(err)
	}
	other.write("ca.pem", other.ca.Cert)
	if changed, err := keeper.Reload(); !changed || err != nil {
		t.Fatal(changed, err)
	}
	mustSay(t, "carol", keeper.Standing(carol), "caller carol is of an authority that is not trusted here any more")
}
