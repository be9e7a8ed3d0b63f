package main

import (
	"encoding/binary"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
)

// packedResults are results as the page says them.
func packedResults(texts ...string) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(texts)))
	for _, text := range texts {
		b = appendBytes(b, []byte(text))
	}
	return b
}

func expect(t *testing.T, r *results, commands ...string) (made []*result, come uint64, now bool) {
	t.Helper()
	var all []*command
	for _, c := range commands {
		all = append(all, &command{[]byte(c)})
	}
	made, come, now, err := r.expect(all)
	if err != nil {
		t.Fatal(err)
	}
	return made, come, now
}

func TestResultsGoToTheirCommandsInOrder(t *testing.T) {
	r := newResults(nil)
	first, _, now := expect(t, r, "a", "b")
	if now {
		t.Error("two results are waited for, and the page is asked at once")
	}
	second, _, _ := expect(t, r, "c")
	if err := r.came(packedResults("A", "B", "C")); err != nil {
		t.Fatal(err)
	}
	var got []string
	for i, made := range slices.Concat(first, second) {
		text, come := made.known()
		if !come || made.number != uint64(i) {
			t.Errorf("command %d has number %d, and its result has come: %v", i, made.number, come)
		}
		got = append(got, string(text))
	}
	if !slices.Equal(got, []string{"A", "B", "C"}) {
		t.Errorf("the results are %q", got)
	}
	if _, come, _ := expect(t, r, "d"); come != 3 {
		t.Errorf("the page is told that %d results have come", come)
	}
	if err := r.came(packedResults("D", "E")); !errors.Is(err, errPacked) {
		t.Errorf("more results than commands: %v", err)
	}
}

func TestThePageIsAskedWhenManyResultsHaveNotCome(t *testing.T) {
	r := newResults(nil)
	for range askFrom - 1 {
		if _, _, now := expect(t, r, "x"); now {
			t.Fatal("asked too early")
		}
	}
	if _, _, now := expect(t, r, "x"); !now {
		t.Error("not asked")
	}
	if _, _, now := expect(t, newResults(nil), string(make([]byte, askFromBytes))); !now {
		t.Error("not asked about a large command")
	}
}

func TestApplyWaitsForAPageThatDoesNotKeepUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newResults(nil)
		if made, _, _ := expect(t, r, string(make([]byte, 2*mostUnsaidBytes))); len(made) != 1 {
			t.Fatal("a command that is too large by itself must pass alone")
		}
		through := false
		go func() { r.expect([]*command{{[]byte("x")}}); through = true }()
		synctest.Wait()
		if through {
			t.Error("it did not wait")
		}
		if err := r.came(packedResults("done")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if !through {
			t.Error("it still waits")
		}
	})
}

func TestASnapshotWaitsForTheResultsInIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		r := newResults(func() { asked++ })
		made, _, _ := expect(t, r, "a", "b")
		var text []byte
		var err error
		go func() { text, err = made[0].MarshalBinary() }()
		synctest.Wait()
		if asked != 1 {
			t.Fatalf("the page was asked %d times", asked)
		}
		if err := r.came(packedResults("A")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		var back result
		if back.UnmarshalBinary(text); err != nil {
			t.Fatal(err)
		}
		if text, come := back.known(); !come || string(text) != "A" {
			t.Errorf("out of the snapshot comes %q, %v", text, come)
		}
		broken := errors.New("the reducer threw")
		go func() { _, err = made[1].MarshalBinary() }()
		synctest.Wait()
		r.end(broken)
		synctest.Wait()
		if err != broken {
			t.Errorf("the snapshot ended with %v", err)
		}
		if _, _, _, err := r.expect(nil); err != broken {
			t.Errorf("the next commands: %v", err)
		}
	})
}
