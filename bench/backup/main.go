// Command backup fills a member with 1 GiB of values, unless told otherwise, and backs it up,
// first while nobody calls, and then while callers write as fast as they can and share
// processors and disk with it. It says how fast that went beside what the disk writes in one
// stream, and how long Apply and callers had to wait at most, before and meanwhile. Nothing is
// asserted; what is wanted stands beside what is found.
//
//	cd bench && go run ./backup
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/backup"
	"github.com/balsaraft/balsa/bench/internal/cluster"
	"github.com/balsaraft/balsa/kv"
)

const valueBytes = 4 << 10

func main() {
	size := flag.Int("mib", 1024, "MiB of values")
	alone := flag.Duration("alone", 5*time.Second, "how long callers write without a backup")
	dir := flag.String("dir", os.TempDir(), "where the files are made, and removed at the end")
	cluster.Main("backup", func(ctx context.Context) error { return run(ctx, *size, *alone, *dir) })
}

func run(ctx context.Context, mib int, alone time.Duration, dir string) (err error) {
	dir, err = os.MkdirTemp(dir, "balsa-backup-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Printf("%s; %s\n%d MiB in values of %d bytes that do not compress\n\n", time.Now().UTC().Format("2 January 2006 15:04 UTC"), cluster.Machine(), mib, valueBytes)
	machine, err := kv.Open(kv.Dir(dir), kv.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, machine.Close()) }()
	var longest atomic.Int64
	node, err := balsa.Open(ctx, balsa.Config{Name: "a", Dir: dir, Logger: slog.New(slog.DiscardHandler), Meter: balsa.Meter{
		Applied: func(a balsa.Applied) { longest.Store(max(longest.Load(), int64(a.Took))) },
	}}, machine)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, node.Close()) }()
	keys := mib << 20 / valueBytes
	for _, err := range node.ProposeAll(ctx, fill(keys)) {
		if err != nil {
			return err
		}
	}
	if err := node.Snapshot(ctx); err != nil { // so that none comes in between
		return err
	}
	disk, err := stream(filepath.Join(dir, "stream"), mib)
	if err != nil {
		return err
	}
	fmt.Printf("the disk writes %.0f MiB/s in one stream, fsync included\n", disk)

	resting, cancel := context.WithTimeout(ctx, alone)
	defer cancel()
	longest.Store(0)
	waited := write(resting, node, keys)
	fmt.Printf("without a backup one Apply took %s at most, a caller waited %s at most\n", time.Duration(longest.Load()).Round(10*time.Microsecond), waited.Round(10*time.Microsecond))

	if err := timed(ctx, node, filepath.Join(dir, "resting.zst"), "while nobody calls", mib, disk); err != nil {
		return err
	}
	longest.Store(0)
	beside, end := context.WithCancel(ctx)
	slowest := make(chan time.Duration, 1)
	go func() { slowest <- write(beside, node, keys) }()
	err = timed(ctx, node, filepath.Join(dir, "backup.zst"), "while callers write", mib, disk)
	end()
	waited = <-slowest
	if err != nil {
		return err
	}
	fmt.Printf("meanwhile one Apply took %s at most (wanted: 100 ms), a caller waited %s at most\n",
		time.Duration(longest.Load()).Round(10*time.Microsecond), waited.Round(10*time.Microsecond))
	return nil
}

// timed makes a backup, and says how fast.
func timed(ctx context.Context, node *kv.Node, path, when string, mib int, disk float64) error {
	began := time.Now()
	written, err := backUp(ctx, node, path)
	if err != nil {
		return err
	}
	took := time.Since(began)
	rate := float64(mib) / took.Seconds()
	fmt.Printf("%s, a backup of %d MiB of state, %d MiB in its file, took %s: %.0f MiB/s, %.2f of the disk's (wanted: 0.5)\n",
		when, mib, written>>20, took.Round(10*time.Millisecond), rate, rate/disk)
	return nil
}

// fill sets each key once.
func fill(keys int) iter.Seq[kv.Command] {
	random := rand.NewChaCha8([32]byte{1})
	return func(yield func(kv.Command) bool) {
		for k := range keys {
			value := make([]byte, valueBytes)
			random.Read(value)
			if !yield(kv.Do(kv.Set(key(k), value))) {
				return
			}
		}
	}
}

func key(k int) string { return fmt.Sprintf("key:%012d", k) }

// stream is how many MiB a second the disk writes.
func stream(path string, mib int) (float64, error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer os.Remove(path)
	piece := make([]byte, 1<<20)
	rand.NewChaCha8([32]byte{2}).Read(piece)
	began := time.Now()
	for range mib {
		if _, err := f.Write(piece); err != nil {
			return 0, errors.Join(err, f.Close())
		}
	}
	err = errors.Join(f.Sync(), f.Close())
	return float64(mib) / time.Since(began).Seconds(), err
}

// write lets callers write until ctx ends, and says how long one waited at most.
func write(ctx context.Context, node *kv.Node, keys int) time.Duration {
	const callers = 16
	ended := make(chan time.Duration, callers)
	for c := range callers {
		go func() {
			slowest := time.Duration(0)
			for k := c; ctx.Err() == nil; k = (k + 7919) % keys {
				began := time.Now()
				// What goes wrong ends with the context, or is seen by the backup.
				_, _ = node.Propose(ctx, kv.Do(kv.Set(key(k), []byte("a value that is short"))))
				slowest = max(slowest, time.Since(began))
			}
			ended <- slowest
		}()
	}
	slowest := time.Duration(0)
	for range callers {
		slowest = max(slowest, <-ended)
	}
	return slowest
}

// backUp writes a backup as the command does: compressed, and synced.
func backUp(ctx context.Context, node *kv.Node, path string) (int64, error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	to := backup.Compress(f)
	_, err = node.Backup(ctx, to)
	err = errors.Join(err, to.Close(), f.Sync())
	info, statErr := f.Stat()
	if err := errors.Join(err, statErr, f.Close()); err != nil {
		return 0, err
	}
	return info.Size(), nil
}
