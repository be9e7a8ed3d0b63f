// Command pause fills a key-value state machine with many keys, ten million of 100 bytes
// unless told otherwise, and says how long Apply takes at most: alone, and while a
// snapshot of all of it is written to a file and synced. It is the state machine alone,
// without a log that would wait for the same disk. Nothing is asserted; what is wanted
// stands beside what is found.
//
//	cd bench && go run ./pause
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/bench/internal/cluster"
	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/kv"
	"github.com/balsaraft/balsa/storage/snapshot"
	"github.com/balsaraft/balsa/wire"
)

const (
	fillBatch  = 16  // commands
	fillKeys   = 100 // keys a command
	applyBatch = 64  // commands of one key
	every      = 5 * time.Millisecond
)

func main() {
	keys := flag.Int("keys", 10_000_000, "how many keys")
	size := flag.Int("size", 100, "bytes of a value")
	alone := flag.Duration("alone", 10*time.Second, "how long changes are applied without a snapshot")
	dir := flag.String("dir", os.TempDir(), "where the files are made, and removed at the end")
	cluster.Main("pause", func(ctx context.Context) error { return run(ctx, *keys, *size, *alone, *dir) })
}

func run(ctx context.Context, keys, size int, alone time.Duration, dir string) error {
	dir, err := os.MkdirTemp(dir, "balsa-pause-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	machine, err := kv.Open(kv.Dir(dir), kv.Options{})
	if err != nil {
		return err
	}
	defer machine.Close()
	w := &writer{machine: machine, keys: keys, value: make([]byte, size)}
	fmt.Printf("%s; %s\n%d keys, values of %d bytes, %d commands a batch, a batch each %s\n\n",
		time.Now().UTC().Format("2 January 2006 15:04 UTC"), cluster.Machine(), keys, size, applyBatch, every)
	if err := w.fill(ctx); err != nil {
		return err
	}
	rest, cancel := context.WithTimeout(ctx, alone)
	defer cancel()
	fmt.Printf("one batch was applied in %s\n", times(w.change(rest)))

	began := time.Now()
	state, err := machine.Snapshot()
	if err != nil {
		return err
	}
	fmt.Printf("the state was taken hold of in %s\n", time.Since(began).Round(time.Microsecond))
	beside, end := context.WithCancelCause(ctx)
	written := make(chan int64, 1)
	go func() {
		n, err := write(state, filepath.Join(dir, "snapshots"))
		written <- n
		end(err)
	}()
	took := w.change(beside)
	n := <-written
	if err := context.Cause(beside); err != context.Canceled {
		return err
	}
	fmt.Printf("one batch was applied in %s\n  while a snapshot of %d MiB was written in %s (wanted: no pause of more than 100 ms)\n",
		times(took), n>>20, time.Since(began).Round(10*time.Millisecond))
	return nil
}

// write puts a snapshot onto the disk, as a member does.
func write(state io.WriterTo, dir string) (int64, error) {
	files, err := fsys.Dir(dir)
	if err != nil {
		return 0, err
	}
	store, err := snapshot.Open(files, 1)
	if err != nil {
		return 0, err
	}
	w, err := store.Create(snapshot.Meta{Pos: wire.Pos{Term: 1, Index: 1}})
	if err != nil {
		return 0, err
	}
	n, err := state.WriteTo(w)
	if err != nil {
		w.Abort()
		return n, err
	}
	return n, w.Commit()
}

// writer applies commands as a member would. One goroutine uses it.
type writer struct {
	machine *kv.Machine
	keys    int
	value   []byte
	index   balsa.Index
	next    int // key
}

func (w *writer) apply(commands []kv.Command) {
	entries := make([]balsa.Entry, len(commands))
	for i := range entries {
		w.index++
		entries[i] = balsa.Entry{Index: w.index, Term: 1, Time: time.Now()}
	}
	w.machine.ApplyBatch(entries, commands)
}

func (w *writer) set(key int) kv.Op { return kv.Set(fmt.Sprintf("key:%012d", key), w.value) }

// fill writes each key once, in order.
func (w *writer) fill(ctx context.Context) error {
	began := time.Now()
	for w.next < w.keys && ctx.Err() == nil {
		var commands []kv.Command
		for len(commands) < fillBatch && w.next < w.keys {
			var ops []kv.Op
			for len(ops) < fillKeys && w.next < w.keys {
				ops = append(ops, w.set(w.next))
				w.next++
			}
			commands = append(commands, kv.Do(ops...))
		}
		w.apply(commands)
	}
	took := time.Since(began)
	fmt.Printf("filled in %s, %.0f keys/s\n", took.Round(time.Second), float64(w.keys)/took.Seconds())
	return ctx.Err()
}

// change changes keys all over the store until ctx ends, and returns how long each batch
// took.
func (w *writer) change(ctx context.Context) (took []time.Duration) {
	const stride = 7919 // a prime: the keys come in no order
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return took
		case <-ticks.C:
		}
		commands := make([]kv.Command, applyBatch)
		for i := range commands {
			w.next = (w.next + stride) % w.keys
			commands[i] = kv.Do(w.set(w.next))
		}
		began := time.Now()
		w.apply(commands)
		took = append(took, time.Since(began))
	}
}

// times says how long things took.
func times(took []time.Duration) string {
	all := slices.Sorted(slices.Values(took))
	if len(all) == 0 {
		return "no time, as there was none"
	}
	at := func(permille int) time.Duration { return all[(len(all)-1)*permille/1000].Round(10 * time.Microsecond) }
	return fmt.Sprintf("%s at the median, %s at the 99th percentile, %s at the 99.9th, %s at most", at(500), at(990), at(999), at(1000))
}
