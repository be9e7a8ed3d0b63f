package wal

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/fsys/fault"
	"github.com/balsaraft/balsa/wire"
)

// TestEachErrorOfTheDiskIsReported lets each single operation of a log's life fail. The
// error comes out, it is the disk's, and when the disk is well again the log holds all
// that was acknowledged.
func TestEachErrorOfTheDiskIsReported(t *testing.T) {
	for _, op := range []fault.Op{
		fault.Create, fault.Rename, fault.SyncDir, fault.Write, fault.Truncate, fault.Sync, fault.Open, fault.List, fault.Read, fault.Size,
	} {
		t.Run(op.String(), func(t *testing.T) {
			struck := 0
			for n := 0; ; n++ {
				disk := fault.New(uint64(n))
				bad := disk.Inject(fault.Rule{Op: op, After: n, Times: 1})
				acknowledged, err := live(disk)
				bad.Remove()
				if bad.Struck() == 0 {
					must(t, err)
					break
				}
				struck++
				if err != nil && !errors.Is(err, fault.ErrIO) {
					t.Fatalf("%s %d failed, and the log says %v", op, n, err)
				}
				l, err := Open(disk, small)
				if err != nil {
					t.Fatalf("after %s %d failed, the log does not open on a disk that is well: %v", op, n, err)
				}
				if l.Last().Index < acknowledged {
					t.Fatalf("after %s %d failed, the log ends at %s, and %d was acknowledged", op, n, l.Last(), acknowledged)
				}
				must(t, l.Close())
			}
			if struck == 0 && op != fault.Truncate {
				t.Errorf("no %s happened: the test tests nothing", op)
			}
		})
	}
}

// live uses a log in all ways, across segments and a restart, until something fails.
func live(disk *fault.Disk) (acknowledged wire.Index, err error) {
	for life := range 3 {
		l, err := Open(disk, small)
		if err != nil {
			return acknowledged, err
		}
		for n := range 12 {
			err := liveOn(l, life, n)
			if err != nil {
				return acknowledged, errors.Join(err, l.Close())
			}
			acknowledged = l.Last().Index
		}
		if err := l.Close(); err != nil {
			return acknowledged, err
		}
	}
	return acknowledged, nil
}

func liveOn(l *Log, life, n int) error {
	size := 700
	if n%6 == 5 {
		size = 6000 // more than a segment has
	}
	last := l.Last().Index
	l.SaveHardState(HardState{Term: wire.Term(life + 1)})
	l.Append(entry(wire.Term(life+1), last+1, strings.Repeat("x", size)))
	if p := l.Prepare(); p != nil {
		if err := l.Prepared(p, p.Run()); err != nil {
			return err
		}
	}
	f := l.Flush()
	if err := l.Flushed(f, f.Run()); err != nil {
		return err
	}
	v, err := l.View(l.Start().Index+1, l.Last().Index)
	if err != nil {
		return err
	}
	for next := v.next; next <= v.last; {
		batches, err := v.Read(1000)
		if err != nil {
			return errors.Join(err, v.Close())
		}
		next = batches[len(batches)-1].Last() + 1
	}
	if n%5 == 4 {
		l.Compact(wire.Pos{Term: wire.Term(life + 1), Index: l.Last().Index})
	}
	return v.Close()
}

// TestRecordsThatMakeNoSense: each verifies, and was never written by a log.
func TestRecordsThatMakeNoSense(t *testing.T) {
	var pair [smallPayload]byte
	for _, tc := range []struct {
		what    string
		kind    recordKind
		payload []byte
	}{
		{"a vote of one byte", kindHardState, []byte{1}},
		{"a compaction beyond the end", kindCompact, putPos(&pair, wire.Pos{Term: 1, Index: 7})},
		{"a batch that is none", kindBatch, []byte("batch")},
		{"a batch and a byte more", kindBatch, append(entry(1, 1, "a"), 0)},
		{"a batch beyond the end", kindBatch, entry(1, 9, "a")},
	} {
		t.Run(tc.what, func(t *testing.T) {
			payload := append([]byte(nil), tc.payload...)
			buf := appendHeader(nil, header{sequence: 1, member: 7, size: 1 << 20})
			buf, _ = appendRecord(buf, seedOf(7, 1), headerSize, headerSize, 0, tc.kind, payload)
			disk := fsys.NewMemory()
			file, err := disk.Create(segmentName(1))
			must(t, err)
			_, err = file.WriteAt(buf, 0)
			must(t, errors.Join(err, file.Truncate(1<<20), file.Close()))
			if damage := refused(t, disk); damage.Offset != headerSize || !errors.Is(damage, fsys.ErrDamaged) {
				t.Errorf("%v, want the damage at offset %d", damage, headerSize)
			}
		})
	}
}

func TestErrorsSayWhatTheyAreAbout(t *testing.T) {
	version := &VersionError{File: "wal-1.log", Found: 9, Known: 1}
	member := &MemberError{File: "wal-1.log", Found: 1, Want: 2}
	full := failure(fmt.Errorf("write: %w", fsys.ErrNoSpace))
	for _, tc := range []struct {
		err  error
		says string
		is   error
		not  error
	}{
		{version, "use the newer program", fsys.ErrNewerVersion, fsys.ErrDamaged},
		{member, "is of the log of member 1, this is member 2", member, fsys.ErrDamaged},
		{&DamageError{First: 3}, "entries from 3 on", fsys.ErrDamaged, fsys.ErrNewerVersion},
		// A write that failed for want of space leaves the disk unknown, as any other: it
		// must not be taken for the error after which nothing is lost.
		{full, "not tried again", ErrFailed, fsys.ErrNoSpace},
		{failure(full), "not tried again", ErrFailed, fsys.ErrNoSpace},
	} {
		if !strings.Contains(tc.err.Error(), tc.says) || !errors.Is(tc.err, tc.is) || errors.Is(tc.err, tc.not) {
			t.Errorf("%v: want it to say %q, to be %v and not to be %v", tc.err, tc.says, tc.is, tc.not)
		}
	}
}

// TestMisuseStopsAtOnce: what cannot be meant must not get into a log.
func TestMisuseStopsAtOnce(t *testing.T) {
	for what, misuse := range map[string]func(*Log){
		"an entry beyond the end":         func(l *Log) { l.Append(entry(1, 9, "x")) },
		"an entry that was compacted":     func(l *Log) { l.Append(entry(1, 1, "x")) },
		"an entry of an earlier term":     func(l *Log) { l.Append(entry(1, 4, "x")) },
		"a compaction beyond the end":     func(l *Log) { l.Compact(wire.Pos{Term: 2, Index: 9}) },
		"a compaction of another history": func(l *Log) { l.Compact(wire.Pos{Term: 1, Index: 3}) },
		"an end in the middle of a flush": func(l *Log) { l.SaveHardState(HardState{Term: 3}); l.Flush(); _ = l.Close() },
		"the result of an unknown flush":  func(l *Log) { _ = l.Flushed(new(Flush), nil) },
	} {
		t.Run(what, func(t *testing.T) {
			l := open(t, fsys.NewMemory())
			l.Append(entry(1, 1, "a"), entry(1, 2, "b"), entry(2, 3, "c"))
			l.Compact(wire.Pos{Term: 1, Index: 1})
			flush(t, l)
			defer func() {
				if recover() == nil {
					t.Error("it was taken")
				}
			}()
			misuse(l)
		})
	}
}
