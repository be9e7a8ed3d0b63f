package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// usage is what this process has had of the machine so far, processor time of all members
// and of the callers; and what the disk has done so far, for whomever.
type usage struct {
	processor time.Duration
	written   int64 // bytes; -1 if the disk does not tell
	syncs     int64 // -1 if they cannot be counted here
}

func usageNow(m *meters) (usage, error) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return usage{}, fmt.Errorf("processor time: %w", err)
	}
	return usage{
		processor: time.Duration(r.Utime.Nano() + r.Stime.Nano()),
		written:   m.disk.written(),
		syncs:     m.syncs.count(),
	}, nil
}

// meters count what the operating system knows.
type meters struct {
	syncs *syncCounter
	disk  device
}

// newMeters begins to count what happens in dir. It comes first in a process.
func newMeters(dir string) *meters { return &meters{countSyncs(dir), deviceOf(dir)} }

// device is the directory in /sys of the disk that holds some files. What a process hands
// to the page cache is no measure of what is written: Linux counts whole folios there,
// of up to megabytes, when a few bytes of them change.
type device string

func deviceOf(dir string) device {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return ""
	}
	return device(fmt.Sprintf("/sys/dev/block/%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev)))
}

// written is how many bytes the disk has written since it is there.
func (d device) written() int64 {
	b, err := os.ReadFile(filepath.Join(string(d), "stat"))
	if err != nil {
		return -1
	}
	const sectors, sectorBytes = 6, 512 // the seventh field (Documentation/block/stat.rst)
	fields := strings.Fields(string(b))
	if len(fields) <= sectors {
		return -1
	}
	n, err := strconv.ParseInt(fields[sectors], 10, 64)
	if err != nil {
		return -1
	}
	return n * sectorBytes
}

// resetPeak makes peakMemory tell the most since now.
func resetPeak() error { return os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// peakMemory is the most memory that the process had, in bytes.
func peakMemory() (int64, error) {
	kB, err := procField("/proc/self/status", "VmHWM:")
	return kB << 10, err
}

// procField reads a number behind a name.
func procField(path, name string) (value int64, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			if _, err := fmt.Sscan(rest, &value); err != nil {
				return 0, fmt.Errorf("read %s of %s: %w", name, path, err)
			}
			return value, nil
		}
	}
	return 0, fmt.Errorf("%s has no %s", path, name)
}
