package wal

import (
	"fmt"

	"github.com/balsaraft/balsa/fsys"
)

// pieceOf is how much is written at once, by the size of segments: 1 MiB by default. A flush
// of many megabytes, which a crowd of callers with large commands makes, so takes no more
// memory than that, and none anew.
func pieceOf(segmentBytes int64) int { return int(roundUp(segmentBytes / 8)) }

// A pen writes records where a plan puts them: in whole blocks, and everything in the order
// in which it stands in the log, so that a crash leaves what a torn flush leaves. The first
// block may hold records that are durable already, which are written again as they are, and
// the last is filled up with zeros: to write a part of a block, a system would have to read
// the rest.
type pen struct {
	writer *writer
	piece  int                    // bytes that are written at once, whole blocks
	seg    *segment               // nil before there is one
	at     int64                  // where in it buf goes
	buf    []byte                 // begins with what was written of its first block before
	dirty  bool                   // buf holds what was not written
	head   [recordHeaderSize]byte // memory for a record's header
}

// record writes a record: at once if the buffer has room for all of it.
func (p *pen) record(seed uint32, offset, flush int64, prev uint32, kind recordKind, payload []byte) (sum uint32, err error) {
	if begin, size := len(p.buf), int(recordSize(len(payload))); size <= p.piece-begin {
		p.buf = fsys.Blocks(p.buf, size)[:begin+size]
		p.dirty = true
		return putRecord(p.buf[begin:], seed, offset, flush, prev, kind, payload), nil
	}
	sum, zeros := putRecordHeader(p.head[:], seed, offset, flush, prev, kind, payload)
	for _, part := range [...][]byte{p.head[:], payload, zeros} {
		if err := p.write(part); err != nil {
			return 0, err
		}
	}
	return sum, nil
}

// begin goes on in an empty segment.
func (p *pen) begin(seg *segment, header []byte) error {
	if err := p.lift(); err != nil {
		return err
	}
	p.seg, p.at, p.buf = seg, 0, p.buf[:0]
	return p.write(header)
}

// write adds bytes, and writes blocks to the disk when there are many.
func (p *pen) write(b []byte) error {
	for len(b) > 0 {
		if len(p.buf) == p.piece {
			if err := p.put(p.piece); err != nil {
				return err
			}
			p.at, p.buf = p.at+int64(p.piece), p.buf[:0]
		}
		n := min(len(b), p.piece-len(p.buf))
		p.buf = append(fsys.Blocks(p.buf, n), b[:n]...)
		p.dirty = true
		b = b[n:]
	}
	return nil
}

// lift makes durable what was written, and keeps what the last block holds.
func (p *pen) lift() error {
	if !p.dirty {
		return nil
	}
	n := len(p.buf)
	fill := int(roundUp(int64(n))) - n
	p.buf = fsys.Blocks(p.buf, fill)
	clear(p.buf[n : n+fill])
	if err := p.put(n + fill); err != nil {
		return err
	}
	whole := n - n%blockBytes
	p.at, p.buf = p.at+int64(whole), p.buf[:copy(p.buf, p.buf[whole:n])]
	return nil
}

// put makes the first n bytes of the buffer durable, which are whole blocks.
func (p *pen) put(n int) error {
	file, err := p.writer.hold(p.seg)
	if err != nil {
		return fmt.Errorf("open %s: %w", p.seg.name, err)
	}
	if err := fsys.WriteBlocks(file, p.buf[:n], p.at, true); err != nil {
		return fmt.Errorf("write and sync %d bytes in %s at offset %d: %w", n, p.seg.name, p.at, err)
	}
	p.dirty = false
	return nil
}
