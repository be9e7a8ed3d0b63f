package wal

import (
	"fmt"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/wire"
)

// Finding is something that stands in a log's files: a record, or a place where none
// verifies and one follows. Which of the last fields counts depends on Kind.
type Finding struct {
	File   string
	Offset int64
	Kind   string // segment, hard-state, batch, compact, reset, seal, gap, unreadable
	Size   int64  // bytes that it takes

	Hard   HardState
	Pos    wire.Pos   // of compact and reset; of a segment, the last entry before it
	Batch  wire.Batch // shares memory that is used again for the next finding
	Reason string     // of gap and unreadable
}

var kindNames = map[recordKind]string{
	kindHardState: "hard-state", kindBatch: "batch", kindCompact: "compact", kindReset: "reset", kindSeal: "seal",
}

// Inspect yields what stands in the segments, in order, damage or not, until yield returns
// false. It changes nothing. A record that verifies stood there once: one that a later
// record replaces is yielded, too, and one after the log's end is what a torn flush has
// left. Errors: MemberError, VersionError, or the file system's.
func Inspect(files fsys.FS, yield func(Finding) bool) error {
	names, err := files.List()
	if err != nil {
		return fmt.Errorf("list the directory: %w", err)
	}
	found, _, err := candidates(files, names, 0)
	if err != nil {
		return err
	}
	for _, c := range found {
		more, err := c.inspect(files, yield)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

func (c *candidate) inspect(files fsys.FS, yield func(Finding) bool) (more bool, err error) {
	if !c.begun {
		return yield(Finding{File: c.seg.name, Kind: "unreadable", Size: c.seg.size, Reason: c.reason}), nil
	}
	if !yield(Finding{File: c.seg.name, Kind: "segment", Size: c.seg.size, Pos: c.header.state.last, Hard: c.header.state.hard}) {
		return false, nil
	}
	more = true
	err = c.read(files, func(reader *recordReader) error {
		gap := int64(0) // where records stopped to verify; 0 while they do
		for at := int64(headerSize); more && at+recordHeaderSize <= reader.size; {
			rec, ok, err := reader.record(at)
			switch {
			case err != nil:
				return fmt.Errorf("read %s at offset %d: %w", c.seg.name, at, err)
			case !ok && gap == 0:
				gap, at = at, at+recordAlign
				continue
			case !ok:
				at += recordAlign
				continue
			case gap != 0:
				more = yield(Finding{File: c.seg.name, Offset: gap, Kind: "gap", Size: at - gap, Reason: "no record verifies there, and one does after it"})
				gap = 0
			}
			more = more && yield(c.finding(at, rec))
			at += rec.size
		}
		return nil
	})
	return more, err
}

func (c *candidate) finding(at int64, rec record) Finding {
	f := Finding{File: c.seg.name, Offset: at, Kind: kindNames[rec.kind], Size: rec.size}
	switch {
	case rec.kind == kindBatch:
		b, rest, err := wire.ParseBatch(rec.payload)
		if err != nil || len(rest) > 0 {
			f.Kind, f.Reason = "unreadable", fmt.Sprintf("the batch verifies, and makes no sense: %v", err)
			break
		}
		f.Batch = b
	case len(rec.payload) == smallPayload:
		x, y := pairOf(rec.payload)
		f.Hard, f.Pos = unpackHardState(x, y), wire.Pos{Term: wire.Term(x), Index: wire.Index(y)}
	}
	return f
}

// Summary is what a log's files add up to.
type Summary struct {
	Member   wire.MemberID
	Segments int
	Hard     HardState
	Start    wire.Pos // before the first entry held
	Last     wire.Pos
	Torn     int64 // bytes that a torn flush has left, which Open clears
}

// Verify reads a log as Open does, and changes nothing. Errors are those of Open:
// *DamageError among them.
func Verify(files fsys.FS) (Summary, error) {
	names, err := files.List()
	if err != nil {
		return Summary{}, fmt.Errorf("list the directory: %w", err)
	}
	found, member, err := candidates(files, names, 0)
	if err != nil {
		return Summary{}, err
	}
	r := &recovery{files: files, member: member}
	err = r.run(found)
	s := Summary{Member: member, Segments: len(found), Hard: r.state.hard, Start: r.state.start, Last: r.state.last}
	for _, t := range r.torn {
		s.Torn += t.to - t.from
	}
	return s, err
}
