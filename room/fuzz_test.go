package room

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"testing"
)

func FuzzDecodeSaid(f *testing.F) {
	f.Add([]byte(`{"type":"hello","protocol":1,"room":"0123456789abcdef0123456789abcdef","member":"a","nonce":"MDEyMzQ1Njc4OWFiY2RlZg=="}`))
	f.Add([]byte(`{"type":"signal","to":3,"counter":17,"sealed":"MDEyMzQ1Njc4OWFiY2RlZg=="}`))
	f.Fuzz(func(t *testing.T, b []byte) { again(t, b, DecodeSaid) })
}

func FuzzDecodeTold(f *testing.F) {
	f.Add([]byte(`{"type":"welcome","seat":5,"peers":[{"seat":3,"member":"a","nonce":"MDEyMzQ1Njc4OWFiY2RlZg=="}],"limits":{"relay":16448}}`))
	f.Add([]byte(`{"type":"error","code":"room-full","message":"full"}`))
	f.Fuzz(func(t *testing.T, b []byte) { again(t, b, DecodeTold) })
}

func FuzzDecodeWord(f *testing.F) {
	f.Add([]byte(`{"kind":"offer","attempt":"12345678","sdp":"a=fingerprint:sha-256 AB","fingerprint":"sha-256 AB"}`))
	f.Fuzz(func(t *testing.T, b []byte) { again(t, b, DecodeWord) })
}

// again decodes, encodes and decodes: what was understood once is understood the same
// again.
func again[T any](t *testing.T, b []byte, decode func([]byte) (T, error)) {
	m, err := decode(b)
	if err != nil {
		if !errors.Is(err, ErrMessage) {
			t.Fatalf("%q: %v is no ErrMessage", b, err)
		}
		return
	}
	once, err := json.Marshal(m)
	must(t, err)
	n, err := decode(once)
	if err != nil {
		t.Fatalf("%s was understood, %s was not: %v", b, once, err)
	}
	twice, err := json.Marshal(n)
	must(t, err)
	if !bytes.Equal(once, twice) {
		t.Errorf("%s became %s and then %s", b, once, twice)
	}
}

func FuzzDecodeFrame(f *testing.F) {
	for _, fr := range frames {
		f.Add(fr.Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		fr, err := DecodeFrame(b)
		if err != nil {
			if !errors.Is(err, ErrFrame) {
				t.Fatal(err)
			}
			return
		}
		if got, err := DecodeFrame(fr.Append(nil)); err != nil || !reflect.DeepEqual(got, fr) {
			t.Errorf("%+v came back as %+v, %v", fr, got, err)
		}
	})
}

func FuzzCutRelay(f *testing.F) {
	f.Add(append(AppendRelayHeader(nil, 3, 9), make([]byte, 40)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		seat, counter, sealed, err := CutRelay(b)
		if err != nil {
			return
		}
		if got := append(AppendRelayHeader(nil, seat, counter), sealed...); !bytes.Equal(got, b) {
			t.Errorf("%x came back as %x", b, got)
		}
	})
}

var frames = []Frame{
	{What: WhatOpen, Stream: 1},
	{What: WhatData, Stream: 1, Number: 1, Data: []byte("data")},
	{What: WhatCredit, Stream: 2, Number: 2, Credit: 70000},
	{What: WhatEnd, Stream: 1<<32 - 1, Number: 1<<32 - 1},
	{What: WhatReset, Stream: 3, Number: 4, Reason: "because"},
}

func TestFramesComeBackAsTheyWere(t *testing.T) {
	for _, fr := range frames {
		if got, err := DecodeFrame(fr.Append(nil)); err != nil || !reflect.DeepEqual(got, fr) {
			t.Errorf("%+v came back as %+v, %v", fr, got, err)
		}
	}
	for _, bad := range [][]byte{nil, make([]byte, 8), {9, 1, 0, 0, 0, 0, 0, 0, 0}, {2, 1, 0, 0, 0, 0, 0, 0, 0}, {3, 1, 0, 0, 0, 0, 0, 0, 0, 1},
		Frame{What: WhatData, Stream: 1, Data: make([]byte, MaxPiece+1)}.Append(nil)} {
		if got, err := DecodeFrame(bad); !errors.Is(err, ErrFrame) {
			t.Errorf("%x: %+v, %v", bad, got, err)
		}
	}
}

// The largest piece, sealed, fits in the largest frame.
func TestALargestPieceFits(t *testing.T) {
	if size := RelayHeader + StreamHeader + MaxPiece + Overhead; size > MaxRelay {
		t.Errorf("it takes %d bytes, and %d are allowed", size, MaxRelay)
	}
}
