package session

import (
	"errors"
	"math"
	"testing"
	"time"
)

func TestAnEnvelopeIsCutOffAsItWasWritten(t *testing.T) {
	for _, e := range []Envelope{{1, 1, 1}, {math.MaxUint64, 300, 2}, {7, math.MaxUint64, 1}, {7, math.MaxUint64, math.MaxUint64}} {
		b := e.Append([]byte("before"))[len("before"):]
		if len(b) > MaxEnvelope {
			t.Errorf("%+v takes %d bytes, more than MaxEnvelope", e, len(b))
		}
		got, command, err := Cut(append(b, "command"...))
		if got != e || string(command) != "command" || err != nil {
			t.Errorf("%+v becomes %+v before %q, %v", e, got, command, err)
		}
	}
}

func TestTheSessionIsWrittenIntoAnEnvelope(t *testing.T) {
	b := append(Envelope{0, 300, 5}.Append(nil), "command"...)
	SetSession(b, 9)
	if got, command, err := Cut(b); got != (Envelope{9, 300, 5}) || string(command) != "command" || err != nil {
		t.Errorf("it is %+v before %q, %v", got, command, err)
	}
}

func TestMalformedEntriesAreErrors(t *testing.T) {
	session := []byte{1, 2, 3, 4, 5, 6, 7, 8}
	for _, tc := range []struct {
		name string
		tail []byte
	}{
		{"without numbers", nil},
		{"with half of a number", []byte{0x80}},
		{"with one number", []byte{5}},
		{"with command 0", []byte{0, 0}},
		{"with a low mark of 0", []byte{5, 5}},
		{"with a low mark below 0", []byte{5, 6}},
		{"with a number over 64 bits", []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1}},
	} {
		if _, _, err := Cut(append(session, tc.tail...)); !errors.Is(err, ErrEntry) {
			t.Errorf("an envelope %s: %v, want ErrEntry", tc.name, err)
		}
	}
	year := Opening{1, MaxTTL, 5}.Append(nil)
	for name, b := range map[string][]byte{
		"a short session":       session[:7],
		"no time to live":       session,
		"a time to live of 0":   Opening{1, 0, 5}.Append(nil),
		"a time to live beyond": Opening{1, MaxTTL + 1, 5}.Append(nil),
		"a negative one":        Opening{1, -1, 5}.Append(nil),
		"bytes too many":        append(year, 0),
	} {
		if _, err := DecodeOpening(b); !errors.Is(err, ErrEntry) {
			t.Errorf("an opening with %s: %v, want ErrEntry", name, err)
		}
	}
}

func FuzzEnvelope(f *testing.F) {
	f.Add(Envelope{1, 300, 5}.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, command, err := Cut(b)
		if err != nil {
			return
		}
		if e.Seq == 0 || e.Low == 0 || e.Low > e.Seq {
			t.Fatalf("%x is %+v", b, e)
		}
		if again, rest, err := Cut(append(e.Append(nil), command...)); again != e || string(rest) != string(command) || err != nil {
			t.Fatalf("%+v becomes %+v, %v", e, again, err)
		}
	})
}

func FuzzOpening(f *testing.F) {
	f.Add(Opening{1, time.Hour, 5}.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := DecodeOpening(b)
		if err != nil {
			return
		}
		if again, err := DecodeOpening(o.Append(nil)); again != o || o.TTL <= 0 || o.TTL > MaxTTL || err != nil {
			t.Fatalf("%+v becomes %+v, %v", o, again, err)
		}
	})
}
