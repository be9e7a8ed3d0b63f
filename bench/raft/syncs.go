package main

import (
	"encoding/binary"
	"os"
	"runtime"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// syncCounter counts syncs of files with a tracepoint of the kernel, which costs what is
// counted nothing to speak of. ext4's tells of writes that sync by themselves (O_DSYNC),
// too, and of syncs that threads of the kernel carry out for who asked for them; so it is
// counted on all processors, whoever it is for. It needs root, and files on ext4.
type syncCounter struct{ fds []int } // one to a processor

const syncTracepoint = "/sys/kernel/tracing/events/ext4/ext4_sync_file_enter/id"

// countSyncs begins to count those of the file system that holds dir. Where that cannot
// be, the counter knows nothing.
func countSyncs(dir string) *syncCounter {
	c := &syncCounter{}
	var fs unix.Statfs_t
	if unix.Statfs(dir, &fs) != nil || fs.Type != unix.EXT4_SUPER_MAGIC || c.open() != nil {
		return &syncCounter{}
	}
	return c
}

func (c *syncCounter) open() error {
	b, err := os.ReadFile(syncTracepoint)
	if err != nil {
		return err
	}
	id, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		return err
	}
	attr := unix.PerfEventAttr{Type: unix.PERF_TYPE_TRACEPOINT, Config: id}
	attr.Size = uint32(unsafe.Sizeof(attr))
	for cpu := range runtime.NumCPU() {
		fd, err := unix.PerfEventOpen(&attr, -1, cpu, -1, unix.PERF_FLAG_FD_CLOEXEC)
		if err != nil {
			return err
		}
		c.fds = append(c.fds, fd)
	}
	return nil
}

// count is how many there were since it began, -1 if that is not known.
func (c *syncCounter) count() (sum int64) {
	if len(c.fds) == 0 {
		return -1
	}
	var b [8]byte
	for _, fd := range c.fds {
		if n, err := unix.Read(fd, b[:]); err != nil || n != len(b) {
			return -1
		}
		sum += int64(binary.NativeEndian.Uint64(b[:]))
	}
	return sum
}
