package main

import (
	"bytes"
	"errors"
	"testing"
)

func packedProposals(ps ...proposal) []byte {
	b := []byte{byte(len(ps)), 0, 0, 0}
	for _, p := range ps {
		cancel := byte(0)
		if p.mayCancel {
			cancel = 1
		}
		b = append(b, byte(p.call), 0, 0, 0, cancel)
		b = appendBytes(b, p.command)
	}
	return b
}

func TestProposalsAreUnpackedAsTheyWerePacked(t *testing.T) {
	want := []proposal{{7, false, []byte(`"a"`)}, {8, true, nil}, {9, false, bytes.Repeat([]byte("x"), 300)}}
	got, err := unpackProposals(packedProposals(want...))
	if err != nil || len(got) != len(want) {
		t.Fatalf("%d proposals, %v", len(got), err)
	}
	for i, w := range want {
		if got[i].call != w.call || got[i].mayCancel != w.mayCancel || !bytes.Equal(got[i].command, w.command) {
			t.Errorf("proposal %d came as %+v", i, got[i])
		}
	}
}

func TestWhatIsCutOffIsRefused(t *testing.T) {
	whole := packedProposals(proposal{7, true, []byte("abc")})
	for size := range len(whole) {
		if _, err := unpackProposals(whole[:size]); !errors.Is(err, errPacked) {
			t.Errorf("%d of %d bytes: %v", size, len(whole), err)
		}
	}
	results := append([]byte{1, 0, 0, 0}, appendBytes(nil, []byte("abc"))...)
	if got, err := unpackResults(results); err != nil || len(got) != 1 || string(got[0]) != "abc" {
		t.Errorf("results came as %q, %v", got, err)
	}
	for size := range len(results) {
		if _, err := unpackResults(results[:size]); !errors.Is(err, errPacked) {
			t.Errorf("%d of %d bytes of results: %v", size, len(results), err)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(packedProposals(proposal{1, true, []byte("x")}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if ps, err := unpackProposals(b); err == nil && len(ps) > len(b) {
			t.Errorf("%d proposals in %d bytes", len(ps), len(b))
		}
		if rs, err := unpackResults(b); err == nil && len(rs) > len(b) {
			t.Errorf("%d results in %d bytes", len(rs), len(b))
		}
	})
}
