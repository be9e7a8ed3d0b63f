//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// A small disk is a file system in memory with a bound, for one member: three times what
// log, snapshots and store come to.
const smallDiskBytes = 640 << 20

// smallDisk mounts one at dir, where mounts end with the room.
func smallDisk(dir string) error {
	if !isolated() {
		return errors.New("it needs root, to mount a small file system")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", smallDiskBytes)); err != nil {
		return fmt.Errorf("mount a small file system: %w", err)
	}
	return nil
}

func filler(disk string) string { return filepath.Join(disk, "filler") }

// fill leaves a disk without a free block.
func fill(disk string) error {
	f, err := os.Create(filler(disk))
	if err != nil {
		return err
	}
	defer f.Close()
	for size := 1 << 20; size >= 4096; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			return err
		}
	}
	return nil
}

func empty(disk string) error {
	if err := os.Remove(filler(disk)); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
