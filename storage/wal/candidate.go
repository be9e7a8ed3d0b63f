package wal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/wire"
)

// A candidate is a file with a segment's name, of which no more than the header has
// been looked at.
type candidate struct {
	seg    *segment
	header header
	begun  bool          // the header is this segment's own
	cut    bool          // the file is shorter than it was made
	reason string        // why it is not begun
	member wire.MemberID // that the header names, whether it verifies or not
}

// candidates lists the files with a segment's name, in order, and says whose log it
// is: the member's that was asked for, or if none was, that of the first header.
func candidates(files fsys.FS, names []string, member wire.MemberID) ([]*candidate, wire.MemberID, error) {
	var found []*candidate
	for _, name := range names {
		sequence, ok := parseName(segmentStem, name)
		if !ok {
			continue
		}
		c := &candidate{seg: &segment{sequence: sequence, name: name, version: formatVersion}}
		if err := c.readHeader(files); err != nil {
			return nil, 0, err
		}
		found = append(found, c)
	}
	begun := func(c *candidate) bool { return c.begun }
	if i := slices.IndexFunc(found, begun); member == 0 && len(found) > 0 {
		member = found[max(i, 0)].member
	}
	for _, c := range found {
		if c.begun && c.header.member != member {
			return nil, 0, &MemberError{File: c.seg.name, Found: c.header.member, Want: member}
		}
		c.seg.seed = seedOf(member, c.seg.sequence)
	}
	return found, member, nil
}

func (c *candidate) readHeader(files fsys.FS) error {
	return c.read(files, func(reader *recordReader) (err error) {
		if c.seg.size, err = reader.file.(fsys.File).Size(); err != nil {
			return fmt.Errorf("size of %s: %w", c.seg.name, err)
		}
		var b [headerSize]byte
		if _, err := reader.file.ReadAt(b[:], 0); err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read the header of %s: %w", c.seg.name, err)
		}
		return c.judge(b[:])
	})
}

// judge decides by the header what the file is. A file that was used before holds an
// old header until it is begun.
func (c *candidate) judge(b []byte) error {
	h, version, ok := parseHeader(b)
	c.member = wire.MemberID(binary.LittleEndian.Uint64(b[24:]))
	switch {
	case ok && version > formatVersion:
		return &VersionError{File: c.seg.name, Found: version, Known: formatVersion}
	case !ok && c.seg.size < blockBytes:
		c.cut, c.reason = true, fmt.Sprintf("it is cut off after %d bytes", c.seg.size)
	case !ok:
		c.reason = "its header does not verify"
	case h.sequence != c.seg.sequence:
		c.reason = fmt.Sprintf("its header is that of %s", segmentName(h.sequence))
	case h.size > c.seg.size:
		c.cut, c.reason = true, fmt.Sprintf("it is cut off after %d bytes of %d", c.seg.size, h.size)
	case !h.state.possible():
		return &DamageError{File: c.seg.name, First: 1, Reason: "its header verifies, and makes no sense"}
	default:
		c.header, c.begun, c.seg.size, c.seg.version = h, true, h.size, version
	}
	return nil
}

// read hands a reader of the segment's records to a function.
func (c *candidate) read(files fsys.FS, do func(*recordReader) error) error {
	file, err := c.seg.handle.acquire(files, c.seg.name)
	if err != nil {
		return fmt.Errorf("open %s: %w", c.seg.name, err)
	}
	err = do(&recordReader{file: file, seed: c.seg.seed, size: c.seg.size, chunk: 1 << 20, reuse: true})
	return errors.Join(err, c.seg.handle.release())
}
