package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// diskTimes are what a write of 4 KiB takes with its sync, medians.
type diskTimes struct{ over, growing time.Duration }

const (
	probeBytes  = 4096
	probeWrites = 500
)

// probeDisk measures a disk.
func probeDisk(dir string) (d diskTimes, err error) {
	path := filepath.Join(dir, fmt.Sprintf("balsa-bench-disk-%d", os.Getpid()))
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o644)
	if err != nil {
		return d, err
	}
	defer os.Remove(path)
	defer f.Close()
	if d.growing, err = syncedWrites(f); err != nil {
		return d, err
	}
	d.over, err = syncedWrites(f)
	return d, err
}

// syncedWrites writes one block after the other, each with a sync.
func syncedWrites(f *os.File) (time.Duration, error) {
	var all []time.Duration
	block := make([]byte, probeBytes)
	for i := range probeWrites {
		took := timer()
		if _, err := f.WriteAt(block, int64(i)*probeBytes); err != nil {
			return 0, err
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			return 0, err
		}
		all = append(all, took())
	}
	slices.Sort(all)
	return all[len(all)/2], nil
}

func micro(d time.Duration) string { return fmt.Sprintf("%d µs", d.Microseconds()) }
