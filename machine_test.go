package balsa_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/transport/memory"
)

// fragile is a sum that panics at a command, on the member that it is told to.
type fragile struct {
	sum  int64
	when int64 // 0 for never
}

func (f *fragile) Apply(_ balsa.Entry, add int64) int64 {
	if f.when != 0 && add == f.when {
		panic("cannot add that")
	}
	f.sum += add
	return f.sum
}

func (f *fragile) Snapshot() (io.WriterTo, error) {
	return bytes.NewReader(binary.LittleEndian.AppendUint64(nil, uint64(f.sum))), nil
}

func (f *fragile) Restore(r io.Reader) error { return binary.Read(r, binary.LittleEndian, &f.sum) }

func TestAnApplyThatPanicsStopsItsMemberAndNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memory.NewNetwork(1)
		names := []string{"a", "b", "c"}
		nodes := map[string]*balsa.Node[*fragile, int64, int64]{}
		for _, name := range names {
			transport, err := network.Listen(addr(name))
			if err != nil {
				t.Fatal(err)
			}
			cfg := balsa.Config{Name: name, Transport: transport}
			withCluster(names...)(&cfg)
			machine := &fragile{}
			if name == "b" {
				machine.when = 13
			}
			if nodes[name], err = balsa.Open(t.Context(), cfg, machine); err != nil {
				t.Fatal(err)
			}
			defer nodes[name].Close()
		}
		for _, name := range names {
			if _, err := nodes[name].Propose(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
		}
		_, err := nodes["b"].Propose(t.Context(), 13)
		if !errors.Is(err, balsa.ErrUnknown) || !errors.Is(err, balsa.ErrClosed) {
			t.Errorf("the proposal that its own member could not apply: %v", err)
		}
		<-nodes["b"].Done()
		var panicked *balsa.ApplyPanicError
		if err := nodes["b"].Err(); !errors.As(err, &panicked) || panicked.Index == 0 || panicked.Value != "cannot add that" ||
			!strings.Contains(err.Error(), "entry") || !bytes.Contains(panicked.Stack, []byte("machine_test.go")) {
			t.Errorf("the member's error is %v", nodes["b"].Err())
		}
		for i, name := range []string{"a", "c"} {
			if sum, err := nodes[name].Propose(t.Context(), 1); err != nil || sum != int64(17+i) {
				t.Errorf("Propose on %s = %d, %v; want %d", name, sum, err, 17+i)
			}
		}
	})
}

// batcher counts how its commands came.
type batcher struct {
	fragile
	batches, commands int
}

func (b *batcher) ApplyBatch(entries []balsa.Entry, commands []int64) []int64 {
	b.batches++
	results := make([]int64, 0, len(commands))
	for i, command := range commands {
		b.commands++
		results = append(results, b.Apply(entries[i], command))
	}
	return results
}

func TestABatchApplierGetsCommandsTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		machine := &batcher{}
		node, err := balsa.Open(t.Context(), balsa.Config{}, machine)
		if err != nil {
			t.Fatal(err)
		}
		defer node.Close()
		want := int64(0)
		for sum, err := range node.ProposeAll(t.Context(), slices.Values(slices.Repeat([]int64{2}, 500))) {
			if want += 2; err != nil || sum != want {
				t.Fatalf("result %d, %v; want %d", sum, err, want)
			}
		}
		if err := node.Read(t.Context(), func(b *batcher) {
			if b.commands != 500 || b.batches > 250 {
				t.Errorf("%d commands came in %d batches", b.commands, b.batches)
			}
		}); err != nil {
			t.Error(err)
		}
	})
}

// asked is a sum that answers questions in bytes.
type asked struct{ fragile }

func (a *asked) Query(question []byte) ([]byte, error) {
	if string(question) != "sum?" {
		return nil, errors.New("not understood")
	}
	return binary.LittleEndian.AppendUint64(nil, uint64(a.sum)), nil
}

func TestAQuerierIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node, err := balsa.Open(t.Context(), balsa.Config{}, &asked{})
		if err != nil {
			t.Fatal(err)
		}
		defer node.Close()
		if _, err := node.Propose(t.Context(), 300); err != nil {
			t.Fatal(err)
		}
		answer, err := node.Query(t.Context(), []byte("sum?"))
		if err != nil || binary.LittleEndian.Uint64(answer) != 300 {
			t.Errorf("Query = %x, %v", answer, err)
		}
		if _, err := node.Query(t.Context(), []byte("why?")); err == nil || err.Error() != "not understood" {
			t.Errorf("a question that is not understood: %v", err)
		}
	})
}

// durable is a sum on a disk of its own, which outlives the node.
type durable struct {
	disk  *stored
	tally int // commands applied in this life
}

type stored struct {
	sum     int64
	applied balsa.Index
}

func (d *durable) Applied() balsa.Index { return d.disk.applied }

func (d *durable) Apply(e balsa.Entry, add int64) int64 {
	d.tally++
	d.disk.sum += add
	d.disk.applied = e.Index
	return d.disk.sum
}

func (d *durable) Snapshot() (io.WriterTo, error) {
	b := binary.LittleEndian.AppendUint64(nil, uint64(d.disk.sum))
	return bytes.NewReader(binary.LittleEndian.AppendUint64(b, uint64(d.disk.applied))), nil
}

func (d *durable) Restore(r io.Reader) error { return binary.Read(r, binary.LittleEndian, d.disk) }

// Scenario inconsistent-apply.
func TestADurableMachineIsNotAppliedAgainWhatItHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		files, disk := fsys.NewMemory(), &stored{}
		total := 0
		for life := range 5 {
			machine := &durable{disk: disk}
			node, err := balsa.Open(t.Context(), balsa.Config{Files: files}, machine)
			if err != nil {
				t.Fatal(err)
			}
			for range 50 {
				total++
				if sum, err := node.Propose(t.Context(), 1); err != nil || sum != int64(total) {
					t.Fatalf("in life %d: %d, %v; want %d", life, sum, err, total)
				}
			}
			if life == 2 {
				if err := node.Snapshot(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			node.Close()
			if machine.tally != 50 {
				t.Errorf("in life %d %d commands were applied, 50 were new", life, machine.tally)
			}
		}
	})
}

// slow is a sum whose snapshots take their time to be written.
type slow struct{ fragile }

type slowWriter struct{ data []byte }

func (s *slow) Snapshot() (io.WriterTo, error) {
	return &slowWriter{binary.LittleEndian.AppendUint64(nil, uint64(s.sum))}, nil
}

func (w *slowWriter) WriteTo(to io.Writer) (written int64, err error) {
	for range 3600 {
		time.Sleep(time.Second)
		n, err := to.Write(w.data)
		if written += int64(n); err != nil {
			return written, err
		}
	}
	return written, nil
}

func TestApplyGoesOnWhileASnapshotIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node, err := balsa.Open(t.Context(), balsa.Config{}, &slow{})
		if err != nil {
			t.Fatal(err)
		}
		defer node.Close()
		if _, err := node.Propose(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		done := make(chan error, 1)
		go func() { done <- node.Snapshot(t.Context()) }()
		for want := int64(2); want < 100; want++ {
			if sum, err := node.Propose(t.Context(), 1); err != nil || sum != want {
				t.Fatalf("Propose = %d, %v; want %d", sum, err, want)
			}
			if err := node.Read(t.Context(), func(*slow) {}); err != nil {
				t.Fatal(err)
			}
		}
		if waited := time.Since(start); waited > time.Minute {
			t.Errorf("98 proposals took %s beside a snapshot", waited)
		}
		if err := <-done; err != nil || time.Since(start) < time.Hour {
			t.Errorf("the snapshot ended after %s: %v", time.Since(start), err)
		}
	})
}

func TestCloseDoesNotWaitForASnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer // of the node's loop, which has ended when it is read
		logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
		node, err := balsa.Open(t.Context(), balsa.Config{Logger: logger}, &slow{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := node.Propose(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- node.Snapshot(t.Context()) }()
		time.Sleep(time.Minute)
		start := time.Now()
		node.Close()
		if waited := time.Since(start); waited > 10*time.Second {
			t.Errorf("Close took %s", waited)
		}
		if err := <-done; !errors.Is(err, balsa.ErrClosed) && !errors.Is(err, balsa.ErrNotCommitted) {
			t.Errorf("the snapshot that was under way: %v", err)
		}
		if log.Len() > 0 {
			t.Errorf("somebody is woken because a member was closed:\n%s", &log)
		}
	})
}
