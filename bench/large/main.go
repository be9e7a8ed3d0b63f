// Command large fills one durable member with many keys, ten million of 100 bytes unless
// told otherwise, through the Redis port, and says what it takes: memory, how long a
// restart needs until a key is read, and how long writes wait at most while a snapshot is
// taken. Nothing is asserted; what is wanted stands beside what is found.
//
//	cd bench && go run ./large
//	go run ./large -keys 1000000 -dir /mnt/disk
package main

import (
	"context"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/balsaraft/balsa/bench/internal/cluster"
)

type settings struct {
	keys, size int
	place      cluster.Place
}

func main() {
	var s settings
	flag.IntVar(&s.keys, "keys", 10_000_000, "how many keys")
	flag.IntVar(&s.size, "size", 100, "bytes of a value")
	s.place.Flags("the member's files")
	cluster.Main("large", func(ctx context.Context) error { return run(ctx, s) })
}

func run(ctx context.Context, s settings) error {
	dir, program, err := s.place.Prepare(ctx)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Printf("%s; %s\n%d keys, values of %d bytes, one member\n\n",
		time.Now().UTC().Format("2 January 2006 15:04 UTC"), cluster.Machine(), s.keys, s.size)
	balsa, err := cluster.StartBalsa(ctx, program, dir, 1)
	if err != nil {
		return err
	}
	defer balsa.Stop()
	m := balsa.Members[0]
	t := trial{settings: s, member: m}
	for _, step := range []func(context.Context) error{t.fill, t.restart, t.crash, t.random} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// trial is what the member goes through.
type trial struct {
	settings
	member *cluster.Member
}

// fill writes all keys. Snapshots are taken meanwhile, and one small command after the
// other shows what they cost those who write.
func (t *trial) fill(ctx context.Context) error {
	p, err := startPulse(ctx, t.member)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := writeAll(ctx, t.member.Redis, t.keys, t.size); err != nil {
		return err
	}
	took := time.Since(began)
	if err := p.stop(); err != nil {
		return err
	}
	fmt.Printf("filled in %s, %.0f keys/s\n", took.Round(time.Second), float64(t.keys)/took.Seconds())
	fmt.Printf("  beside that, one small write took %s;\n  while a snapshot was written, too, %s (wanted: no pause of more than 100 ms because of it)\n", times(p.without), times(p.during))
	return t.say("after that")
}

// restart ends the member as an operator does, and starts it.
func (t *trial) restart(ctx context.Context) error {
	began := time.Now()
	t.member.Stop()
	fmt.Printf("closed in %s\n", time.Since(began).Round(10*time.Millisecond))
	return t.start(ctx, "started after it was closed")
}

// crash ends it in the middle of writes.
func (t *trial) crash(ctx context.Context) error {
	if err := writeAll(ctx, t.member.Redis, min(t.keys, 200_000), t.size); err != nil {
		return err
	}
	t.member.Kill()
	return t.start(ctx, "started after it was killed")
}

// start waits until a key is read.
func (t *trial) start(ctx context.Context, what string) error {
	began := time.Now()
	if err := t.member.Start("a"); err != nil {
		return err
	}
	if err := awaitKey(ctx, t.member, keyName(t.keys/2)); err != nil {
		return err
	}
	fmt.Printf("%s: a key was read after %s (wanted: under 10 s)\n", what, time.Since(began).Round(10*time.Millisecond))
	return t.say("after that")
}

// random writes keys in no order, which asks most of the store.
func (t *trial) random(ctx context.Context) error {
	const writes = 200_000
	began := time.Now()
	if err := writeSome(ctx, t.member.Redis, t.keys, t.size, writes); err != nil {
		return err
	}
	fmt.Printf("%.0f keys/s were changed at random\n", writes/time.Since(began).Seconds())
	if n := late.Load(); n > 0 {
		fmt.Printf("%d commands of all took longer than the 5 s that a member waits\n", n)
	}
	return t.say("after that")
}

// say prints what the member takes now.
func (t *trial) say(when string) error {
	u, err := t.member.Usage()
	if err != nil {
		return err
	}
	disk, err := diskBytes(t.member.Dir)
	if err != nil {
		return err
	}
	fmt.Printf("  %s: %d MiB of memory, %d MiB at most (wanted: under 1024), %d MiB on the disk, %s of processor since it started\n",
		when, u.Resident>>20, u.Peak>>20, disk>>20, u.CPU.Round(10*time.Millisecond))
	return nil
}

// diskBytes is what the files in a directory have together.
func diskBytes(dir string) (sum int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return ignoreGone(err)
		}
		info, err := d.Info()
		if err == nil {
			sum += info.Size()
		}
		return ignoreGone(err)
	})
	return sum, err
}

// ignoreGone lets files go while they are looked at.
func ignoreGone(err error) error {
	if os.IsNotExist(err) {
		return nil
	}
	return err
}
