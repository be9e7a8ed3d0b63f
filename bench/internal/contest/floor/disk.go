package floor

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	blockBytes = 4096
	// fileBytes is how much is laid out. The stream goes around in it: to overwrite
	// blocks that were written before is what a log that recycles its segments does.
	fileBytes = 64 << 20
	// stageBytes is the most that is written at once.
	stageBytes = 4 << 20
)

// disk is a member's file. Each write is on disk when it returns. It has one caller at a
// time.
type disk struct {
	file  *os.File
	stage []byte // blocks that are written at once; the first begins with tail
	at    int64  // where in the file stage goes
	tail  int    // how much of its first block is written already
	sync  bool   // the file needs fdatasync, because it takes no direct writes
}

func createDisk(dir string) (*disk, error) {
	stage, err := unix.Mmap(-1, 0, stageBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("aligned memory for writes: %w", err)
	}
	d := &disk{stage: stage}
	path := filepath.Join(dir, "log")
	flags := os.O_CREATE | os.O_RDWR
	d.file, err = os.OpenFile(path, flags|syscall.O_DIRECT|syscall.O_DSYNC, 0o644)
	if errors.Is(err, syscall.EINVAL) { // memory file systems
		d.sync = true
		d.file, err = os.OpenFile(path, flags, 0o644)
	}
	if err != nil {
		return nil, err
	}
	return d, d.layOut()
}

// layOut writes every block once.
func (d *disk) layOut() error {
	for at := int64(0); at < fileBytes; at += stageBytes {
		if err := d.writeAt(d.stage, at); err != nil {
			return err
		}
	}
	return d.file.Sync()
}

// write appends pieces of the stream.
func (d *disk) write(pieces ...[]byte) error {
	for _, p := range pieces {
		for len(p) > 0 {
			n := copy(d.stage[d.tail:], p)
			d.tail, p = d.tail+n, p[n:]
			if d.tail == len(d.stage) {
				if err := d.flush(); err != nil {
					return err
				}
			}
		}
	}
	return d.flush()
}

// flush writes the blocks that stage holds a part of, and keeps the last one, unless it
// is full, to write it again with what comes next.
func (d *disk) flush() error {
	blocks := (d.tail + blockBytes - 1) / blockBytes * blockBytes
	if blocks == 0 {
		return nil
	}
	if d.at+int64(blocks) > fileBytes {
		d.at = 0
	}
	if err := d.writeAt(d.stage[:blocks], d.at); err != nil {
		return err
	}
	whole := d.tail / blockBytes * blockBytes
	copy(d.stage, d.stage[whole:d.tail])
	d.tail -= whole
	d.at += int64(whole)
	return nil
}

func (d *disk) writeAt(b []byte, at int64) error {
	for len(b) > 0 {
		n, err := unix.Pwrite(int(d.file.Fd()), b, at)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("write %s at offset %d: %w", d.file.Name(), at, err)
		}
		b, at = b[n:], at+int64(n)
	}
	if d.sync {
		return unix.Fdatasync(int(d.file.Fd()))
	}
	return nil
}

func (d *disk) close() error {
	return errors.Join(unix.Munmap(d.stage), d.file.Close())
}
