package snapshot

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/fsys/fault"
	"github.com/balsaraft/balsa/wire"
)

// small are blocks that make a file of many out of little.
const small = 16

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, fs fsys.FS, keep int) *Store {
	t.Helper()
	s, err := Open(fs, keep)
	must(t, err)
	s.block = small
	return s
}

// metaAt is a snapshot's at an index.
func metaAt(index wire.Index) Meta {
	members, err := wire.NewMembership(
		wire.Member{ID: 1, Name: "a", Addr: "a:1", Role: wire.Voter},
		wire.Member{ID: 2, Name: "b", Addr: "b:1", Role: wire.Learner})
	if err != nil {
		panic(err)
	}
	return Meta{Pos: wire.Pos{Term: 3, Index: index}, Time: 1e18, Membership: members, ID: 0x1d00 + uint64(index), Cluster: 0xc1}
}

// stateAt is the state at an index: size bytes that no other index has.
func stateAt(index wire.Index, size int) []byte {
	rng := rand.New(rand.NewPCG(uint64(index), 5))
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

func take(s *Store, meta Meta, state []byte) error {
	w, err := s.Create(meta)
	if err != nil {
		return err
	}
	if _, err := w.Write(state); err != nil {
		w.Abort()
		return err
	}
	return w.Commit()
}

func restore(s *Store, pos wire.Pos) (Meta, []byte, error) {
	r, err := s.Open(pos)
	if err != nil {
		return Meta{}, nil, err
	}
	defer r.Close()
	state, err := io.ReadAll(r)
	return r.Meta(), state, err
}

// raw is the file of a snapshot, as it is sent.
func raw(t testing.TB, meta Meta, state []byte) []byte {
	t.Helper()
	s := open(t, fsys.NewMemory(), 1)
	must(t, take(s, meta, state))
	source, err := s.Source(meta.Pos)
	must(t, err)
	defer source.Close()
	b, err := io.ReadAll(io.NewSectionReader(source, 0, source.Size()))
	must(t, err)
	return b
}

func indexes(s *Store) (all []wire.Index) {
	for _, meta := range s.All() {
		all = append(all, meta.Pos.Index)
	}
	return all
}

func sameMeta(a, b Meta) bool {
	return a.Pos == b.Pos && a.Time == b.Time && a.ID == b.ID && a.Cluster == b.Cluster && a.Membership.Equal(b.Membership)
}

func wantState(t testing.TB, s *Store, index wire.Index, size int) {
	t.Helper()
	meta, state, err := restore(s, metaAt(index).Pos)
	must(t, err)
	if !sameMeta(meta, metaAt(index)) {
		t.Errorf("snapshot %d is of %+v", index, meta)
	}
	if !bytes.Equal(state, stateAt(index, size)) {
		t.Errorf("snapshot %d holds other bytes than were written", index)
	}
}

func wantFiles(t *testing.T, fs fsys.FS, want ...string) {
	t.Helper()
	got, err := fs.List()
	must(t, err)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("files %q, want %q", got, want)
	}
}

func nameAt(index wire.Index) string { return metaAt(index).title().String() }

func TestWhatIsWrittenIsRead(t *testing.T) {
	for _, size := range []int{0, 1, small - 1, small, small + 1, 5 * small, 5*small + 3} {
		fs := fsys.NewMemory()
		s := open(t, fs, 2)
		w, err := s.Create(metaAt(7))
		must(t, err)
		for piece := range slices.Chunk(stateAt(7, size), 7) {
			_, err := w.Write(piece)
			must(t, err)
		}
		if _, ok := s.Latest(); ok {
			t.Error("a snapshot is listed before its Commit")
		}
		must(t, w.Commit())
		wantState(t, s, 7, size)
		wantState(t, open(t, fs, 2), 7, size)
		r, err := s.Open(metaAt(7).Pos)
		must(t, err)
		if r.Size() != int64(size) {
			t.Errorf("Size() = %d, want %d", r.Size(), size)
		}
		must(t, r.Close())
	}
}

func TestAMemberWithoutMembershipOrCluster(t *testing.T) {
	s := open(t, fsys.NewMemory(), 1)
	meta := Meta{Pos: wire.Pos{Term: 1, Index: 1}}
	must(t, take(s, meta, nil))
	if got, ok := s.Latest(); !ok || !sameMeta(got, meta) {
		t.Errorf("Latest() = %+v, %v", got, ok)
	}
}

func TestTheKeepRuleKeepsTheNewest(t *testing.T) {
	fs := fsys.NewMemory()
	s := open(t, fs, 2)
	for i := range wire.Index(4) {
		must(t, take(s, metaAt(10*i+10), stateAt(10*i+10, 40)))
	}
	if got := indexes(s); !slices.Equal(got, []wire.Index{30, 40}) {
		t.Errorf("kept %d, want 30 and 40", got)
	}
	wantFiles(t, fs, nameAt(30), nameAt(40))
	if _, err := s.Open(metaAt(20).Pos); !errors.Is(err, ErrNotFound) {
		t.Errorf("opening one that was removed: %v, want ErrNotFound", err)
	}
	wantState(t, s, 30, 40)
}

func TestASnapshotThatIsReadStaysUntilItsReaderIsDone(t *testing.T) {
	fs := fsys.NewMemory()
	s := open(t, fs, 1)
	must(t, take(s, metaAt(1), stateAt(1, 40)))
	r, err := s.Open(metaAt(1).Pos)
	must(t, err)
	source, err := s.Source(metaAt(1).Pos)
	must(t, err)
	must(t, take(s, metaAt(2), stateAt(2, 40)))
	if got := indexes(s); !slices.Equal(got, []wire.Index{2}) {
		t.Errorf("listed %d, want 2 alone", got)
	}
	wantFiles(t, fs, nameAt(1), nameAt(2))
	must(t, r.Close())
	wantFiles(t, fs, nameAt(1), nameAt(2))
	b := make([]byte, 10)
	if _, err := source.ReadAt(b, source.Size()-10); err != nil {
		t.Errorf("reading what is pinned: %v", err)
	}
	must(t, source.Close())
	wantFiles(t, fs, nameAt(2))
	if _, err := r.Read(b); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed Reader: %v", err)
	}
	if _, err := source.ReadAt(b, 0); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed Source: %v", err)
	}
}

func TestOneSnapshotAPosition(t *testing.T) {
	fs := fsys.NewMemory()
	s := open(t, fs, 2)
	must(t, take(s, metaAt(1), stateAt(1, 40)))
	must(t, take(s, metaAt(2), stateAt(2, 40)))
	other := metaAt(2)
	other.ID = 9
	must(t, take(s, other, stateAt(2, 40)))
	if got := indexes(s); !slices.Equal(got, []wire.Index{1, 2}) {
		t.Errorf("listed %d, want 1 and 2", got)
	}
	wantFiles(t, fs, nameAt(1), other.title().String())
	if latest, _ := s.Latest(); latest.ID != 9 {
		t.Errorf("the latest is %+v, not the one that replaced it", latest)
	}
}

func TestAbortLeavesNothing(t *testing.T) {
	fs := fsys.NewMemory()
	s := open(t, fs, 2)
	w, err := s.Create(metaAt(1))
	must(t, err)
	if _, err := s.Create(metaAt(1)); err == nil {
		t.Error("one snapshot could be written twice at a time")
	}
	_, err = w.Write(stateAt(1, 100))
	must(t, err)
	w.Abort()
	w.Abort()
	wantFiles(t, fs)
	if err := w.Commit(); !errors.Is(err, ErrClosed) {
		t.Errorf("Commit after Abort: %v", err)
	}
	must(t, take(s, metaAt(1), stateAt(1, 100)))
}

func TestOpenRemovesWhatWasLeftHalfWritten(t *testing.T) {
	fs := fsys.NewMemory()
	for _, name := range []string{nameAt(1) + tempEnding, nameAt(1) + partEnding, "snap-1", "wal-1.tmp", nameAt(2) + ".bak"} {
		_, err := fs.Create(name)
		must(t, err)
	}
	s := open(t, fs, 2)
	if len(s.All()) != 0 || len(s.Damaged()) != 0 {
		t.Errorf("Open lists %v and %v", s.All(), s.Damaged())
	}
	wantFiles(t, fs, "snap-1", nameAt(1)+partEnding, nameAt(2)+".bak", "wal-1.tmp")
}

func TestANewerFormatIsRefusedAndLeftAlone(t *testing.T) {
	file := raw(t, metaAt(1), stateAt(1, 40))
	file[8] = 2
	sum := checksum(file[:16])
	for i := range 4 {
		file[16+i] = byte(sum >> (8 * i))
	}
	fs := fsys.NewMemory()
	f, err := fs.Create(nameAt(1))
	must(t, err)
	_, err = f.WriteAt(file, 0)
	must(t, err)
	keepFile(t, fs, nameAt(2)+tempEnding, nil)
	if _, err := Open(fs, 1); !errors.Is(err, ErrVersion) || !strings.Contains(err.Error(), nameAt(1)) {
		t.Errorf("Open: %v, want ErrVersion and the file's name", err)
	}
	wantFiles(t, fs, nameAt(1), nameAt(2)+tempEnding)
	r, err := open(t, fsys.NewMemory(), 1).Receive(Meta{Pos: metaAt(1).Pos, ID: metaAt(1).ID})
	must(t, err)
	must(t, r.Write(0, file))
	if err := r.Commit(); !errors.Is(err, ErrVersion) {
		t.Errorf("Commit of a Receiver: %v, want ErrVersion", err)
	}
}

func TestAFullDiskLeavesTheOldSnapshots(t *testing.T) {
	disk := fault.New(1)
	s := open(t, disk, 1)
	must(t, take(s, metaAt(1), stateAt(1, 400)))
	full := disk.Used()
	for capacity := full; ; capacity += 97 {
		disk.SetCapacity(capacity)
		err := take(s, metaAt(2), stateAt(2, 400))
		if err == nil {
			break
		}
		if !errors.Is(err, fsys.ErrNoSpace) {
			t.Fatalf("on a full disk: %v, want ErrNoSpace", err)
		}
		if disk.Used() != full {
			t.Fatalf("a snapshot that did not fit left %d bytes", disk.Used()-full)
		}
		wantState(t, s, 1, 400)
	}
	wantState(t, s, 2, 400)
	wantFiles(t, disk, nameAt(2))
}
