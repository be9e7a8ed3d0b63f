package kv

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
)

var commands = []Command{
	{Op: Put, Key: "a", Value: []byte{}},
	{Op: Put, Key: "a", Value: []byte("bar")},
	{Op: Put, Key: "a", Value: []byte("bar"), If: IfVersion(1 << 40)},
	{Op: Put, Key: "a", Value: []byte("bar"), If: IfValue([]byte("foo"))},
	{Op: Put, Key: "a", Value: []byte("bar"), If: IfAbsent()},
	{Op: Delete, Key: "a b\n\x00"},
	{Op: Delete, Key: "a", If: IfExists()},
	{Op: Delete, Key: strings.Repeat("k", MaxKey), If: IfValue([]byte{})},
}

func TestCommandSurvivesItsEncoding(t *testing.T) {
	for _, c := range commands {
		b, err := c.MarshalBinary()
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		var got Command
		if err := got.UnmarshalBinary(b); err != nil || !reflect.DeepEqual(got, c) {
			t.Errorf("%+v came back as %+v, %v", c, got, err)
		}
		clear(b)
		if !reflect.DeepEqual(got, c) {
			t.Errorf("%+v keeps a part of the bytes it was decoded from", c)
		}
	}
}

func TestTheLargestCommandFitsIntoMaxCommand(t *testing.T) {
	c := Command{Op: Put, Key: strings.Repeat("k", MaxKey), Value: make([]byte, MaxValue), If: IfValue(make([]byte, MaxValue))}
	b, err := c.MarshalBinary()
	if err != nil || len(b) > MaxCommand {
		t.Fatalf("%d bytes, %v; MaxCommand is %d", len(b), err, MaxCommand)
	}
}

func TestCommandsOverALimitAreRefused(t *testing.T) {
	for what, c := range map[string]Command{
		"no key":         {Op: Put},
		"key":            {Op: Put, Key: strings.Repeat("k", MaxKey+1)},
		"value":          {Op: Put, Key: "a", Value: make([]byte, MaxValue+1)},
		"compared value": {Op: Put, Key: "a", If: IfValue(make([]byte, MaxValue+1))},
	} {
		_, err := c.MarshalBinary()
		var limit *LimitError
		if !errors.Is(err, ErrLimit) || !errors.As(err, &limit) {
			t.Errorf("%s: %v, want a LimitError", what, err)
		}
	}
	for _, c := range []Command{{Key: "a"}, {Op: 9, Key: "a"}, {Op: Put, Key: "a", If: Condition{Kind: 9}}} {
		if _, err := c.MarshalBinary(); !errors.Is(err, ErrMalformed) {
			t.Errorf("%+v: %v, want ErrMalformed", c, err)
		}
	}
}

func TestCommandOfAnotherVersionIsRefused(t *testing.T) {
	b, _ := commands[1].MarshalBinary()
	b[0]++
	var c Command
	if err := c.UnmarshalBinary(b); !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), "version 2") {
		t.Fatalf("%v, want one that names version 2", err)
	}
}

func TestResultSurvivesItsEncoding(t *testing.T) {
	for _, r := range []Result{{Changed, 1}, {NotFound, 0}, {Different, 1 << 60}} {
		b, _ := r.MarshalBinary()
		var got Result
		if err := got.UnmarshalBinary(b); err != nil || got != r {
			t.Errorf("%+v came back as %+v, %v", r, got, err)
		}
	}
}

func TestResultSaysWhatCameOfIt(t *testing.T) {
	if err := (Result{Changed, 7}).Err(); err != nil {
		t.Error(err)
	}
	if err := (Result{Outcome: NotFound}).Err(); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	var different *DifferentError
	if err := (Result{Different, 7}).Err(); !errors.Is(err, ErrDifferent) || !errors.As(err, &different) || different.Version != 7 {
		t.Error(err)
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
	f.Add([]byte{1, 1, 12})
	f.Fuzz(func(t *testing.T, b []byte) {
		var r Result
		if r.UnmarshalBinary(b) != nil {
			return
		}
		if again, _ := r.MarshalBinary(); !bytes.Equal(again, b) {
			t.Fatalf("%x decodes to %+v, which encodes to %x", b, r, again)
		}
	})
}
