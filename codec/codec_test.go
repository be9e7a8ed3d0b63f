package codec

import (
	"bytes"
	"errors"
	"math"
	"math/big"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

// through encodes a value behind other bytes and decodes it.
func through[T any](t testing.TB, v T) (T, []byte) {
	t.Helper()
	c, err := For[T]()
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.Append([]byte("before"), v)
	if err != nil {
		t.Fatal(err)
	}
	b, found := bytes.CutPrefix(b, []byte("before"))
	if !found {
		t.Fatalf("Append of %#v replaced what was there: %q", v, b)
	}
	got, err := c.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	return got, b
}

func roundTrips[T any](t *testing.T, values ...T) {
	t.Helper()
	for _, v := range values {
		if got, b := through(t, v); !reflect.DeepEqual(got, v) {
			t.Errorf("%#v becomes %#v by way of %q", v, got, b)
		}
	}
}

func encodesAs[T any](t *testing.T, v T, want string) {
	t.Helper()
	if _, b := through(t, v); string(b) != want {
		t.Errorf("%#v is encoded as %q, want %q", v, b, want)
	}
}

// pair marshals itself by value and reads itself by a pointer, as most do.
type pair struct{ a, b byte }

func (p pair) MarshalBinary() ([]byte, error) { return []byte{p.a, p.b}, nil }
func (p *pair) UnmarshalBinary(b []byte) error {
	if len(b) != 2 {
		return errNoPair
	}
	p.a, p.b = b[0], b[1]
	return nil
}

// pairByPointer does both by a pointer.
type pairByPointer struct{ p pair }

func (p *pairByPointer) MarshalBinary() ([]byte, error) { return p.p.MarshalBinary() }
func (p *pairByPointer) UnmarshalBinary(b []byte) error { return p.p.UnmarshalBinary(b) }

// writeOnly can be written and not be read back: it is no codec of its own.
type writeOnly struct{ A int }

func (writeOnly) MarshalBinary() ([]byte, error) { panic("never called") }

var errNoPair = errors.New("no pair")

type named []byte

type account struct {
	Owner   string
	Balance int64
	Tags    map[string][]string
	Closed  *time.Time
	Parent  *account
	cache   int `json:"-"`
}

func TestBytesAndStringsAreAsTheyAre(t *testing.T) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	roundTrips(t, every, []byte{})
	roundTrips(t, string(every), "")
	roundTrips(t, struct{}{})
	encodesAs(t, every, string(every))
	encodesAs(t, string(every), string(every))
	encodesAs(t, struct{}{}, "")
	roundTrips(t, named{0, 255})
}

func TestTypesMarshalThemselves(t *testing.T) {
	roundTrips(t, pair{1, 2}, pair{})
	roundTrips(t, &pair{1, 2})
	roundTrips(t, pairByPointer{pair{1, 2}})
	roundTrips(t, &pairByPointer{pair{1, 2}})
	roundTrips(t, time.Unix(5, 7).UTC())
	roundTrips(t, netip.MustParseAddr("::1"))
	encodesAs(t, pair{1, 2}, "\x01\x02")
	encodesAs(t, &pairByPointer{pair{1, 2}}, "\x01\x02")
	roundTrips(t, writeOnly{5})
	encodesAs(t, writeOnly{5}, `{"A":5}`)
}

func TestAllElseIsJSON(t *testing.T) {
	closed := time.Unix(5, 7).UTC()
	roundTrips(t, 0, -5, math.MaxInt)
	roundTrips(t, uint64(math.MaxUint64))
	roundTrips(t, 0.1, math.MaxFloat64, -math.SmallestNonzeroFloat64)
	roundTrips(t, map[int8][2]bool{-3: {true, false}})
	roundTrips(t, []*int{nil, new(int)})
	roundTrips(t, account{}, account{Owner: "é\x00\u2028<", Balance: math.MinInt64, Tags: map[string][]string{"": {}, "a": nil}, Closed: &closed, Parent: &account{Owner: "p"}})
	roundTrips(t, &account{Owner: "p"}, nil)
	roundTrips(t, *big.NewInt(-12345678901234567))
	encodesAs(t, struct{ A []byte }{[]byte{0xff}}, `{"A":"/w=="}`)
	if got, _ := through(t, account{cache: 5}); got.cache != 0 {
		t.Error("a field tagged - was not left out")
	}
}

// hex reads and writes itself by a pointer alone.
type hex struct{ n int }

func (h *hex) MarshalText() ([]byte, error) { return []byte(strings.Repeat("x", h.n)), nil }
func (h *hex) UnmarshalText(b []byte) error { h.n = len(b); return nil }

func TestJSONFindsMethodsOfPointersOnValues(t *testing.T) {
	roundTrips(t, hex{3})
	roundTrips(t, struct {
		A hex
		B [2]hex
		C []hex
		D map[string]*hex
	}{hex{1}, [2]hex{{2}, {3}}, []hex{{4}}, map[string]*hex{"k": {5}}})
	encodesAs(t, hex{3}, `"xxx"`)
}

func TestDecodedValuesDoNotReferToTheBytes(t *testing.T) {
	check := func(name string, b []byte, decode func([]byte) any, want any) {
		t.Helper()
		got := decode(b)
		for i := range b {
			b[i] = '9'
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("a %s becomes %#v when the bytes are used for something else", name, got)
		}
	}
	decodeWith := func(decode func([]byte) (string, error)) func([]byte) any {
		return func(b []byte) any { v, _ := decode(b); return v }
	}
	text, err := For[string]()
	if err != nil {
		t.Fatal(err)
	}
	check("string", []byte("abc"), decodeWith(text.Decode), "abc")
	object, err := For[map[string]string]()
	if err != nil {
		t.Fatal(err)
	}
	check("map", []byte(`{"abc":"def"}`), func(b []byte) any { v, _ := object.Decode(b); return v }, map[string]string{"abc": "def"})
}

func TestErrorsNameTheTypeAndKeepTheCause(t *testing.T) {
	numbers, err := For[float64]()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := numbers.Append(nil, math.NaN()); err == nil || !strings.Contains(err.Error(), "encode float64 as JSON") {
		t.Errorf("NaN: %v", err)
	}
	if _, err := numbers.Decode([]byte("1 2")); err == nil || !strings.Contains(err.Error(), "decode float64 from JSON") {
		t.Errorf("two numbers: %v", err)
	}
	pairs, err := For[pair]()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pairs.Decode([]byte("abc")); !errors.Is(err, errNoPair) || !strings.Contains(err.Error(), "decode codec.pair") {
		t.Errorf("three bytes for a pair: %v", err)
	}
}

// What decodes is encoded to what decodes to the same.
func fuzzCodec[T any](f *testing.F, seeds ...string) {
	c, err := For[T]()
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := c.Decode(b)
		if err != nil {
			return
		}
		once, err := c.Append(nil, v)
		if err != nil {
			t.Fatalf("%#v was decoded and cannot be encoded: %v", v, err)
		}
		again, err := c.Decode(once)
		if err != nil {
			t.Fatalf("%q was encoded and cannot be decoded: %v", once, err)
		}
		if twice, err := c.Append(nil, again); !bytes.Equal(once, twice) || err != nil {
			t.Fatalf("%q becomes %q, %v", once, twice, err)
		}
	})
}

func FuzzJSON(f *testing.F) {
	type all struct {
		account
		N   int8
		F   float64
		B   []byte
		H   map[uint16]*hex
		At  time.Time
		Any struct{ X, Y *bool }
	}
	fuzzCodec[all](f, `{"Owner":"o","Tags":{"a":["b",""]},"Parent":{"Balance":-1},"N":3,"F":1e9,"B":"/w==","H":{"7":"xx"},"At":"2020-01-01T00:00:00Z"}`)
}

func FuzzBinary(f *testing.F) { fuzzCodec[pair](f, "ab", "abc") }

func TestStringsThatAreNotTextAreNoticed(t *testing.T) {
	type key struct{ Key string }
	c, err := For[key]()
	if err != nil {
		t.Fatal(err)
	}
	for text, altered := range map[string]bool{
		"":                        false,
		"text, \u00e4 and \u65e5": false,
		"\ufffd":                  false,
		`\ufffd`:                  false,
		`\\ufffd`:                 false,
		"\xff":                    true,
		"half a rune \xe6\x97":    true,
		`\` + "\xff":              true,
		`\\ufffd` + "\x80 later":  true,
	} {
		b, err := c.Append(nil, key{text})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Check(b); errors.Is(err, ErrNotUTF8) != altered {
			t.Errorf("%q, which is %s: %v", text, b, err)
		}
		back, err := c.Decode(b)
		if err != nil || (back.Key != text) != altered {
			t.Errorf("%q comes back as %q, %v", text, back.Key, err)
		}
	}
}
