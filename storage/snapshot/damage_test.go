package snapshot

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/fsys/fault"
	"github.com/balsaraft/balsa/wire"
)

var (
	_ io.Reader   = (*Reader)(nil)
	_ io.ReaderAt = (*Source)(nil)
)

const rotState = 3*small + 5

// blockBit is the number of a bit in a block of every snapshot of metaAt.
var blockBit = func() int64 {
	h, _, err := newHeader(metaAt(1), small)
	if err != nil {
		panic(err)
	}
	return 8 * (h.length + blockHeader + 2)
}()

// wantDamage checks that err names the file.
func wantDamage(t *testing.T, what string, err error) {
	t.Helper()
	var damage *DamageError
	if !errors.As(err, &damage) || damage.File == "" {
		t.Errorf("%s: %v, want *DamageError", what, err)
	}
}

// keepFile puts a file's bytes under a name.
func keepFile(t testing.TB, fs fsys.FS, name string, content []byte) {
	t.Helper()
	f, err := fs.Create(name)
	must(t, err)
	_, err = f.WriteAt(content, 0)
	must(t, err)
	must(t, f.Sync())
	must(t, f.Close())
	must(t, fs.SyncDir())
}

// Scenario rot-in-snapshot.
func TestEveryFlippedBitIsFound(t *testing.T) {
	whole := raw(t, metaAt(2), stateAt(2, rotState))
	for bit := range 8 * len(whole) {
		rotten := slices.Clone(whole)
		rotten[bit/8] ^= 1 << (bit % 8)

		// By who opens the store, or else reads: never a wrong byte before it.
		fs := fsys.NewMemory()
		keepFile(t, fs, nameAt(2), rotten)
		s := open(t, fs, 1)
		_, state, err := restore(s, metaAt(2).Pos)
		wantDamage(t, "restoring", err)
		if !bytes.HasPrefix(stateAt(2, rotState), state) {
			t.Fatalf("bit %d: wrong bytes were handed out", bit)
		}
		if len(s.All()) != 0 || len(s.Damaged()) != 1 {
			t.Errorf("bit %d: after the damage was met %v is listed, %v is damaged", bit, s.All(), s.Damaged())
		}
		_, err = s.Open(metaAt(2).Pos)
		wantDamage(t, "opening once more", err)

		// By who sends it.
		s = open(t, fs, 1)
		if source, err := s.Source(metaAt(2).Pos); err == nil {
			_, err = io.ReadAll(io.NewSectionReader(source, 0, source.Size()))
			wantDamage(t, "sending", err)
			must(t, source.Close())
		} else {
			wantDamage(t, "sending", err)
		}

		// By who receives it.
		fs = fsys.NewMemory()
		s = open(t, fs, 1)
		r, err := s.Receive(metaAt(2))
		must(t, err)
		must(t, r.Write(0, rotten))
		wantDamage(t, "receiving", r.Commit())
		r.Discard()
		wantFiles(t, fs)
	}
}

// Scenario rot-in-snapshot: damage is not spread to others.
func TestRotWhileAFileIsOpenIsFound(t *testing.T) {
	whole := raw(t, metaAt(1), stateAt(1, rotState))
	for off := range int64(len(whole)) {
		disk := fault.New(1)
		keepFile(t, disk, nameAt(1), whole)
		source, err := open(t, disk, 1).Source(metaAt(1).Pos)
		must(t, err)
		must(t, disk.FlipBit(nameAt(1), 8*off+3))
		// A piece that does not touch the damage may be sent, one that does may not.
		_, err = source.ReadAt(make([]byte, 1), off)
		wantDamage(t, "sending", err)
	}
}

func TestEveryLengthButTheRightOneIsFound(t *testing.T) {
	whole := raw(t, metaAt(1), stateAt(1, rotState))
	long := append(slices.Clone(whole), whole[len(whole)-trailerSize:]...)
	for size := range len(long) + 1 {
		if size == len(whole) {
			continue
		}
		fs := fsys.NewMemory()
		keepFile(t, fs, nameAt(1), long[:size])
		s := open(t, fs, 1)
		_, err := s.Open(metaAt(1).Pos)
		wantDamage(t, "opening", err)
		r, err := s.Receive(metaAt(1))
		must(t, err)
		must(t, r.Write(0, long[:size]))
		wantDamage(t, "receiving", r.Commit())
		r.Discard()
	}
}

// Scenario misplaced-write, in a snapshot.
func TestABlockInAnothersPlaceIsFound(t *testing.T) {
	mine, other := raw(t, metaAt(1), stateAt(1, rotState)), metaAt(1)
	other.ID++
	theirs := raw(t, other, stateAt(1, rotState)) // the same state, another snapshot
	// Drawn twice by mischance: all that the two have in common is their header.
	twin := raw(t, metaAt(1), stateAt(2, rotState))
	shape := shape{header: blockBit/8 - blockHeader - 2, block: small, state: rotState, size: int64(len(mine))}
	block := func(file []byte, number int64) []byte {
		off, size := shape.slot(number)
		return file[off : off+size]
	}
	for name, swap := range map[string]func(file []byte){
		"two blocks are exchanged": func(file []byte) { copy(block(file, 0), block(mine, 1)); copy(block(file, 1), block(mine, 0)) },
		"a block is there twice":   func(file []byte) { copy(block(file, 1), block(mine, 0)) },
		"a block of the same name": func(file []byte) { copy(block(file, 1), block(twin, 1)) },
		"another's block":          func(file []byte) { copy(block(file, 1), block(theirs, 1)) },
		"another's trailer":        func(file []byte) { copy(block(file, 4), block(theirs, 4)) },
		"another's file":           func(file []byte) { copy(file, theirs) },
	} {
		t.Run(name, func(t *testing.T) {
			file := slices.Clone(mine)
			swap(file)
			fs := fsys.NewMemory()
			keepFile(t, fs, nameAt(1), file)
			_, _, err := restore(open(t, fs, 1), metaAt(1).Pos)
			wantDamage(t, "restoring", err)
		})
	}
}

func TestADamagedNewestLeavesTheOlder(t *testing.T) {
	for name, bit := range map[string]int64{"header": 8 * 30, "block": 8 * 200} {
		t.Run(name, func(t *testing.T) {
			disk := fault.New(1)
			s := open(t, disk, 2)
			for i := range wire.Index(2) {
				must(t, take(s, metaAt(i+1), stateAt(i+1, rotState)))
			}
			must(t, disk.FlipBit(nameAt(2), bit))
			s = open(t, disk, 2)
			_, _, err := restore(s, metaAt(2).Pos)
			wantDamage(t, "restoring the newest", err)
			if latest, _ := s.Latest(); latest.Pos.Index != 1 {
				t.Errorf("the latest is %s, want the one that is whole", latest.Pos)
			}
			wantState(t, s, 1, rotState)

			// The keep rule does not count it: the older goes only for whole ones.
			must(t, take(s, metaAt(3), stateAt(3, rotState)))
			if got := indexes(s); !slices.Equal(got, []wire.Index{1, 3}) {
				t.Errorf("listed %d, want 1 and 3", got)
			}
			must(t, take(s, metaAt(4), stateAt(4, rotState)))
			wantFiles(t, disk, nameAt(3), nameAt(4))
			if damaged := s.Damaged(); len(damaged) != 0 {
				t.Errorf("damage that is gone is still reported: %v", damaged)
			}
		})
	}
}

// The blocks of a snapshot of before the restart were not read yet when the keep rule
// counts it.
func TestTheKeepRuleReadsBeforeItCounts(t *testing.T) {
	disk := fault.New(1)
	s := open(t, disk, 2)
	for i := range wire.Index(2) {
		must(t, take(s, metaAt(i+1), stateAt(i+1, rotState)))
	}
	must(t, disk.FlipBit(nameAt(2), blockBit))
	s = open(t, disk, 2)
	must(t, take(s, metaAt(3), stateAt(3, rotState)))
	if got := indexes(s); !slices.Equal(got, []wire.Index{1, 3}) {
		t.Errorf("listed %d, want 1, because 2 is damaged, and 3", got)
	}
	wantDamage(t, "Damaged", errors.Join(s.Damaged()...))
}

func TestOfTwoAtOnePositionTheWholeOneStays(t *testing.T) {
	first, second := metaAt(1), metaAt(1)
	first.ID, second.ID = 1, 2
	for _, rotten := range []Meta{first, second} {
		disk := fault.New(1)
		for _, meta := range []Meta{first, second} {
			keepFile(t, disk, meta.title().String(), raw(t, meta, stateAt(1, rotState)))
		}
		must(t, disk.FlipBit(rotten.title().String(), blockBit))
		s := open(t, disk, 1)
		if len(s.All()) != 1 {
			t.Errorf("listed %v, want one", s.All())
		}
		meta, state, err := restore(s, first.Pos)
		must(t, err)
		if meta.ID == rotten.ID || !bytes.Equal(state, stateAt(1, rotState)) {
			t.Errorf("with %d damaged, restoring gave %d", rotten.ID, meta.ID)
		}
	}
}

func TestATransferResumesWhereItIsWhole(t *testing.T) {
	whole := raw(t, metaAt(1), stateAt(1, 6*small+5))
	header := blockBit/8 - blockHeader - 2
	slot := int64(blockHeader + small)
	rng := rand.New(rand.NewPCG(1, 2))
	for size := range int64(len(whole)) + 1 {
		damagedAt := rng.Int64N(size + 1)
		disk := fault.New(1)
		part := slices.Clone(whole[:size])
		if damagedAt < size {
			part[damagedAt] ^= 0x40
		}
		keepFile(t, disk, nameAt(1)+partEnding, part)
		r, err := open(t, disk, 1).Receive(metaAt(1))
		must(t, err)
		want := int64(0)
		if good := min(damagedAt, size); good >= header {
			want = header + min((good-header)/slot, 6)*slot
		}
		if r.Offset() != want {
			t.Errorf("%d of %d bytes with damage at %d resume at %d, want %d", size, len(whole), damagedAt, r.Offset(), want)
		}
		must(t, r.Write(want, whole[want:]))
		must(t, r.Commit())
	}
}

func TestAPartThatIsLongerThanTheSnapshotIsCut(t *testing.T) {
	whole := raw(t, metaAt(1), stateAt(1, 99))
	fs := fsys.NewMemory()
	s := open(t, fs, 1)
	keepFile(t, fs, nameAt(1)+partEnding, stateAt(5, 2*len(whole)))
	must(t, arrive(s, metaAt(1), whole, 50))
	wantState(t, s, 1, 99)
}

func TestAnothersPartIsRemoved(t *testing.T) {
	fs := fsys.NewMemory()
	s := open(t, fs, 1)
	keepFile(t, fs, nameAt(8)+partEnding, raw(t, metaAt(8), stateAt(8, 99))[:99])
	r, err := s.Receive(metaAt(9))
	must(t, err)
	wantFiles(t, fs, nameAt(9)+partEnding)
	if _, err := s.Receive(metaAt(9)); err == nil {
		t.Error("one snapshot could be received twice at a time")
	}
	r.Abort()
	must(t, take(s, metaAt(10), stateAt(10, 99)))
	wantFiles(t, fs, nameAt(10)) // with a newer snapshot the part is of no use
}

func TestPiecesMustFollowEachOther(t *testing.T) {
	r, err := open(t, fsys.NewMemory(), 1).Receive(metaAt(1))
	must(t, err)
	must(t, r.Write(0, []byte("abc")))
	for _, off := range []int64{0, 2, 4} {
		if err := r.Write(off, []byte("d")); err == nil {
			t.Errorf("a piece at %d was taken after 3 bytes", off)
		}
	}
	if r.Offset() != 3 {
		t.Errorf("Offset() = %d, want 3", r.Offset())
	}
	r.Discard()
	r.Discard()
	if err := r.Write(3, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("Write after Discard: %v", err)
	}
}

func TestASnapshotOfAnotherClusterIsRefused(t *testing.T) {
	meta := metaAt(1)
	whole := raw(t, meta, stateAt(1, 9))
	meta.Cluster++
	r, err := open(t, fsys.NewMemory(), 1).Receive(meta)
	must(t, err)
	must(t, r.Write(0, whole))
	if err := r.Commit(); err == nil {
		t.Error("a snapshot of another cluster was taken")
	}
	r.Discard()
}

func TestATransferGoesOnAfterAFullDisk(t *testing.T) {
	whole := raw(t, metaAt(2), stateAt(2, 400))
	disk := fault.New(1)
	s := open(t, disk, 1)
	must(t, take(s, metaAt(1), stateAt(1, 400)))
	disk.SetCapacity(disk.Used() + int64(len(whole))/2)
	if err := arrive(s, metaAt(2), whole, 50); !errors.Is(err, fsys.ErrNoSpace) {
		t.Fatalf("on a full disk: %v, want ErrNoSpace", err)
	}
	wantState(t, s, 1, 400)
	disk.SetCapacity(-1)
	r, err := s.Receive(metaAt(2))
	must(t, err)
	if r.Offset() < int64(len(whole))/3 {
		t.Errorf("it resumes at %d of %d, though half had come", r.Offset(), len(whole))
	}
	must(t, r.Write(r.Offset(), whole[r.Offset():]))
	must(t, r.Commit())
	wantState(t, s, 2, 400)
	wantFiles(t, disk, nameAt(2))
}
