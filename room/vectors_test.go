package room

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write introducer/testdata/vectors.json anew")

var vectorFile = filepath.Join("..", "introducer", "testdata", "vectors.json")

// vectors are the values that a browser's side is tested with, too.
type vectors struct {
	Room     string       `json:"room"`
	Secret   string       `json:"secret"` // text, used as its UTF-8
	RoomID   string       `json:"roomId"`
	Root     string       `json:"rootHex"`
	A        vectorEnd    `json:"a"`
	B        vectorEnd    `json:"b"`
	KeyAB    string       `json:"keyAtoBHex"`
	KeyBA    string       `json:"keyBtoAHex"`
	Sealed   []sealedCase `json:"sealed"`   // all open, in this order
	Unopened []sealedCase `json:"unopened"` // none opens, after the former
}

type vectorEnd struct {
	Member string `json:"member"`
	Nonce  []byte `json:"nonce"`
}

type sealedCase struct {
	Why     string  `json:"why,omitempty"`
	From    string  `json:"from"` // "a" to b, or "b" to a
	Purpose Purpose `json:"purpose"`
	Counter uint64  `json:"counter"`
	Plain   []byte  `json:"plain,omitempty"`
	Sealed  []byte  `json:"sealed"`
}

func (e vectorEnd) end() End { return End{e.Member, Nonce(e.Nonce)} }

func makeVectors(t *testing.T) vectors {
	v := vectors{
		Room: "Küche 42", Secret: "vTq5zkKO0N6nYq4mB0lVxQ2Zr9wXc1sA",
		A: vectorEnd{"a1b2.tab-1", bytes.Repeat([]byte{0xa0}, NonceSize)},
		B: vectorEnd{"zoe_2", bytes.Repeat([]byte{0xb1}, NonceSize)},
	}
	keys, err := Derive(v.Room, []byte(v.Secret))
	must(t, err)
	ab, err := keys.pairKey(v.A.end(), v.B.end())
	must(t, err)
	ba, err := keys.pairKey(v.B.end(), v.A.end())
	must(t, err)
	v.RoomID, v.Root, v.KeyAB, v.KeyBA = string(keys.ID()), hex.EncodeToString(keys.root), hex.EncodeToString(ab), hex.EncodeToString(ba)

	a, err := keys.NewBox(v.A.end(), v.B.end(), &Counter{})
	must(t, err)
	b, err := keys.NewBox(v.B.end(), v.A.end(), &Counter{last: 1 << 33})
	must(t, err)
	seal := func(box *Box, from string, p Purpose, plain string) sealedCase {
		counter, sealed := box.Seal(nil, p, []byte(plain))
		return sealedCase{From: from, Purpose: p, Counter: counter, Plain: []byte(plain), Sealed: sealed}
	}
	v.Sealed = []sealedCase{
		seal(a, "a", Signal, `{"kind":"hello","direct":true,"version":"0.1.0"}`),
		seal(b, "b", Signal, `{"kind":"hello","direct":false,"version":"0.1.0"}`),
		seal(a, "a", Relay, "\x01\x01\x00\x00\x00\x00\x00\x00\x00"),
		seal(a, "a", Relay, "\x02\x01\x00\x00\x00\x01\x00\x00\x00a piece of a stream"),
		seal(b, "b", Relay, "\x03\x01\x00\x00\x00\x00\x00\x00\x00\x13\x00\x00\x00"),
	}
	bad := func(c sealedCase, why string, change func(*sealedCase)) sealedCase {
		c.Why, c.Sealed, c.Plain = why, bytes.Clone(c.Sealed), nil
		change(&c)
		return c
	}
	fresh := seal(a, "a", Signal, `{"kind":"failed"}`)
	foreign, err := Derive(v.Room, []byte("another secret of the same room!"))
	must(t, err)
	stranger, err := foreign.NewBox(v.A.end(), v.B.end(), &Counter{last: 50})
	must(t, err)
	v.Unopened = []sealedCase{
		bad(v.Sealed[0], "seen before", func(*sealedCase) {}),
		bad(fresh, "given back to who said it", func(c *sealedCase) { c.From = "b" }),
		bad(fresh, "a signal as a relayed frame", func(c *sealedCase) { c.Purpose = Relay }),
		bad(fresh, "under another counter", func(c *sealedCase) { c.Counter++ }),
		bad(fresh, "one bit differs", func(c *sealedCase) { c.Sealed[3] ^= 1 }),
		bad(fresh, "cut off", func(c *sealedCase) { c.Sealed = c.Sealed[:10] }),
		bad(seal(stranger, "a", Signal, `{"kind":"hello"}`), "by someone with another secret", func(*sealedCase) {}),
	}
	return v
}

// The file is what browsers are tested with: a change of it breaks every window that is
// open somewhere.
func TestKeysAndSealsAreThoseOfTheVectors(t *testing.T) {
	now, err := json.MarshalIndent(makeVectors(t), "", "  ")
	must(t, err)
	now = append(now, '\n')
	if *update {
		must(t, os.WriteFile(vectorFile, now, 0o644))
	}
	written, err := os.ReadFile(vectorFile)
	must(t, err)
	if !bytes.Equal(now, written) {
		t.Errorf("%s says otherwise; if the protocol is to change, so must its version", vectorFile)
	}
}

func TestVectorsOpenAndOthersDoNot(t *testing.T) {
	raw, err := os.ReadFile(vectorFile)
	must(t, err)
	var v vectors
	must(t, json.Unmarshal(raw, &v))
	keys, err := Derive(v.Room, []byte(v.Secret))
	must(t, err)
	a, err := keys.NewBox(v.A.end(), v.B.end(), &Counter{})
	must(t, err)
	b, err := keys.NewBox(v.B.end(), v.A.end(), &Counter{})
	must(t, err)
	reader := map[string]*Box{"a": b, "b": a}
	for _, c := range v.Sealed {
		plain, err := reader[c.From].Open(nil, c.Purpose, c.Counter, c.Sealed)
		if err != nil || !bytes.Equal(plain, c.Plain) {
			t.Errorf("counter %d from %s: %q, %v", c.Counter, c.From, plain, err)
		}
	}
	for _, c := range v.Unopened {
		if plain, err := reader[c.From].Open(nil, c.Purpose, c.Counter, c.Sealed); err != ErrSeal {
			t.Errorf("%s: opened as %q, %v", c.Why, plain, err)
		}
	}
}

// The secret stands in no log by accident.
func TestKeysPrintNoKey(t *testing.T) {
	keys, err := Derive("r", []byte("0123456789abcdef"))
	must(t, err)
	for _, printed := range []string{keys.String(), keys.GoString()} {
		if bytes.Contains([]byte(printed), []byte(base64.StdEncoding.EncodeToString(keys.root)[:8])) || printed != "room "+string(keys.ID()) {
			t.Errorf("printed %q", printed)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
