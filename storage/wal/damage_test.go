package wal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/fsys/fault"
	"github.com/balsaraft/balsa/wire"
)

var small = Options{SegmentBytes: 4096, Member: 7}

// sample is a log that was written in several flushes and closed, and what it says.
type sample struct {
	*fault.Disk
	want  model
	last  []model // what it may open as if its last flush was torn
	tail  tail    // where it ended
	flush int64   // where its last flush began
}

// newSample has n flushes of two batches of two entries of 100 bytes, and a term and
// vote with the first of them.
func newSample(t testing.TB, n int) *sample {
	disk := fault.New(1)
	u := newUser(disk, 1)
	u.options = small
	must(t, u.open())
	u.staged.hard = HardState{Term: 1, Vote: 7}
	u.log.SaveHardState(u.staged.hard)
	s := &sample{Disk: disk}
	for range n {
		for range 2 {
			b := makeBatch(wire.Pos{Term: 1, Index: u.staged.last().Index + 1}, 2, func() []byte { return bytes.Repeat([]byte{byte(u.staged.last().Index)}, 100) })
			u.log.Append(b)
			u.staged.append(b)
		}
		f := u.log.Flush()
		s.last = u.allowed[0].through(f)
		s.flush = u.log.writer.tail.offset
		before := u.log.writer.tail.seg
		must(t, u.log.Flushed(f, f.Run()))
		if u.log.writer.tail.seg != before {
			s.flush = 0
		}
		u.allowed = []model{u.staged.clone()}
	}
	s.want, s.tail = u.staged, u.log.writer.tail
	must(t, u.log.Close())
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func contents(t testing.TB, files fsys.FS) map[string]string {
	t.Helper()
	names, err := files.List()
	must(t, err)
	all := map[string]string{}
	for _, name := range names {
		f, err := files.Open(name)
		must(t, err)
		size, err := f.Size()
		must(t, err)
		b, err := io.ReadAll(io.NewSectionReader(f, 0, size))
		must(t, errors.Join(err, f.Close()))
		all[name] = string(b)
	}
	return all
}

// refused opens a log that is damaged, and says how; nothing may be changed by it.
func refused(t testing.TB, files fsys.FS) *DamageError {
	t.Helper()
	before := contents(t, files)
	l, err := Open(files, small)
	var damage *DamageError
	if !errors.As(err, &damage) {
		if err == nil {
			t.Fatalf("a damaged log was opened: it ends at %s, %v", l.Last(), l.HardState())
		}
		t.Fatalf("a damaged log returned %v, want a DamageError", err)
	}
	if !maps.Equal(before, contents(t, files)) {
		t.Fatalf("the directory was changed, in spite of: %v", err)
	}
	return damage
}

// opens opens a log that is not damaged, and compares it with what it may be.
func opens(t testing.TB, files fsys.FS, allowed ...model) {
	t.Helper()
	u := newUser(files, 1)
	u.options, u.allowed = small, allowed
	must(t, u.open())
	must(t, u.log.Close())
}

// TestEveryFlippedBitIsFound is scenario rot-in-the-middle and rot-in-metadata: each
// byte of a log is changed, apart from the others. A byte of a record or a header
// before the last flush must make Open name the file, the place and the entries. One
// of the last flush may look like a crash in the midst of it: then all before it is
// there. One behind the end of a segment must not matter.
func TestEveryFlippedBitIsFound(t *testing.T) {
	s := newSample(t, 15)
	names := slices.Sorted(maps.Keys(contents(t, s)))
	if len(names) < 3 {
		t.Fatalf("the log has %d segments, the test wants three", len(names))
	}
	found := 0
	for _, name := range names {
		end := int64(4096)
		if name == s.tail.seg.name {
			end = s.tail.offset + 200
		}
		for at := range end {
			if testing.Short() && at%7 != 0 {
				continue
			}
			disk := s.Image(uint64(at))
			must(t, disk.FlipBit(name, at*8+at%8))
			if name == s.tail.seg.name && at >= s.flush {
				opens(t, disk, s.last...)
				continue
			}
			before := contents(t, disk)
			l, err := Open(disk, small)
			if err == nil {
				must(t, l.Close())
				if !isPadding(before[name], at) {
					t.Fatalf("%s: the byte at %d was changed, and the log was opened", name, at)
				}
				opens(t, disk, s.want)
				continue
			}
			found++
			checkDamage(t, err, name, at, s.want)
			if !maps.Equal(before, contents(t, disk)) {
				t.Fatalf("%s: the byte at %d was changed, and Open changed more", name, at)
			}
		}
	}
	if found < 7000 && !testing.Short() {
		t.Errorf("%d changes were found", found)
	}
}

// isPadding says whether nothing of a segment follows a place.
func isPadding(content string, at int64) bool {
	return strings.Trim(content[at+1:], "\x00") == ""
}

func checkDamage(t *testing.T, err error, name string, at int64, want model) {
	t.Helper()
	var damage *DamageError
	if !errors.As(err, &damage) {
		t.Fatalf("%s: the byte at %d was changed: %v", name, at, err)
	}
	if damage.File != name || damage.Offset > at || at-damage.Offset > 300 {
		t.Fatalf("%s: the byte at %d was changed, and the damage is said to be at %d of %s", name, at, damage.Offset, damage.File)
	}
	if damage.First == 0 || damage.First > want.last().Index+1 || damage.Last != 0 && damage.Last < damage.First {
		t.Fatalf("%s: the byte at %d was changed, and entries %d to %d are said to be lost", name, at, damage.First, damage.Last)
	}
}

// TestRotInTheMiddle: a durable record whose sector reads as zeros is never the end of
// the log. The entries between what is before it and what is after it are named.
func TestRotInTheMiddle(t *testing.T) {
	s := newSample(t, 3)
	must(t, s.ZeroSector(segmentName(1), 1)) // it has the end of entries 3 and 4, and the beginning of 7 and 8
	damage := refused(t, s)
	if damage.File != segmentName(1) || damage.Offset >= 1024 || damage.First != 3 || damage.Last != 8 {
		t.Errorf("the damage is said to be %+v", *damage)
	}
}

// TestRotInMetadata: a damaged term and vote are never read as zero, nor as older ones.
func TestRotInMetadata(t *testing.T) {
	disk := fault.New(1)
	l, err := Open(disk, small)
	must(t, err)
	for term := range wire.Term(5) {
		l.SaveHardState(HardState{Term: term + 1, Vote: 7})
		f := l.Flush()
		must(t, l.Flushed(f, f.Run()))
	}
	at := l.writer.tail.offset
	must(t, l.Close())
	for offset := int64(0); offset < at-smallSize; offset++ {
		damaged := disk.Image(1)
		must(t, damaged.FlipBit(segmentName(1), offset*8))
		refused(t, damaged)
	}
}

// TestMisplacedWrite: a write that lands elsewhere, or nowhere, is found once another
// was acknowledged after it, or made good by it: the next flush writes the last block again.
func TestMisplacedWrite(t *testing.T) {
	found, madeGood := 0, 0
	for _, rule := range []fault.Rule{
		{Op: fault.Write, File: "wal-*", Times: 1, Effect: fault.Lose},
		{Op: fault.Write, File: "wal-*", Times: 1, Effect: fault.Misplace, Shift: 1024},
		{Op: fault.Write, File: "wal-*", Times: 1, Effect: fault.Misplace, Shift: -512},
		{Op: fault.Write, File: "wal-*", Times: 1, Effect: fault.Misplace, Shift: 8},
		{Op: fault.Write, File: "wal-*", Times: 1, Effect: fault.Corrupt},
	} {
		for lost := range 20 {
			s := newSample(t, 1)
			rule.After = lost
			struck, atStart := s.Inject(rule), false
			s.Watch(func(o fault.Operation) {
				if o.Op == fault.Write && struck.Struck() == 0 {
					atStart = o.Offset == 0
				}
			})
			u := newUser(s, 1)
			u.options, u.allowed = small, []model{s.want}
			if lost == 0 {
				continue // that is what Open writes again, as it was
			}
			must(t, u.open())
			want := s.want.clone()
			for range 22 {
				b := makeBatch(wire.Pos{Term: 1, Index: u.log.Last().Index + 1}, 1, func() []byte { return make([]byte, 300) })
				u.log.Append(b)
				want.append(b)
				f := u.log.Flush()
				must(t, u.log.Flushed(f, f.Run()))
			}
			must(t, u.log.Close())
			s.Crash()
			if rule.Shift < 0 && atStart {
				continue // it landed where it should
			}
			if whole(s.Disk, want) {
				madeGood++
				continue
			}
			refused(t, s)
			found++
		}
	}
	if found == 0 || madeGood == 0 {
		t.Errorf("%d were found, %d made good: this test has lost its subject", found, madeGood)
	}
}

// whole says whether a log opens and is what it should be.
func whole(disk *fault.Disk, want model) bool {
	u := newUser(disk.Image(1), 1)
	u.options, u.allowed = small, []model{want}
	return u.open() == nil && u.log.Close() == nil
}

// TestMissingSegment: a file that is gone is damage, wherever it was needed.
func TestMissingSegment(t *testing.T) {
	s := newSample(t, 25)
	names := slices.Sorted(maps.Keys(contents(t, s)))
	for i, name := range names[:len(names)-1] {
		disk := s.Image(1)
		must(t, disk.Remove(name))
		damage := refused(t, disk)
		if damage.File != name {
			t.Errorf("%s is missing, and the damage is said to be in %s", name, damage.File)
		}
		if i == 0 && damage.First != 1 || damage.Last < damage.First || damage.Last >= s.want.last().Index {
			t.Errorf("%s is missing, and entries %d to %d are said to be lost", name, damage.First, damage.Last)
		}
	}
	disk := s.Image(1)
	must(t, disk.Remove(names[len(names)-1]))
	if damage := refused(t, disk); damage.File != names[len(names)-1] || damage.Last != 0 {
		t.Errorf("the last segment is missing, and the damage is said to be %+v", *damage)
	}
}

// TestSegmentCutShort: a file that lost its end is damage, and not the end of the log.
func TestSegmentCutShort(t *testing.T) {
	s := newSample(t, 15)
	for name := range contents(t, s) {
		for _, size := range []int64{0, 90, 2048, 4095} {
			disk := s.Image(1)
			f, err := disk.Open(name)
			must(t, err)
			must(t, errors.Join(f.Truncate(size), f.Sync(), f.Close()))
			if damage := refused(t, disk); damage.File != name {
				t.Errorf("%s was cut to %d bytes, and the damage is said to be in %s", name, size, damage.File)
			}
		}
	}
}

// TestSegmentsOfAnotherTime: segments that were swapped, or taken from another log of
// the same member, do not become part of this one.
func TestSegmentsOfAnotherTime(t *testing.T) {
	s := newSample(t, 15)
	must(t, s.Rename(segmentName(1), "x"))
	must(t, s.Rename(segmentName(2), segmentName(1)))
	must(t, s.Rename("x", segmentName(2)))
	refused(t, s)

	s = newSample(t, 15)
	other := fault.New(2)
	u := newUser(other, 2)
	u.options = small
	must(t, u.open())
	for range 20 {
		u.append()
		must(t, u.flush(0))
	}
	must(t, u.log.Close())
	copyFile(t, other, s, segmentName(1))
	if damage := refused(t, s); damage.File != segmentName(2) || damage.Offset != 0 {
		t.Errorf("the first segment is another log's, and the damage is said to be %+v", *damage)
	}
}

func copyFile(t *testing.T, from, to fsys.FS, name string) {
	t.Helper()
	f, err := to.Create(name)
	must(t, err)
	_, err = f.WriteAt([]byte(contents(t, from)[name]), 0)
	must(t, errors.Join(err, f.Sync(), f.Close()))
}

// TestDamageToWhatIsNotNeeded: a segment that was compacted and that a crash brought
// back may be damaged, or missing between others that came back.
func TestDamageToWhatIsNotNeeded(t *testing.T) {
	s := newSample(t, 25)
	u := newUser(s, 1)
	u.options, u.allowed = small, []model{s.want}
	must(t, u.open())
	v, err := u.log.View(1, 1)
	must(t, err)
	at := s.want.entries[len(s.want.entries)-3].pos
	u.log.Compact(at)
	u.staged.compact(at)
	must(t, u.flush(0))
	must(t, errors.Join(v.Close(), u.log.Close()))
	if n := len(contents(t, s)); n < 4 {
		t.Fatalf("%d segments are there, though a view held the first", n)
	}
	for at := range int64(2 * 4096) {
		disk := s.Image(uint64(at))
		must(t, disk.FlipBit(segmentName(1+uint64(at)/4096), at%4096*8))
		opens(t, disk, u.staged)
	}
	must(t, s.Remove(segmentName(2)))
	opens(t, s, u.staged)
	if names := contents(t, s); names[segmentName(1)] != "" {
		t.Errorf("a segment that nobody needs was not freed")
	}
}

// setVersion makes a segment one of another version of the format.
func setVersion(t *testing.T, files fsys.FS, name string, version uint32) {
	t.Helper()
	f, err := files.Open(name)
	must(t, err)
	b := make([]byte, headerSize)
	_, err = f.ReadAt(b, 0)
	must(t, err)
	binary.LittleEndian.PutUint32(b[8:], version)
	binary.LittleEndian.PutUint32(b[12:], headerChecksum(b))
	_, err = f.WriteAt(b, 0)
	must(t, errors.Join(err, f.Sync(), f.Close()))
}

// TestNewerFormat: what a newer program wrote is left alone, with the reason.
func TestNewerFormat(t *testing.T) {
	s := newSample(t, 1)
	setVersion(t, s, segmentName(1), formatVersion+1)
	before := contents(t, s)
	var version *VersionError
	if _, err := Open(s, small); !errors.As(err, &version) || version.Found != formatVersion+1 || version.File != segmentName(1) {
		t.Errorf("Open returned %v", err)
	}
	if !maps.Equal(before, contents(t, s)) {
		t.Error("the directory was changed")
	}
}

// TestAnotherMembersLog: a directory that was mixed up is not used.
func TestAnotherMembersLog(t *testing.T) {
	s := newSample(t, 1)
	before := contents(t, s)
	var member *MemberError
	if _, err := Open(s, Options{SegmentBytes: 4096, Member: 8}); !errors.As(err, &member) || member.Found != 7 || member.Want != 8 {
		t.Errorf("Open returned %v", err)
	}
	if !maps.Equal(before, contents(t, s)) {
		t.Error("the directory was changed")
	}
	l, err := Open(s, Options{SegmentBytes: 4096})
	must(t, err)
	if l.Last() != s.want.last() {
		t.Errorf("opened for any member, the log ends at %s, want %s", l.Last(), s.want.last())
	}
	must(t, l.Close())
}

// TestDamageThatIsReadLater: what rots after Open is found when it is read.
func TestDamageThatIsReadLater(t *testing.T) {
	s := newSample(t, 15)
	l, err := Open(s, small)
	must(t, err)
	must(t, s.FlipBit(segmentName(2), 2000*8))
	v, err := l.View(1, l.Last().Index)
	must(t, err)
	var last wire.Index
	for {
		batches, err := v.Read(1000)
		var damage *DamageError
		if errors.As(err, &damage) {
			if damage.File != segmentName(2) || damage.Offset > 2000 || damage.First != last+1 || damage.Last < damage.First {
				t.Errorf("entries up to %d were read, then: %v", last, err)
			}
			break
		}
		must(t, err)
		if len(batches) == 0 {
			t.Fatal("a damaged record was passed over")
		}
		last = batches[len(batches)-1].Last()
	}
	must(t, errors.Join(v.Close(), l.Close()))
}

// TestAReadErrorChangesNothing: a disk that cannot be read now may be readable later.
func TestAReadErrorChangesNothing(t *testing.T) {
	s := newSample(t, 15)
	before := contents(t, s)
	for n := 0; ; n++ {
		disk := s.Image(1)
		rule := disk.Inject(fault.Rule{Op: fault.Read, After: n, Times: 1})
		l, err := Open(disk, small)
		rule.Remove()
		if err == nil {
			must(t, l.Close())
			break
		}
		if !errors.Is(err, fault.ErrIO) || !maps.Equal(before, contents(t, disk)) {
			t.Fatalf("read %d failed, and Open changed the directory or returned %v", n, err)
		}
	}
}

func ExampleDamageError() {
	fmt.Println(&DamageError{File: segmentName(3), Offset: 4096, First: 17, Last: 20, Reason: unverified})
	// Output: log damaged: wal-0000000000000003.log at offset 4096: no record verifies there, though later ones do; entries 17 to 20 are lost or in doubt. This member must not vote with what is left. Keep its files, and start it with an empty directory: it copies the log from its peers
}
