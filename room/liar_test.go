package room

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// passed is what an introducer sees of a signal.
type passed struct {
	counter uint64
	sealed  []byte
}

// window is one end as an honest window has it: it believes an offer that opens, and
// whose SDP names the certificate that was sealed.
type window struct {
	t    *testing.T
	keys Keys
	end  End
	n    Counter
	box  map[string]*Box
}

func (w *window) to(peer End) *Box {
	w.t.Helper()
	key := peer.Member + string(peer.Nonce[:])
	if w.box[key] == nil {
		box, err := w.keys.NewBox(w.end, peer, &w.n)
		must(w.t, err)
		w.box[key] = box
	}
	return w.box[key]
}

func (w *window) offer(to End, fingerprint string) passed {
	w.t.Helper()
	b, err := json.Marshal(Word{Kind: SignalOffer, Attempt: "12345678", SDP: "v=0\r\na=fingerprint:" + fingerprint + "\r\n", Fingerprint: fingerprint})
	must(w.t, err)
	counter, sealed := w.to(to).Seal(nil, Signal, b)
	return passed{counter, sealed}
}

// believes says whose certificate the window would let WebRTC negotiate with.
func (w *window) believes(from End, p passed) (fingerprint string, err error) {
	plain, err := w.to(from).Open(nil, Signal, p.counter, p.sealed)
	if err != nil {
		return "", err
	}
	word, err := DecodeWord(plain)
	return word.Fingerprint, err
}

func newWindow(t *testing.T, member string, life byte, secret string) *window {
	keys, err := Derive("kitchen", []byte(secret))
	must(t, err)
	return &window{t: t, keys: keys, end: End{member, Nonce(bytes.Repeat([]byte{life}, NonceSize))}, box: map[string]*Box{}}
}

// An introducer that puts its own certificate in the place of another's could read and
// change all that is said. It knows the room's identity, all names and nonces, all that
// was ever sealed, and may tell any nonce of anybody to anyone.
func TestAnIntroducerCannotPutItselfBetween(t *testing.T) {
	const secret, own, evil = "what those in the room share", "sha-256 AA:AA", "sha-256 EE:EE"
	a, b, c := newWindow(t, "a", 1, secret), newWindow(t, "b", 2, secret), newWindow(t, "c", 3, secret)
	first := a.offer(b.end, own)
	if f, err := b.believes(a.end, first); f != own || err != nil {
		t.Fatalf("an honest offer: %q, %v", f, err)
	}
	second := a.offer(b.end, own)

	liar := newWindow(t, "a", 1, string(a.keys.ID())) // all it knows of the room
	forged := liar.offer(b.end, evil)
	forged.counter = second.counter
	swapped := passed{second.counter, bytes.ReplaceAll(second.sealed, []byte("AA"), []byte("EE"))}
	for i := range second.sealed {
		flipped := passed{second.counter, bytes.Clone(second.sealed)}
		flipped.sealed[i] ^= 0x0f
		if f, err := b.believes(a.end, flipped); !errors.Is(err, ErrSeal) {
			t.Fatalf("byte %d changed: %q, %v", i, f, err)
		}
	}
	again := newWindow(t, "b", 4, secret) // b after a reload
	for what, try := range map[string]func() (string, error){
		"sealed by who does not know the secret": func() (string, error) { return b.believes(a.end, forged) },
		"said by another member":                 func() (string, error) { return b.believes(c.end, second) },
		"said to another member":                 func() (string, error) { return c.believes(a.end, second) },
		"given back to who said it":              func() (string, error) { return a.believes(b.end, second) },
		"said before":                            func() (string, error) { return b.believes(a.end, first) },
		"said before, under a larger number":     func() (string, error) { return b.believes(a.end, passed{first.counter + 99, first.sealed}) },
		"said to a former life":                  func() (string, error) { return again.believes(a.end, second) },
		"said by a former life, as it is told": func() (string, error) {
			return b.believes(End{"a", Nonce(bytes.Repeat([]byte{9}, NonceSize))}, second)
		},
		"a frame": func() (string, error) {
			counter, sealed := a.to(b.end).Seal(nil, Relay, []byte(`{"kind":"offer"}`))
			return b.believes(a.end, passed{counter, sealed})
		},
	} {
		if f, err := try(); !errors.Is(err, ErrSeal) {
			t.Errorf("%s: believed %q, %v", what, f, err)
		}
	}
	if bytes.Contains(second.sealed, []byte("AA:AA")) || !bytes.Equal(swapped.sealed, second.sealed) {
		t.Error("the introducer can read the certificate")
	}
	// After all that, what is honest still opens.
	if f, err := b.believes(a.end, a.offer(b.end, own)); f != own || err != nil {
		t.Errorf("an honest offer after all lies: %q, %v", f, err)
	}
}

// A nonce that is told again must not have a key used twice with one number: that would
// give the key's stream away.
func TestNoNumberIsUsedTwiceWhateverNoncesAreTold(t *testing.T) {
	a := newWindow(t, "a", 1, "what those in the room share")
	seen := map[string]bool{}
	for i := range 60 {
		peer := End{"b", Nonce(bytes.Repeat([]byte{byte(i % 3)}, NonceSize))}
		a.box = map[string]*Box{} // the peer came again, it is said
		p := a.offer(peer, "sha-256 AA")
		if id := fmt.Sprint(i%3, p.counter); seen[id] {
			t.Fatalf("number %d was used twice for one nonce", p.counter)
		} else {
			seen[id] = true
		}
	}
}

// Somebody in the room may send an SDP with two certificates.
func TestAnOfferWithAnotherCertificateIsNotBelieved(t *testing.T) {
	b, err := json.Marshal(Word{Kind: SignalAnswer, Attempt: "12345678", SDP: "a=fingerprint:sha-256 AA\r\na=fingerprint:sha-256 BB\r\n", Fingerprint: "sha-256 AA"})
	must(t, err)
	if w, err := DecodeWord(b); !errors.Is(err, ErrMessage) || !strings.Contains(err.Error(), "another certificate") {
		t.Errorf("believed %+v, %v", w, err)
	}
}
