package session

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

func encodeResult(b []byte, r string) ([]byte, error) { return append(b, r...), nil }
func decodeResult(b []byte) (string, error)           { return string(b), nil }

func encoded(t testing.TB, table *Table[string]) []byte {
	t.Helper()
	b, err := table.Append(nil, encodeResult)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func throughSnapshot(t testing.TB, table *Table[string]) *Table[string] {
	t.Helper()
	restored := new(Table[string])
	if err := restored.Decode(encoded(t, table), decodeResult); err != nil {
		t.Fatal(err)
	}
	return restored
}

// Scenario session-in-snapshot.
func TestARetryAfterASnapshotDoesNotRunAgain(t *testing.T) {
	table := open(7, 8)
	run(table, Envelope{7, 1, 1}, 1)
	run(table, Envelope{7, 2, 2}, 1)
	lost := Envelope{7, 5, 2}
	table.Begin(lost, 2)
	table.FinishLost(lost)
	restored := throughSnapshot(t, table)
	for _, tc := range []struct {
		seq  uint64
		want Verdict
	}{{1, Answered}, {2, Repeated}, {5, RepeatedLost}, {3, Fresh}} {
		if v, _ := restored.Begin(Envelope{7, tc.seq, min(tc.seq, 2)}, 3); v != tc.want {
			t.Errorf("command %d is %d after the snapshot, want %d", tc.seq, v, tc.want)
		}
	}
	if v, _ := restored.Begin(Envelope{8, 1, 1}, int64(ttl)+1); v != Expired {
		t.Errorf("a session that nobody used is %d after the snapshot, want Expired: its age must survive", v)
	}
}

func TestEqualTablesHaveEqualBytes(t *testing.T) {
	a, b := new(Table[string]), new(Table[string])
	order := rand.New(rand.NewPCG(1, 1)).Perm(100)
	for i, k := range order {
		a.Open(Opening{ID(i), ttl, 1}, 0)
		b.Open(Opening{ID(k), ttl, 1}, 0)
	}
	for i, k := range order {
		run(a, Envelope{3, uint64(i) + 1, 1}, 1)
		run(b, Envelope{3, uint64(k) + 1, 1}, 1)
	}
	if !bytes.Equal(encoded(t, a), encoded(t, b)) {
		t.Error("what was reached in another order is encoded in another way")
	}
}

func TestATableThatDoesNotDecodeChangesNothing(t *testing.T) {
	other := open(8)
	run(other, Envelope{8, 1, 1}, 1)
	whole := encoded(t, other)
	newer := bytes.Clone(whole)
	newer[0] = tableVersion + 1
	outOfWindow := open(8)
	outOfWindow.sessions[8].slots = []slot[string]{{seq: MaxWindow + 1}}
	table := open(7)
	before := encoded(t, table)
	for _, tc := range []struct {
		name, says string
		bytes      []byte
	}{
		{"nothing", "0 bytes", nil},
		{"a newer version", "version 3, this program knows 2", newer},
		{"more than a table", "1 of them not understood", append(bytes.Clone(whole), 0)},
		{"a count without sessions", "not understood", []byte{2, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f}},
		{"a result out of the window", "out of the window", encoded(t, outOfWindow)},
	} {
		err := table.Decode(tc.bytes, decodeResult)
		if !errors.Is(err, ErrTable) || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v; want ErrTable that says %q", tc.name, err, tc.says)
		}
	}
	for n := range whole {
		if err := table.Decode(whole[:n], decodeResult); !errors.Is(err, ErrTable) {
			t.Errorf("cut off after %d of %d bytes: %v", n, len(whole), err)
		}
	}
	bad := errors.New("bad result")
	if err := table.Decode(whole, func([]byte) (string, error) { return "", bad }); !errors.Is(err, bad) || !strings.Contains(err.Error(), "command 1") {
		t.Errorf("a result that does not decode: %v", err)
	}
	if !bytes.Equal(encoded(t, table), before) {
		t.Error("an error has changed the table")
	}
}

func TestAResultThatDoesNotEncodeIsNamed(t *testing.T) {
	table := open(7)
	run(table, Envelope{7, 3, 1}, 1)
	bad := errors.New("bad result")
	_, err := table.Append(nil, func([]byte, string) ([]byte, error) { return nil, bad })
	if !errors.Is(err, bad) || !strings.Contains(err.Error(), "command 3 of session 0000000000000007") {
		t.Errorf("the error is %v", err)
	}
}

// Whatever bytes decode, decode to a table that survives being encoded.
func FuzzTable(f *testing.F) {
	table := open(1, 1<<63)
	for seq := uint64(1); seq < 12; seq++ {
		run(table, Envelope{1, seq, max(seq, 3) - 2}, int64(seq))
	}
	lost := Envelope{1 << 63, 9, 2}
	table.Begin(lost, 99)
	table.FinishLost(lost)
	f.Add(encoded(f, table))
	f.Add([]byte{1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<12 {
			t.Skip("each session may ask for a whole window")
		}
		var first Table[string]
		if err := first.Decode(b, decodeResult); err != nil {
			if !errors.Is(err, ErrTable) {
				t.Fatalf("the error is not ErrTable: %v", err)
			}
			return
		}
		once := encoded(t, &first)
		if twice := encoded(t, throughSnapshot(t, &first)); !bytes.Equal(once, twice) {
			t.Fatalf("%x\nbecomes\n%x", once, twice)
		}
	})
}
