package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/balsaraft/balsa/bench/internal/contest"
)

// fillers is how many callers fill a log.
const fillers = 2048

// fillTo proposes until so many commands were acknowledged.
func fillTo(ctx context.Context, at contest.Member, own [][]byte, from, to int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var taken atomic.Int64
	taken.Store(int64(from))
	var all sync.WaitGroup
	for i := range fillers {
		all.Go(func() {
			for ctx.Err() == nil && taken.Add(1) <= int64(to) {
				if err := at.Propose(ctx, own[i%len(own)]); err != nil {
					cancel(err)
				}
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// fill makes a log of some entries, and leaves it as a process does that is killed.
func fill(ctx context.Context, job Job, _ *meters) (Result, error) {
	c, err := job.open(ctx, keepLog)
	if err != nil {
		return nil, err
	}
	own := commands(fillers, job.Size)
	have, err := c.first(ctx, own[0])
	if err != nil {
		return nil, err
	}
	took := timer()
	if err := fillTo(ctx, c.lead(), own, have, job.Entries[0]); err != nil {
		return nil, err
	}
	f := Figures{seconds: took().Seconds()}
	if err := c.check(ctx, job.Entries[0]); err != nil {
		return nil, err
	}
	bytes, err := diskBytes(job.Dir)
	if err != nil {
		return nil, err
	}
	f[diskPerEntry] = float64(bytes) / float64(len(job.Addrs)*job.Entries[0])
	return Result{"fill": f}, nil
}

// reopen opens what fill has left, and waits until a command is acknowledged.
func reopen(ctx context.Context, job Job, _ *meters) (result Result, err error) {
	c, err := job.open(ctx, keepLog)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	own := commands(1, job.Size)
	more, err := c.first(ctx, own[0])
	if err != nil {
		return nil, err
	}
	f := Figures{seconds: time.Since(began).Seconds()}
	peak, err := peakMemory()
	if err != nil {
		return nil, err
	}
	f[peakMiB] = float64(peak) / (1 << 20)
	return Result{"reopen": f}, c.check(ctx, job.Entries[0]+more)
}

// length measures the same load on logs that grow longer and longer, and the memory that
// members keep.
func length(ctx context.Context, job Job, m *meters) (result Result, err error) {
	c, err := job.open(ctx, keepLog)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	own := commands(fillers, job.Size)
	have, err := c.first(ctx, own[0])
	if err != nil {
		return nil, err
	}
	result = Result{}
	for _, entries := range job.Entries {
		if entries > have {
			if err := fillTo(ctx, c.lead(), own, have, entries); err != nil {
				return nil, err
			}
			have = entries
		}
		f, done, err := load{
			callers: job.Callers, warm: job.Warm, measure: job.Measure,
			op: func(ctx context.Context, i int) error { return c.lead().Propose(ctx, own[i]) },
		}.run(ctx, m)
		if err != nil {
			return nil, err
		}
		have += done
		debug.FreeOSMemory()
		kB, err := procField("/proc/self/status", "VmRSS:")
		if err != nil {
			return nil, err
		}
		f[residentMiB] = float64(kB) / 1024
		result[lengthName(entries)] = f
	}
	return result, c.check(ctx, have)
}

func lengthName(entries int) string { return fmt.Sprintf("%d", entries) }

// diskBytes is what all files below a directory take of the disk.
func diskBytes(dir string) (sum int64, err error) {
	err = files(dir, func(path string) error {
		var st syscall.Stat_t
		if err := syscall.Stat(path, &st); err != nil {
			return err
		}
		sum += st.Blocks * 512
		return nil
	})
	return sum, err
}

// coldly says how long it takes to read all files of the members once, one after the other,
// from the disk itself. It leaves nothing of them in the system's cache, before and after: what
// opens them next finds them as after a restart of the machine.
func coldly(dir string) (time.Duration, error) {
	if err := forget(dir); err != nil {
		return 0, err
	}
	took := timer()
	if err := readAll(dir); err != nil {
		return 0, err
	}
	return took(), forget(dir)
}

// forget drops files from the system's cache.
func forget(dir string) error {
	return files(dir, func(path string) error {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := f.Sync(); err != nil { // what is not on the disk stays in the cache
			return err
		}
		return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
	})
}

// readAll reads all files below a directory once.
func readAll(dir string) error {
	buffer := make([]byte, 1<<20)
	return files(dir, func(path string) error {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{f}, buffer)
		return err
	})
}

// files visits all files that stay while it does.
func files(dir string, visit func(path string) error) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			err = visit(path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
}

// timer starts one.
func timer() func() time.Duration {
	start := time.Now()
	return func() time.Duration { return time.Since(start) }
}
