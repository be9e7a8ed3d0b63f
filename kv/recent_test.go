package kv

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/balsaraft/balsa"
)

// A map is the plain form. What the ring still knows must be what was put last.
func TestRecentRecordsAreTheLastOnesOrUnknown(t *testing.T) {
	for _, limit := range []int{256, 1000, 4 << 10, 1 << 20} {
		t.Run(fmt.Sprint("limit=", limit), func(t *testing.T) {
			chance := rand.New(rand.NewPCG(7, uint64(limit)))
			r, plain, hits := newRecent(limit), map[string][]byte{}, 0
			for step := range 20_000 {
				key := fmt.Sprintf("%0*d", 1+chance.IntN(9), chance.IntN(30))
				switch chance.IntN(10) {
				case 0, 1:
					r.put(key, nil)
					plain[key] = nil
				case 2, 3, 4:
					record := bytes.Repeat([]byte{byte(step)}, 1+chance.IntN(60))
					r.put(key, record)
					plain[key] = record
				default:
					record, known := r.get(key)
					if want, was := plain[key]; known && (!was || !bytes.Equal(record, want) || (record == nil) != (want == nil)) {
						t.Fatalf("step %d: key %s is %q, was put as %q", step, key, record, want)
					}
					if known {
						hits++
					}
				}
				if len(r.ring) > limit {
					t.Fatalf("step %d: %d bytes are held, the limit is %d", step, len(r.ring), limit)
				}
			}
			if hits == 0 {
				t.Error("nothing was ever known")
			}
			for hash, place := range r.places {
				if place < r.from || place >= r.to {
					t.Errorf("place %d of %x is not among %d to %d", place, hash, r.from, r.to)
				}
			}
			r.clear()
			for key := range plain {
				if _, known := r.get(key); known {
					t.Fatalf("key %s is known after all was forgotten", key)
				}
			}
		})
	}
}

func TestARecordTooLargeToBeRecentIsNotTheOneBefore(t *testing.T) {
	r := newRecent(1 << 10)
	r.put("key", []byte("small"))
	r.put("key", make([]byte, 1<<10))
	if record, known := r.get("key"); known {
		t.Errorf("get = %q, want nothing known", record)
	}
}

// What was recent before a restore is another state's.
func TestARestoreForgetsWhatWasRecent(t *testing.T) {
	from, to := NewMachine(), NewMachine()
	defer from.Close()
	defer to.Close()
	apply := func(m *Machine, index balsa.Index, ops ...Op) Result {
		return m.Apply(balsa.Entry{Index: index}, Do(ops...))
	}
	apply(from, 5, Set("a", []byte("theirs")))
	apply(to, 1, Set("a", []byte("ours")), Set("b", []byte("ours")))
	w, err := from.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := w.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	if err := to.Restore(&b); err != nil {
		t.Fatal(err)
	}
	replies := apply(to, 6, Get("a"), Get("b")).Replies
	if !replies[0].Found || string(replies[0].Items[0].Value) != "theirs" || replies[1].Found {
		t.Errorf("after the restore a command reads %+v", replies)
	}
}

// Callers own what results bring them.
func TestARecentRecordIsNobodysToChange(t *testing.T) {
	m := NewMachine()
	defer m.Close()
	m.Apply(balsa.Entry{Index: 1}, Do(Set("a", []byte("value"))))
	for i := balsa.Index(2); i < 4; i++ {
		r := m.Apply(balsa.Entry{Index: i}, Do(Get("a")))
		value := r.Replies[0].Items[0].Value
		if string(value) != "value" {
			t.Fatalf("entry %d reads %q, want what was set", i, value)
		}
		clear(value)
	}
}
