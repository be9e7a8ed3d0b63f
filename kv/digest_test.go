package kv

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/transport/memory"
)

// commands are some of all kinds, with keys that expire and go with leases.
func someCommands(seed uint64, n int) (all []Command) {
	dice := rand.New(rand.NewPCG(seed, 1))
	key := func() string { return fmt.Sprint("k", dice.IntN(20)) }
	for range n {
		var c Command
		switch dice.IntN(8) {
		case 0:
			c = Do(Delete(key()))
		case 1:
			c = Do(Add(fmt.Sprint("n", dice.IntN(3)), 1))
		case 2:
			o := Set(key(), []byte("soon gone"))
			o.TTL = time.Duration(1+dice.IntN(5)) * time.Second
			c = Do(o)
		case 3:
			o := Set(key(), []byte("leased"))
			o.Lease = NewLease
			c = Do(Grant(time.Duration(1+dice.IntN(5))*time.Second), o)
		case 4:
			c = Do(DeleteRange(Prefix(fmt.Sprint("k1", dice.IntN(5)))))
		case 5:
			c = Do(Revoke(LeaseID(1+dice.IntN(n))), Persist(key()))
		default:
			c = Do(Set(key(), bytes.Repeat([]byte{'x'}, dice.IntN(300))), Append(key(), []byte("y")))
		}
		all = append(all, c)
	}
	return all
}

// applyIn applies commands in batches of a size, a second of log time each.
func applyIn(m *Machine, batch int, commands []Command) {
	for first := 0; first < len(commands); first += batch {
		part := commands[first:min(first+batch, len(commands))]
		var entries []balsa.Entry
		for i := range part {
			at := first + i + 1
			entries = append(entries, balsa.Entry{Index: balsa.Index(at), Time: time.Unix(int64(at), 0)})
		}
		m.ApplyBatch(entries, part)
	}
}

func restoredFrom(t *testing.T, snapshot []byte) *Machine {
	t.Helper()
	m := NewMachine()
	restore(t, m, snapshot)
	return m
}

func mustCount(t *testing.T, m *Machine) digest {
	t.Helper()
	d, err := m.countDigest()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestTheDigestIsThatOfAllThatIsStored(t *testing.T) {
	for seed := range uint64(5) {
		m := NewMachine()
		commands := someCommands(seed, 400)
		for n := range commands {
			at := balsa.Index(n + 1)
			m.Apply(balsa.Entry{Index: at, Time: time.Unix(int64(at), 0)}, commands[n])
			if counted := mustCount(t, m); counted != m.meta.digest {
				t.Fatalf("seed %d: after command %d it is %x, and all together hash to %x", seed, n, m.meta.digest, counted)
			}
		}
	}
}

func TestTheHashFollowsFromTheCommandsAlone(t *testing.T) {
	commands := someCommands(7, 300)
	one, many := NewMachine(), NewMachine()
	applyIn(one, 1, commands)
	applyIn(many, 77, commands)
	if one.StateHash() != many.StateHash() {
		t.Error("it depends on how commands are batched")
	}
	restored := restoredFrom(t, content(t, one))
	if restored.StateHash() != one.StateHash() {
		t.Error("it is another one after a restore")
	}
	for _, m := range []*Machine{one, restored} {
		m.Apply(balsa.Entry{Index: 301, Time: time.Unix(400, 0)}, Do(Set("k1", []byte("last"))))
	}
	if restored.StateHash() != one.StateHash() {
		t.Error("it parts after a restore")
	}
	many.Apply(balsa.Entry{Index: 301, Time: time.Unix(400, 0)}, Do(Set("k1", []byte("lasT"))))
	if many.StateHash() == one.StateHash() {
		t.Error("another value leaves it as it is")
	}
}

func TestAnEmptyStoreIsAStateLikeOthers(t *testing.T) {
	m, restored := NewMachine(), NewMachine()
	restore(t, restored, content(t, m))
	if restored.StateHash() != m.StateHash() || restored.Applied() != 0 {
		t.Errorf("restored it hashes to %x at %d, and was %x", restored.StateHash(), restored.Applied(), m.StateHash())
	}
	for _, m := range []*Machine{m, restored} {
		m.Apply(balsa.Entry{Index: 7, Time: time.Unix(1, 0)}, Do(Set("k", []byte("v"))))
	}
	if restored.StateHash() != m.StateHash() {
		t.Error("it parts after a restore")
	}
}

func TestTheHashOutlivesARestart(t *testing.T) {
	files := vfs.NewMem()
	m, err := open(files, "kv", Options{})
	if err != nil {
		t.Fatal(err)
	}
	applyIn(m, 10, someCommands(3, 200))
	want := m.StateHash()
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if m, err = open(files, "kv", Options{}); err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if m.StateHash() != want {
		t.Errorf("after a restart it is %x, want %x", m.StateHash(), want)
	}
}

// What the store does not hold any more as it was put there goes into no snapshot, and a
// snapshot that does not hold what it says is not restored.
func TestAStateThatIsNotWhatWasAppliedGoesNowhere(t *testing.T) {
	m := NewMachine()
	applyIn(m, 10, someCommands(3, 200))
	whole := m.meta.digest
	if err := m.db.Delete(appendKeyKey(nil, "n1"), pebble.NoSync); err != nil {
		t.Fatal(err)
	}
	capture, err := m.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := capture.WriteTo(new(bytes.Buffer)); !errors.Is(err, ErrDamaged) {
		t.Errorf("a key is gone behind the store's back: %v, want ErrDamaged", err)
	}
	m.meta.digest = mustCount(t, m)
	if err := m.db.Set(metaKey, m.meta.append(nil), pebble.NoSync); err != nil {
		t.Fatal(err)
	}
	file := content(t, m)
	// The same with the digest of before, and a checksum that fits.
	at := bytes.Index(file, m.meta.append(nil)) + len(m.meta.append(nil)) - 8
	wrong := bytes.Clone(file)
	binary.LittleEndian.PutUint64(wrong[at:], uint64(whole))
	binary.LittleEndian.PutUint32(wrong[len(wrong)-4:], crc32.Checksum(wrong[:len(wrong)-4], castagnoli))
	if err := NewMachine().Restore(bytes.NewReader(wrong)); !errors.Is(err, ErrSnapshot) || !errors.Is(err, ErrDamaged) {
		t.Errorf("a snapshot with another digest: %v, want ErrSnapshot", err)
	}
}

// Scenario nondeterministic-apply, of the key-value store: one member's store holds another
// number than the others', who go on without it.
func TestAMemberWhoseStoreDiffersIsTakenOutOfService(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	network := memory.NewNetwork(1)
	machines, nodes := map[string]*Machine{}, map[string]*Node{}
	founders := map[string]string{"a": "a:1", "b": "b:1", "c": "c:1"}
	for name, addr := range founders {
		transport, err := network.Listen(addr)
		if err != nil {
			t.Fatal(err)
		}
		machines[name] = NewMachine()
		node, err := balsa.Open(ctx, balsa.Config{
			Name: name, Cluster: founders, Transport: transport, Advertise: addr, Timing: balsa.LAN, Logger: slog.New(slog.DiscardHandler),
		}, machines[name])
		if err != nil {
			t.Fatal(err)
		}
		defer node.Close()
		nodes[name] = node
	}
	if _, err := nodes["a"].Propose(ctx, Do(Add("n", 1))); err != nil {
		t.Fatal(err)
	}
	for name := range nodes {
		if err := nodes[name].Read(ctx, func(m *Machine) {
			if name == "b" {
				record := &record{version: 1, created: 1, changes: 1, value: []byte("9")}
				m.recent.clear()
				if err := m.db.Set(appendKeyKey(nil, "n"), record.append(nil), pebble.NoSync); err != nil {
					t.Error(err)
				}
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	more := func(yield func(Command) bool) {
		for range 1200 {
			if !yield(Do(Add("n", 1))) {
				return
			}
		}
	}
	for _, err := range nodes["a"].ProposeAll(ctx, more) {
		if err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-nodes["b"].Done():
	case <-ctx.Done():
		t.Fatal("nobody noticed")
	}
	if err := nodes["b"].Err(); !errors.Is(err, balsa.ErrDiverged) {
		t.Errorf("b ended with %v, want ErrDiverged", err)
	}
	r, err := nodes["c"].Propose(ctx, Do(Add("n", 1)))
	if err != nil || r.Replies[0].Number != 1202 {
		t.Errorf("the others go on: %+v, %v", r, err)
	}
}
