package kv

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

var commands = []Command{
	{},
	Do(Set("a", []byte("bar"))),
	Do(DeleteRange(Prefix("a\xff")), Scan(Range{}, 7), Add("n", -3), Append("a", []byte{0}), Expire("a", time.Second), Persist("a")),
	Do(Grant(time.Minute), Op{Kind: OpSet, Key: "a", Lease: NewLease}, KeepAlive(3), Revoke(1<<63), Op{Kind: OpCompact, Number: 9}),
	{If: []Condition{IfVersion(1 << 40).On("a"), IfValue(nil).On("b"), IfAbsent().On("c")}, Else: []Op{Get("a")}},
	Do(Op{Kind: OpSet, Key: "a", At: time.UnixMilli(5).UTC(), Previous: true, KeysOnly: true, KeepTTL: true, KeepLease: true, KeepValue: true}),
}

func TestCommandSurvivesItsEncoding(t *testing.T) {
	for _, c := range commands {
		b, err := c.MarshalBinary()
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		var got Command
		if err := got.UnmarshalBinary(b); err != nil {
			t.Fatal(err)
		}
		clear(b)
		again, err := got.MarshalBinary()
		first, _ := c.MarshalBinary()
		if err != nil || !bytes.Equal(again, first) {
			t.Errorf("%+v came back as %+v, %v", c, got, err)
		}
	}
}

func TestCommandsOverALimitAreRefused(t *testing.T) {
	for what, c := range map[string]Command{
		"no key":         Do(Set("", nil)),
		"key":            Do(Get(strings.Repeat("k", MaxKey+1))),
		"end":            Do(DeleteRange(Range{"a", strings.Repeat("k", MaxKey+1)})),
		"value":          Do(Set("a", make([]byte, MaxValue+1))),
		"compared value": {If: []Condition{IfValue(make([]byte, MaxValue+1)).On("a")}},
		"condition":      {If: []Condition{IfExists()}},
		"all":            Do(Set("a", make([]byte, MaxValue)), Set("b", make([]byte, MaxValue)), Set("c", make([]byte, MaxValue)), Set("d", make([]byte, MaxValue))),
	} {
		_, err := c.MarshalBinary()
		var limit *LimitError
		if !errors.Is(err, ErrLimit) || !errors.As(err, &limit) {
			t.Errorf("%s: %v, want a LimitError", what, err)
		}
	}
	for _, c := range []Command{
		Do(Op{Key: "a"}), Do(Op{Kind: endOfOpKinds, Key: "a"}), {If: []Condition{{Key: "a"}}},
		Do(Grant(0)), Do(Grant(time.Microsecond)), Do(KeepAlive(0)), Do(Expire("a", -1)), Do(Expire("a", MaxTTL+time.Second)),
		Do(Op{Kind: OpSet, Key: "a", At: time.Unix(-5, 0)}), Do(make([]Op, MaxOps+1)...),
	} {
		if _, err := c.MarshalBinary(); !errors.Is(err, ErrMalformed) {
			t.Errorf("%.100v: %v, want ErrMalformed", c, err)
		}
	}
}

func TestCommandOfAnotherVersionIsRefused(t *testing.T) {
	b, _ := commands[1].MarshalBinary()
	b[0]++
	var c Command
	if err := c.UnmarshalBinary(b); !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), "version 3") {
		t.Fatalf("%v, want one that names version 3", err)
	}
}

func TestAResultBringsBackNoMoreThanItsLimit(t *testing.T) {
	m, l := inMemory(t), newLog()
	for _, key := range []string{"a", "b", "c", "d", "e", "f"} {
		l.do(t, m, Set(key, make([]byte, MaxValue)))
	}
	r := l.do(t, m, Scan(Range{}, 0), Get("f"), Get("none"))
	if s := r.Replies[0]; !s.Cut || !s.More || s.Number != 3 || len(s.Items) != 3 {
		t.Errorf("scan: %d items, cut %v, more %v", len(s.Items), s.Cut, s.More)
	}
	if g := r.Replies[1]; !g.Cut || !g.Found || len(g.Items) != 0 {
		t.Errorf("get: %d items, cut %v", len(g.Items), g.Cut)
	}
	if b, err := r.MarshalBinary(); err != nil || len(b) > MaxReply+1000 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}

func TestOnlyPlainNumbersAreAddedTo(t *testing.T) {
	m, l := inMemory(t), newLog()
	for value, want := range map[string]error{
		"1": nil, "-9223372036854775808": nil, "": ErrNotNumber, "01": ErrNotNumber, "+1": ErrNotNumber, " 1": ErrNotNumber,
		"9223372036854775807": ErrOverflow, "9223372036854775808": ErrNotNumber,
	} {
		l.do(t, m, Set("n", []byte(value)))
		r := l.apply(m, Do(Set("x", []byte("partly")), Add("n", 1)))
		if err := r.Err(); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", value, err, want)
		}
		if i, err := m.Get("x"); want != nil && err == nil {
			t.Errorf("%q: %s done", value, i.Value)
		}
		l.do(t, m, Delete("x"))
	}
}

func FuzzCommand(f *testing.F) {
	for _, c := range commands {
		b, _ := c.MarshalBinary()
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var c Command
		if c.UnmarshalBinary(b) != nil {
			return
		}
		again, err := c.MarshalBinary()
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x decodes to %+v, which encodes to %x, %v", b, c, again, err)
		}
	})
}

func FuzzResult(f *testing.F) {
	m := inMemory(f)
	l := newLog()
	for _, c := range commands {
		b, _ := l.apply(m, c).MarshalBinary()
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var r, back Result
		if r.UnmarshalBinary(b) != nil {
			return
		}
		again, err := r.MarshalBinary()
		if err == nil {
			err = back.UnmarshalBinary(again)
		}
		if err != nil || !reflect.DeepEqual(r, back) {
			t.Fatalf("%x decodes to %+v, and then to %+v, %v", b, r, back, err)
		}
	})
}

func FuzzStored(f *testing.F) {
	f.Add(change{removed: true, key: "k", before: &record{version: 3, created: 1, changes: 2, value: []byte("v")}}.append(nil))
	f.Add([]byte("x........k"))
	f.Fuzz(func(t *testing.T, b []byte) {
		cutExpiry(b)
		cutHistoryKey(b)
		decodeMeta(b)
		decodeRecord(b)
		if c, err := decodeChange(b); err == nil {
			back, err := decodeChange(c.append(nil))
			if err != nil || !reflect.DeepEqual(back, c) {
				t.Fatalf("%x decodes to %+v, and then to %+v, %v", b, c, back, err)
			}
		}
		decodeLease(b)
	})
}

// One operation's failure or condition is its own matter, if it says so.
func TestAnOperationMayFailAlone(t *testing.T) {
	m, l := inMemory(t), newLog()
	l.do(t, m, Set("text", []byte("x")))
	failing, skipped := Add("text", 1), Set("text", []byte("y"))
	failing.Try, skipped.Only, skipped.Previous = true, OnlyAbsent, true
	r := l.apply(m, Do(failing, skipped, Set("other", nil)))
	if r.Err() != nil || r.Replies[0].Failure != ErrNotNumber || !r.Replies[1].Skipped || string(r.Replies[1].Items[0].Value) != "x" {
		t.Fatalf("%+v", r)
	}
	if i, err := m.Get("text"); err != nil || i.Version != 1 {
		t.Errorf("%+v, %v", i, err)
	}
	if _, err := m.Get("other"); err != nil {
		t.Errorf("the rest was not done: %v", err)
	}
	if got := travelled(t, r); !reflect.DeepEqual(got, r) {
		t.Errorf("%+v came back as %+v", r, got)
	}
	if err := Do(Op{Kind: OpScan, End: allKeys, Only: OnlyAbsent}).Check(); !errors.Is(err, ErrMalformed) {
		t.Errorf("a condition of a range: %v", err)
	}
}
