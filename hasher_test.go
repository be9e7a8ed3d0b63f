package balsa_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/transport/memory"
)

// digested is a sum that knows a digest of all that was added. On an odd member chance
// has its say.
type digested struct {
	sum, digest int64
	odd         bool
	last        balsa.Index
	askedAt     []balsa.Index // the last entries applied before it was asked
}

func (d *digested) ApplyBatch(entries []balsa.Entry, commands []int64) (sums []int64) {
	for i, add := range commands {
		if d.odd && entries[i].Index == 500 {
			add++
		}
		d.sum, d.digest, d.last = d.sum+add, d.digest*31+add, entries[i].Index
		sums = append(sums, d.sum)
	}
	return sums
}

func (d *digested) Apply(e balsa.Entry, add int64) int64 {
	return d.ApplyBatch([]balsa.Entry{e}, []int64{add})[0]
}

func (d *digested) StateHash() uint64 {
	d.askedAt = append(d.askedAt, d.last)
	return uint64(d.digest)
}

func (d *digested) Snapshot() (io.WriterTo, error) {
	b := binary.LittleEndian.AppendUint64(nil, uint64(d.sum))
	return bytes.NewReader(binary.LittleEndian.AppendUint64(b, uint64(d.digest))), nil
}

func (d *digested) Restore(r io.Reader) error {
	return errors.Join(binary.Read(r, binary.LittleEndian, &d.sum), binary.Read(r, binary.LittleEndian, &d.digest))
}

var _ balsa.Hasher = (*digested)(nil)

// add proposes ones, many at a time.
func add(t *testing.T, node *balsa.Node[*digested, int64, int64], n int) {
	t.Helper()
	for _, err := range node.ProposeAll(t.Context(), slices.Values(slices.Repeat([]int64{1}, n))) {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// However entries are gathered into batches, the hash is that of the state right after
// the same ones.
func TestAStateIsHashedAfterEach1024thEntry(t *testing.T) {
	machine := &digested{}
	node, err := balsa.Open(t.Context(), balsa.Config{}, machine)
	if err != nil {
		t.Fatal(err)
	}
	add(t, node, 3500)
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	if want := []balsa.Index{1024, 2048, 3072}; !slices.Equal(machine.askedAt, want) {
		t.Errorf("it was asked after entries %d, want %d", machine.askedAt, want)
	}
}

// Scenario nondeterministic-apply, end to end.
func TestAMemberWhoseStateDivergedIsTakenOutOfService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memory.NewNetwork(1)
		nodes := map[string]*balsa.Node[*digested, int64, int64]{}
		disks := map[string]fsys.FS{"a": fsys.NewMemory(), "b": fsys.NewMemory(), "c": fsys.NewMemory()}
		open := func(name string, odd bool) error {
			transport, err := network.Listen(addr(name))
			if err != nil {
				t.Fatal(err)
			}
			cfg := balsa.Config{Name: name, Files: disks[name], Transport: transport, Advertise: addr(name)}
			withCluster("a", "b", "c")(&cfg)
			node, err := balsa.Open(t.Context(), cfg, &digested{odd: odd})
			if err == nil {
				nodes[name] = node
				t.Cleanup(func() { node.Close() })
			}
			return err
		}
		for name := range disks {
			if err := open(name, name == "b"); err != nil {
				t.Fatal(err)
			}
		}
		add(t, nodes["a"], 1)
		if err := nodes["a"].TransferLeadership(t.Context(), nodes["a"].Status().ID); err != nil {
			t.Fatal(err)
		}
		add(t, nodes["a"], 1099)
		select {
		case <-nodes["b"].Done():
		case <-time.After(time.Minute):
			t.Fatal("it goes on with another state than the others")
		}
		if err := nodes["b"].Err(); !errors.Is(err, balsa.ErrDiverged) {
			t.Errorf("it has stopped with %v", err)
		}
		if s := nodes["a"].Status(); s.Diverged == "" {
			t.Errorf("the leader's status does not say so: %+v", s)
		}
		if err := open("b", false); !errors.Is(err, balsa.ErrDiverged) {
			t.Errorf("it is opened again on its files: %v", err)
		}
		disks["b"] = fsys.NewMemory()
		if err := open("b", false); err != nil {
			t.Fatal(err)
		}
		add(t, nodes["b"], 2500)
		for name, node := range nodes {
			var sum int64
			err := node.Read(t.Context(), func(d *digested) { sum = d.sum })
			if err != nil || sum != 3600 {
				t.Errorf("%s reads %d, %v; want 3600", name, sum, err)
			}
		}
	})
}
