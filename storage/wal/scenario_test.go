package wal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"sync"
	"testing"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/fsys/fault"
	"github.com/balsaraft/balsa/wire"
)

func open(t testing.TB, files fsys.FS) *Log {
	t.Helper()
	l, err := Open(files, small)
	must(t, err)
	return l
}

func flush(t testing.TB, l *Log) {
	t.Helper()
	f := l.Flush()
	if f == nil {
		t.Fatal("nothing is staged")
	}
	must(t, l.Flushed(f, f.Run()))
}

// entry is a batch of one entry, whose payload is a text.
func entry(term wire.Term, index wire.Index, text string) wire.Batch {
	return makeBatch(wire.Pos{Term: term, Index: index}, 1, func() []byte { return []byte(text) })
}

// texts are the payloads from first on, read from disk.
func texts(t testing.TB, l *Log, first wire.Index) (all []string) {
	t.Helper()
	v, err := l.View(first, l.Last().Index)
	must(t, err)
	batches, err := v.Read(1 << 30)
	must(t, errors.Join(err, v.Close()))
	for _, b := range batches {
		for _, e := range b.Entries() {
			all = append(all, string(e.Payload))
		}
	}
	return all
}

func wantTexts(t testing.TB, l *Log, want ...string) {
	t.Helper()
	if got := texts(t, l, l.Start().Index+1); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the log reads %q, want %q", got, want)
	}
}

// TestReplayResurrects: entries that were replaced do not come back with a restart,
// whether the log became shorter or longer by it.
func TestReplayResurrects(t *testing.T) {
	disk := fault.New(1)
	l := open(t, disk)
	l.Append(entry(1, 1, "a"), entry(1, 2, "b"), entry(1, 3, "c"), entry(1, 4, "d"))
	flush(t, l)
	l.Append(entry(2, 2, "B"))
	flush(t, l)
	must(t, l.Close())

	l = open(t, disk)
	wantTexts(t, l, "a", "B")
	l.Append(entry(2, 3, "C"))
	l.Append(entry(3, 3, "CC"), entry(3, 4, "DD"))
	flush(t, l)
	l.Reset(wire.Pos{Term: 3, Index: 9})
	flush(t, l)
	must(t, l.Close())

	l = open(t, disk)
	wantTexts(t, l)
	if want := (wire.Pos{Term: 3, Index: 9}); l.Start() != want || l.Last() != want {
		t.Errorf("after a reset the log goes from %s to %s, want %s", l.Start(), l.Last(), want)
	}
	l.Append(entry(4, 10, "j"))
	flush(t, l)
	must(t, l.Close())
	wantTexts(t, open(t, disk), "j")
}

// Logs of before promises were written do not say that there was none, and a segment of theirs
// goes on as a program of before can read it. The next one is of the present format.
func TestALogOfBeforePromisesMayHoldOne(t *testing.T) {
	disk := fault.New(1)
	l := open(t, disk)
	l.SaveHardState(HardState{Term: 2, Vote: 3, Promised: true}) // which stands there as it did before
	l.Append(entry(2, 1, "a"))
	flush(t, l)
	must(t, l.Close())
	setVersion(t, disk, segmentName(1), 1)

	l = open(t, disk)
	if got, want := l.HardState(), (HardState{Term: 2, Vote: 3, Promised: true}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	l.SaveHardState(HardState{Term: 4})
	flush(t, l)
	must(t, l.Close())
	l = open(t, disk)
	if got, want := l.HardState(), (HardState{Term: 4, Promised: true}); got != want {
		t.Errorf("in a segment of version 1 %+v, want %+v", got, want)
	}
	for i := wire.Index(2); len(l.segments) < 2; i++ {
		l.Append(entry(4, i, strings.Repeat("x", 500)))
		flush(t, l)
	}
	l.SaveHardState(HardState{Term: 5})
	flush(t, l)
	must(t, l.Close())
	l = open(t, disk)
	if got, want := l.HardState(), (HardState{Term: 5}); got != want {
		t.Errorf("in the next segment %+v, want %+v", got, want)
	}
	must(t, l.Close())
}

// TestTornTail: of a torn flush its front stays, at most. What else the disk kept of it
// does not come back later, when the front is written once more.
func TestTornTail(t *testing.T) {
	disk := fault.New(1)
	l := open(t, disk)
	l.Append(entry(1, 1, "a"))
	flush(t, l)
	at := l.writer.tail.offset
	l.SaveHardState(HardState{Term: 2, Vote: 3})
	l.Append(entry(2, 2, "torn"))
	flush(t, l)
	must(t, l.Close())

	file, err := disk.Open(segmentName(1))
	must(t, err)
	_, err = file.WriteAt(make([]byte, smallSize), at) // the term and vote did not reach the disk
	must(t, errors.Join(err, file.Sync(), file.Close()))

	l = open(t, disk)
	wantTexts(t, l, "a")
	if l.HardState() != (HardState{}) {
		t.Errorf("term and vote are %v, though they were torn", l.HardState())
	}
	l.SaveHardState(HardState{Term: 2, Vote: 3})
	flush(t, l)
	must(t, l.Close())
	wantTexts(t, open(t, disk), "a")
}

// What a torn flush left in blocks of its own is not written over by the zeros that fill up
// the front's last block, and does not come back with the front either. Scenario
// replay-resurrects.
func TestWhatATornFlushLeftBehindItsFrontsBlockDoesNotComeBack(t *testing.T) {
	roomy := small
	roomy.SegmentBytes = 4 * blockBytes
	reopen := func(disk fsys.FS) *Log {
		l, err := Open(disk, roomy)
		must(t, err)
		return l
	}
	disk := fault.New(1)
	l := reopen(disk)
	l.Append(entry(1, 1, "a"))
	flush(t, l)
	at := l.writer.tail.offset
	left := blockBytes - at%blockBytes
	text := ""
	for recordSize(len(entry(1, 2, text))) < left {
		text += "b"
	}
	l.Append(entry(1, 2, text), entry(1, 3, "torn"))
	flush(t, l)
	must(t, l.Close())

	file, err := disk.Open(segmentName(1))
	must(t, err)
	_, err = file.WriteAt(make([]byte, left), at) // the front did not reach the disk
	must(t, errors.Join(err, file.Sync(), file.Close()))

	l = reopen(disk)
	wantTexts(t, l, "a")
	l.Append(entry(1, 2, text))
	flush(t, l)
	if l.writer.tail.offset%blockBytes != 0 {
		t.Fatal("the front does not end with its block, so nothing is proved")
	}
	must(t, l.Close())
	wantTexts(t, reopen(disk), "a", text)
}

// TestARecordOfAnotherHistoryIsNotRead: a record that verifies in its place, and does
// not follow the one before it, is not part of the log.
func TestARecordOfAnotherHistoryIsNotRead(t *testing.T) {
	disk := fault.New(1)
	l := open(t, disk)
	l.Append(entry(1, 1, "a"))
	flush(t, l)
	end := l.writer.tail
	must(t, l.Close())
	b, _ := appendRecord(nil, end.seg.seed, end.offset, end.offset, end.prev+1, kindBatch, entry(1, 2, "b"))
	file, err := disk.Open(segmentName(1))
	must(t, err)
	_, err = file.WriteAt(b, end.offset)
	must(t, errors.Join(err, file.Sync(), file.Close()))
	wantTexts(t, open(t, disk), "a")
}

// TestCacheAfterTruncate: what memory has of a log follows each truncation at once,
// before and after it was flushed.
func TestCacheAfterTruncate(t *testing.T) {
	l := open(t, fsys.NewMemory())
	cached := func(first, last wire.Index, want ...string) {
		t.Helper()
		batches, ok := l.Cached(first, last, 1<<30)
		var got []string
		for _, b := range batches {
			for _, e := range b.Entries() {
				got = append(got, string(e.Payload))
			}
		}
		if ok != (len(want) > 0) || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("cached entries %d to %d are %q, %v; want %q", first, last, got, ok, want)
		}
	}
	n := 0
	l.Append(makeBatch(wire.Pos{Term: 1, Index: 1}, 4, func() []byte { n++; return []byte{byte('a' + n - 1)} }))
	cached(1, 4, "a", "b", "c", "d")
	l.Append(entry(2, 3, "C"))
	cached(1, 9, "a", "b", "C")
	f := l.Flush()
	l.Append(entry(3, 2, "B"))
	cached(1, 9, "a", "B")
	must(t, l.Flushed(f, f.Run()))
	cached(1, 9, "a", "B")
	wantTexts(t, l, "a", "B")
	flush(t, l)
	l.Append(entry(4, 1, "A"))
	cached(1, 9, "A")
	cached(2, 9)
	wantTexts(t, l, "A")
	l.Reset(wire.Pos{})
	cached(1, 9)
	l.Append(entry(5, 1, "x"))
	cached(1, 9, "x")
	flush(t, l)
	l.Compact(wire.Pos{Term: 5, Index: 1})
	cached(1, 9)
}

// TestCachedIsBounded: it returns at least one batch, and no more than was asked for.
func TestCachedIsBounded(t *testing.T) {
	l := open(t, fsys.NewMemory())
	for i := range wire.Index(10) {
		l.Append(entry(1, i+1, "0123456789"))
	}
	size := len(entry(1, 1, "0123456789"))
	for limit, want := range map[int]int{0: 1, size: 1, 3*size + 1: 3, 100 * size: 9} {
		if batches, ok := l.Cached(2, 10, limit); !ok || len(batches) != want || batches[0].First() != 2 {
			t.Errorf("of 9 batches of %d bytes Cached returned %d, %v for %d bytes", size, len(batches), ok, limit)
		}
	}
}

// TestFullDisk: without space for a new segment a flush fails and says so, nothing is
// lost, term and vote are still written, and with space all goes on.
func TestFullDisk(t *testing.T) {
	disk := fault.New(1)
	l := open(t, disk)
	l.Append(entry(1, 1, "first"))
	flush(t, l)
	disk.SetCapacity(disk.Used())

	last := wire.Index(1)
	for full := false; !full; {
		last++
		l.Append(entry(1, last, string(bytes.Repeat([]byte{'x'}, 500))))
		f := l.Flush()
		err := l.Flushed(f, f.Run())
		full = errors.Is(err, fsys.ErrNoSpace)
		if !full {
			must(t, err)
		}
	}
	restarted, err := Open(disk.Image(1), small)
	must(t, err)
	if restarted.Last().Index != last-1 {
		t.Errorf("a restart finds entries up to %d, %d was acknowledged", restarted.Last().Index, last-1)
	}
	for term := range wire.Term(20) {
		restarted.SaveHardState(HardState{Term: term + 2, Vote: 9})
		flush(t, restarted)
	}
	for range 3 {
		f := l.Flush()
		if err := l.Flushed(f, f.Run()); !errors.Is(err, fsys.ErrNoSpace) || errors.Is(err, ErrFailed) {
			t.Fatalf("on a full disk: %v", err)
		}
		last++
		l.Append(entry(1, last, "later"))
	}
	disk.SetCapacity(-1)
	flush(t, l)
	must(t, l.Close())
	if l := open(t, disk); l.Last().Index != last || len(texts(t, l, 1)) != int(last) {
		t.Errorf("the log ends at %s, want entry %d", l.Last(), last)
	}
}

// TestCompactionFreesAFullDisk: a compaction is recorded on a full disk, and the
// segment that it frees takes what waited.
func TestCompactionFreesAFullDisk(t *testing.T) {
	disk := fault.New(1)
	l := open(t, disk)
	for i := range wire.Index(30) {
		l.Append(entry(1, i+1, string(bytes.Repeat([]byte{'x'}, 500))))
		flush(t, l)
	}
	disk.SetCapacity(disk.Used())
	for i := range wire.Index(20) {
		l.Append(entry(1, 31+i, string(bytes.Repeat([]byte{'x'}, 500))))
	}
	f := l.Flush()
	if err := l.Flushed(f, f.Run()); !errors.Is(err, fsys.ErrNoSpace) {
		t.Fatalf("on a full disk: %v", err)
	}
	l.Compact(wire.Pos{Term: 1, Index: 29})
	flush(t, l)
	must(t, l.Close())
	if l := open(t, disk); l.Start().Index != 29 || l.Last().Index != 50 || len(texts(t, l, 30)) != 21 {
		t.Errorf("the log goes from %s to %s", l.Start(), l.Last())
	}
}

// TestASegmentBegunOnAFullDiskIsFreedLater: where the disk has room for term, vote and
// compaction in a new segment, and not for the entries, the segment counts as the log's.
func TestASegmentBegunOnAFullDiskIsFreedLater(t *testing.T) {
	disk := fault.New(1)
	l := open(t, disk)
	big := func(index wire.Index) { l.Append(entry(1, index, string(make([]byte, 3000)))) }
	for i := range wire.Index(3) {
		big(i + 1)
		flush(t, l)
	}
	disk.SetCapacity(disk.Used())
	for full := false; !full; { // with terms and votes, until there is no room for one
		l.SaveHardState(HardState{Term: l.HardState().Term + 1})
		f := l.Flush()
		full = l.Flushed(f, f.Run()) != nil
	}
	disk.SetCapacity(disk.Used() + 4096)
	for i := range wire.Index(4) {
		big(i + 4)
	}
	for _, compact := range []wire.Index{0, 1} {
		if compact > 0 {
			l.Compact(wire.Pos{Term: 1, Index: compact})
		}
		f := l.Flush()
		if err := l.Flushed(f, f.Run()); !errors.Is(err, fsys.ErrNoSpace) {
			t.Fatalf("with room for one segment: %v", err)
		}
	}
	if l.writer.tail.seg.sequence != 4 {
		t.Fatalf("the log ends in %s, this tests nothing", l.writer.tail.seg.name)
	}
	disk.SetCapacity(-1)
	flush(t, l)
	l.Compact(l.Last())
	flush(t, l)
	if names := contents(t, disk); names[segmentName(4)] != "" {
		t.Errorf("a segment that nobody needs is still there")
	}
	wantTexts(t, l)
	must(t, l.Close())
	if l := open(t, disk); l.Last().Index != 7 || l.HardState().Term < 5 {
		t.Errorf("the log ends at %s, %v", l.Last(), l.HardState())
	}
}

// TestSegmentsNamedAheadAreRemoved: of segments that were named and never used, Open
// leaves none, and no crash meanwhile leaves a log that does not open.
func TestSegmentsNamedAheadAreRemoved(t *testing.T) {
	disk := fault.New(1)
	l := open(t, disk)
	disk.SetCapacity(3 * 4096)
	for i := range wire.Index(5) {
		l.Append(entry(1, i+1, string(make([]byte, 3000))))
	}
	f := l.Flush()
	if err := l.Flushed(f, f.Run()); !errors.Is(err, fsys.ErrNoSpace) {
		t.Fatalf("with room for three segments of five: %v", err)
	}
	must(t, l.Close())
	if n := len(contents(t, disk)); n != 3 {
		t.Fatalf("%d segments were named, this tests nothing", n)
	}
	crash := func() {
		for seed := range uint64(20) {
			opens(t, disk.Image(seed), model{})
		}
	}
	disk.Watch(func(fault.Operation) { crash() })
	l = open(t, disk)
	disk.Watch(nil)
	crash()
	if n := len(contents(t, disk)); n != 0 || l.DiskBytes() != 0 {
		t.Errorf("%d files are left, of %d bytes", n, l.DiskBytes())
	}
}

// TestRenameNotDurable: a segment's name is durable before anything is acknowledged
// that stands in it.
func TestRenameNotDurable(t *testing.T) {
	for seed := range uint64(20) {
		disk := fault.New(seed)
		l := open(t, disk)
		for i := range wire.Index(30) {
			l.Append(entry(1, i+1, string(bytes.Repeat([]byte{'x'}, 500))))
			flush(t, l)
			if l, err := Open(disk.Image(seed), small); err != nil || l.Last().Index != i+1 {
				t.Fatalf("a crash after entry %d: %v", i+1, err)
			}
		}
	}
}

// TestCompactionFreesWholeSegments: the disk that a log takes is bounded by what it
// still holds, and freed segments are used again rather than made anew.
func TestCompactionFreesWholeSegments(t *testing.T) {
	disk := fault.New(1)
	l := open(t, disk)
	created := 0
	disk.Watch(func(o fault.Operation) {
		if o.Op == fault.Create {
			created++
		}
	})
	for i := range wire.Index(500) {
		l.Append(entry(1, i+1, string(bytes.Repeat([]byte{'x'}, 500))))
		if i > 20 {
			l.Compact(wire.Pos{Term: 1, Index: i - 10})
		}
		flush(t, l)
		if used := disk.Used(); used != l.DiskBytes() || used > 8*4096 {
			t.Fatalf("after entry %d the log takes %d bytes and says %d", i+1, used, l.DiskBytes())
		}
	}
	if created > 8 {
		t.Errorf("%d files were made", created)
	}
	if _, err := l.View(400, 500); !errors.Is(err, ErrCompacted) {
		t.Errorf("a view of what was compacted: %v", err)
	}
	must(t, l.Close())
	wantLast := l.Last()
	if l := open(t, disk); l.DiskBytes() != disk.Used() || l.Last() != wantLast {
		t.Errorf("after a restart the log takes %d bytes, says %d, and ends at %s", disk.Used(), l.DiskBytes(), l.Last())
	}
}

// TestWhatASnapshotFreesIsUsedAgain: several segments become free at a time, and those
// that come after them are not written twice.
func TestWhatASnapshotFreesIsUsedAgain(t *testing.T) {
	const segments = maxSpares
	disk := fault.New(1)
	l := open(t, disk)
	fill := func() (created int) {
		disk.Watch(func(o fault.Operation) {
			if o.Op == fault.Create {
				created++
			}
		})
		for range segments {
			l.Append(entry(1, l.Last().Index+1, string(make([]byte, 3000))))
			flush(t, l)
		}
		disk.Watch(nil)
		return created
	}
	if created := fill(); created != segments {
		t.Fatalf("%d segments were made, this test needs %d", created, segments)
	}
	for range 3 {
		l.Compact(l.Last())
		l.Append(entry(1, l.Last().Index+1, "after the snapshot"))
		flush(t, l)
		if created := fill(); created > 1 {
			t.Errorf("%d files were made though a snapshot had freed %d segments", created, segments)
		}
	}
	must(t, l.Close())
}

// TestViewsReadOnWhileTheLogGoesOn: views in other goroutines see what was there when
// they were made, whatever the owner does meanwhile.
func TestViewsReadOnWhileTheLogGoesOn(t *testing.T) {
	l, err := Open(fsys.NewMemory(), Options{SegmentBytes: 4096, CacheBytes: 1})
	must(t, err)
	var readers sync.WaitGroup
	for i := range wire.Index(400) {
		l.Append(entry(1+wire.Term(i), i/2+1, fmt.Sprint(i)))
		if i > 30 && i%7 == 0 {
			l.Compact(wire.Pos{Term: 2 * wire.Term(i/2-9), Index: i/2 - 9})
		}
		f := l.Flush()
		v, err := l.View(l.Start().Index+1, l.Last().Index)
		must(t, err)
		want := l.Last().Index - l.Start().Index
		readers.Go(func() {
			defer v.Close()
			for {
				batches, err := v.Read(100)
				if err != nil {
					t.Error(err)
				}
				if len(batches) == 0 {
					break
				}
				want -= batches[len(batches)-1].Last() - batches[0].First() + 1
			}
			if want != 0 {
				t.Errorf("a view misses %d entries", want)
			}
		})
		must(t, l.Flushed(f, f.Run()))
	}
	readers.Wait()
	must(t, l.Close())
}

// TestOneWriteAndOneSyncAFlush: that is what a flush costs, term and vote included, as
// long as it stays in its segment; and preparing ahead makes a new segment cost no more
// than its own write and sync, and the directory's. What is written are whole blocks.
func TestOneWriteAndOneSyncAFlush(t *testing.T) {
	disk := fault.New(1)
	l := open(t, disk)
	l.Append(entry(1, 1, "first"))
	flush(t, l)
	p := l.Prepare()
	if p != nil {
		t.Fatal("a spare is prepared though the segment is empty yet")
	}
	var trace fault.Trace
	disk.Watch(trace.Add)
	l.SaveHardState(HardState{Term: 2})
	for i := range wire.Index(10) {
		l.Append(entry(2, i+2, string(bytes.Repeat([]byte{'x'}, 200))))
	}
	flush(t, l)
	disk.Watch(nil)
	if got, want := trace.String(), "write wal-0000000000000001.log 0+4096\nsync wal-0000000000000001.log\n"; got != want {
		t.Errorf("a flush was\n%s\nwant\n%s", got, want)
	}

	if p = l.Prepare(); p == nil || l.Prepare() != nil {
		t.Fatal("no spare, or two, are prepared though the segment is half full")
	}
	must(t, l.Prepared(p, p.Run()))
	trace = fault.Trace{}
	disk.Watch(trace.Add)
	l.Append(entry(2, 12, string(make([]byte, 1500))))
	flush(t, l)
	disk.Watch(nil)
	want := `rename spare-0000000000000002.log wal-0000000000000002.log
syncdir
write wal-0000000000000001.log 0+4096
sync wal-0000000000000001.log
open wal-0000000000000002.log
write wal-0000000000000002.log 0+4096
sync wal-0000000000000002.log
`
	if got := trace.String(); got != want {
		t.Errorf("a flush into a new segment was\n%s\nwant\n%s", got, want)
	}
}

// TestPreparingOnAFullDisk: it says so, and nothing of it is left.
func TestPreparingOnAFullDisk(t *testing.T) {
	disk := fault.New(1)
	l := open(t, disk)
	disk.SetCapacity(100)
	p := l.Prepare()
	if err := l.Prepared(p, p.Run()); !errors.Is(err, fsys.ErrNoSpace) || disk.Used() > 0 {
		t.Errorf("preparing on a full disk: %v, %d bytes taken", err, disk.Used())
	}
	disk.SetCapacity(-1)
	p = l.Prepare()
	must(t, l.Prepared(p, p.Run()))
	l.Append(entry(1, 1, "a"))
	flush(t, l)
}

// TestSpansTellTheLog: neighbours are one span up to a size, a membership is alone.
func TestSpansTellTheLog(t *testing.T) {
	m, err := wire.NewMembership(wire.Member{ID: 1, Name: "a", Role: wire.Voter})
	must(t, err)
	members := wire.NewBatch(wire.Pos{Term: 1, Index: 3}, 5, 1, wire.AppendEntry(wire.NewBody(0), wire.KindMembership, m.Append(nil)))
	files := fsys.NewMemory()
	l := open(t, files)
	l.Append(entry(1, 1, "a"), entry(1, 2, "b"), members, entry(1, 4, "d"), entry(2, 5, "e"))
	for i := range wire.Index(5) {
		l.Append(entry(2, 6+i, string(make([]byte, 30<<10))))
	}
	flush(t, l)
	must(t, l.Close())
	spans := func(l *Log) (all []string) {
		for s := range l.Spans() {
			text := s.String()
			if s.Membership != nil {
				text += " " + s.Membership.String()
			}
			all = append(all, text)
		}
		return all
	}
	l = open(t, files)
	if got, want := fmt.Sprint(spans(l)), fmt.Sprint([]string{"1/1..2", "1/3 " + m.String(), "1/4", "2/5..7", "2/8..9", "2/10"}); got != want {
		t.Errorf("the spans are %s, want %s", got, want)
	}
	l.Compact(wire.Pos{Term: 1, Index: 1})
	flush(t, l)
	must(t, l.Close())
	if got, want := fmt.Sprint(spans(open(t, files))), fmt.Sprint([]string{"1/2", "1/3 " + m.String(), "1/4", "2/5..7", "2/8..9", "2/10"}); got != want {
		t.Errorf("after a compaction the spans are %s, want %s", got, want)
	}
}

// TestTimeIsKept: the time of the last batch is there after a restart, and after the
// entries themselves are gone.
func TestTimeIsKept(t *testing.T) {
	files := fsys.NewMemory()
	l := open(t, files)
	l.Append(entry(1, 1, "a"), entry(1, 2, "b"))
	l.Compact(wire.Pos{Term: 1, Index: 2})
	flush(t, l)
	must(t, l.Close())
	l = open(t, files)
	if l.LastTime() != 2000 || l.Last() != (wire.Pos{Term: 1, Index: 2}) || l.Start() != l.Last() {
		t.Errorf("the log ends at %s, time %d", l.Last(), l.LastTime())
	}
	l.Reset(wire.Pos{Term: 5, Index: 7})
	if l.LastTime() != 0 {
		t.Errorf("after a reset the time is %d", l.LastTime())
	}
}

// TestSumOffsetIsTheChecksum compares the checksum by hand with the library's.
func TestSumOffsetIsTheChecksum(t *testing.T) {
	for _, offset := range []int64{0, 1, 96, 1 << 20, 0x0123456789abcdef} {
		plain := crc32.Update(seedOf(1, 2), wire.Castagnoli, binary.LittleEndian.AppendUint64(nil, uint64(offset)))
		if got := sumOffset(seedOf(1, 2), offset); got != plain {
			t.Errorf("the checksum of offset %d is %08x, want %08x", offset, got, plain)
		}
	}
}

// TestADiskHoldsLittleBesideTheEntries: as segments are files of a fixed size, of which one
// is being filled and another may be ready, a log of a million entries of 256 bytes each, and
// 16 around them, takes no more than 290 bytes an entry; also where the batches of 2,048
// callers are large. Everything here is an eighth of that.
func TestADiskHoldsLittleBesideTheEntries(t *testing.T) {
	const shrink = 8
	entries := 1_000_000 / shrink
	for _, atOnce := range []int{50, 2048 / shrink} {
		disk := fault.New(1)
		l, err := Open(disk, Options{SegmentBytes: defaultSegmentBytes / shrink, CacheBytes: 1})
		must(t, err)
		for n := 0; n < entries; n += atOnce {
			l.Append(makeBatch(wire.Pos{Term: 1, Index: wire.Index(n + 1)}, atOnce, func() []byte { return make([]byte, 256+13) }))
			flush(t, l)
			if p := l.Prepare(); p != nil {
				must(t, l.Prepared(p, p.Run()))
			}
		}
		if each := disk.Used() / int64(entries); each > 290 {
			t.Errorf("%d entries at once: %d bytes an entry", atOnce, each)
		}
	}
}
