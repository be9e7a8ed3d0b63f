package wal

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/fsys/fault"
	"github.com/balsaraft/balsa/wire"
)

// model is a log as simple as can be.
type model struct {
	hard    HardState
	start   wire.Pos
	entries []modelEntry
}

type modelEntry struct {
	pos     wire.Pos
	payload string
}

func (m model) clone() model {
	m.entries = slices.Clone(m.entries)
	return m
}

func (m model) last() wire.Pos {
	if n := len(m.entries); n > 0 {
		return m.entries[n-1].pos
	}
	return m.start
}

func (m *model) append(b wire.Batch) {
	m.entries = m.entries[:b.First()-m.start.Index-1]
	for index, e := range b.Entries() {
		m.entries = append(m.entries, modelEntry{wire.Pos{Term: b.Term(), Index: index}, string(e.Payload)})
	}
}

func (m *model) compact(upTo wire.Pos) {
	if upTo.Index > m.start.Index {
		m.entries = slices.Clone(m.entries[upTo.Index-m.start.Index:])
		m.start = upTo
	}
}

func (m *model) reset(start wire.Pos) { m.start, m.entries = start, nil }

func (m model) String() string {
	s := fmt.Sprintf("term %d vote %s after %s:", m.hard.Term, m.hard.Vote, m.start)
	for _, e := range m.entries {
		s += fmt.Sprintf(" %s(%d %.4x)", e.pos, len(e.payload), e.payload)
	}
	return s
}

// through is every state that a crash may leave while a flush is under way.
func (m model) through(f *Flush) []model {
	states := []model{m}
	step := func(change func(*model)) {
		m = m.clone()
		change(&m)
		states = append(states, m)
	}
	if f.staged.resets {
		step(func(m *model) { m.reset(f.staged.start) })
	}
	if f.staged.hard {
		step(func(m *model) { m.hard = f.hard })
	}
	for _, b := range f.staged.batches {
		for last := b.First(); last <= b.Last(); last++ { // a segment may end within it
			step(func(m *model) { m.append(b.Until(last)) })
		}
	}
	if f.staged.compact.Index > 0 {
		step(func(m *model) { m.compact(f.staged.compact) })
	}
	return states
}

// squeezed is what a flush leaves that had room for all but its batches.
func (m model) squeezed(f *Flush) model {
	before, m := m, m.clone()
	if f.staged.resets {
		m.reset(f.staged.start)
	}
	if f.staged.hard {
		m.hard = f.hard
	}
	if len(f.staged.batches) > 0 && f.staged.batches[0].First() <= m.last().Index {
		return before // entries are replaced together with what replaces them, or not at all
	}
	if end := m.last(); f.staged.compact.Index > end.Index {
		m.compact(end)
	} else {
		m.compact(f.staged.compact)
	}
	return m
}

// read is all that a log says of itself, read from disk and from memory.
func read(l *Log) (model, error) {
	m := model{hard: l.HardState(), start: l.Start()}
	v, err := l.View(l.Start().Index+1, l.Last().Index)
	if err != nil {
		return m, err
	}
	defer v.Close()
	for {
		batches, err := v.Read(700)
		if err != nil {
			return m, err
		}
		if len(batches) == 0 {
			break
		}
		for _, b := range batches {
			if b.First() != m.last().Index+1 {
				return m, fmt.Errorf("entry %d was read after %s", b.First(), m.last())
			}
			m.append(b)
		}
	}
	if m.last() != l.Last() {
		return m, fmt.Errorf("the log ends at %s, and %s was read last", l.Last(), m.last())
	}
	return m, nil
}

func equal(a, b model) bool {
	return a.hard == b.hard && a.start == b.start && slices.Equal(a.entries, b.entries)
}

// user is a log with the model beside it, used at random.
type user struct {
	files   fsys.FS
	options Options
	rng     *rand.Rand
	log     *Log
	staged  model   // what the log says of itself
	allowed []model // what a crash may leave
	views   []heldView
}

// heldView is a view that is read long after it was made.
type heldView struct {
	view *View
	want []modelEntry
}

func newUser(files fsys.FS, seed uint64) *user {
	return &user{
		files: files, rng: rand.New(rand.NewPCG(seed, 1)), allowed: make([]model, 1),
		options: Options{SegmentBytes: 4096, CacheBytes: 1 + rand.New(rand.NewPCG(seed, 2)).IntN(4000), Member: 7},
	}
}

func (u *user) open() (err error) {
	u.log, err = Open(u.files, u.options)
	if err != nil {
		return err
	}
	found, err := read(u.log)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(u.allowed, func(m model) bool { return equal(m, found) }) {
		return fmt.Errorf("the log opens as\n%s\nand may be\n%s", found, u.allowed)
	}
	if err := sameSpans(u.log, found); err != nil {
		return err
	}
	u.staged, u.allowed = found, []model{found.clone()}
	return nil
}

// sameSpans says whether what starts the algorithm is what the log holds.
func sameSpans(l *Log, want model) error {
	next := want.start.Index + 1
	for s := range l.Spans() {
		for ; s.First <= s.Last; s.First++ {
			if i := int(next - want.start.Index - 1); i >= len(want.entries) || want.entries[i].pos != (wire.Pos{Term: s.Term, Index: s.First}) {
				return fmt.Errorf("span %s where the log goes on with entry %d", s, next)
			}
			next++
		}
	}
	if next != want.last().Index+1 {
		return fmt.Errorf("spans end before entry %d, the log at %s", next, want.last())
	}
	return nil
}

// step does one thing of those that an algorithm does.
func (u *user) step() error {
	switch n := u.rng.IntN(20); {
	case n < 8:
		u.append()
	case n < 9:
		u.staged.hard = HardState{Term: max(u.staged.hard.Term, u.staged.last().Term) + 1, Vote: wire.MemberID(u.rng.Uint64N(5)), Promised: u.rng.IntN(2) == 0}
		u.log.SaveHardState(u.staged.hard)
	case n < 11 && len(u.staged.entries) > 0:
		at := u.staged.entries[u.rng.IntN(len(u.staged.entries))].pos
		u.log.Compact(at)
		u.staged.compact(at)
	case n == 11 && u.rng.IntN(4) == 0:
		at := wire.Pos{Term: u.staged.last().Term, Index: u.staged.last().Index + wire.Index(u.rng.IntN(9))}
		u.log.Reset(at)
		u.staged.reset(at)
	case n == 11 && len(u.staged.entries) > 0:
		u.log.Read(u.staged.entries[u.rng.IntN(len(u.staged.entries))].pos.Index)
	case n == 12 && u.rng.IntN(2) == 0:
		return u.reopen()
	case n == 13 && u.rng.IntN(2) == 0:
		return u.hold()
	case n == 13:
		if p := u.log.Prepare(); p != nil {
			if err := u.log.Prepared(p, p.Run()); !errors.Is(err, fsys.ErrNoSpace) {
				return err
			}
		}
	case n < 19:
		return u.flush(u.rng.IntN(3))
	default:
		return u.check()
	}
	return nil
}

func (u *user) append() {
	term := max(u.staged.hard.Term, u.staged.last().Term, 1)
	first := u.staged.last().Index + 1
	if n := len(u.staged.entries); n > 0 && u.rng.IntN(4) == 0 {
		first -= wire.Index(u.rng.IntN(min(n, 12)))
		term++
		u.staged.hard = HardState{Term: term}
		u.log.SaveHardState(u.staged.hard)
	}
	size := 40
	switch u.rng.IntN(12) {
	case 0:
		size = 5000 // more than a segment has
	case 1, 2:
		size = 900
	}
	b := makeBatch(wire.Pos{Term: term, Index: first}, 1+u.rng.IntN(4), func() []byte {
		p := make([]byte, u.rng.IntN(size))
		for i := range p {
			p[i] = byte(u.rng.Uint32())
		}
		return p
	})
	u.log.Append(b)
	u.staged.append(b)
}

func makeBatch(first wire.Pos, count int, payload func() []byte) wire.Batch {
	body := wire.NewBody(0)
	for range count {
		body = wire.AppendEntry(body, wire.KindCommand, payload())
	}
	return wire.NewBatch(first, int64(first.Index)*1000, count, body)
}

// flush writes what is staged, and meanwhile does some things more.
func (u *user) flush(meanwhile int) error {
	f := u.log.Flush()
	if f == nil {
		return nil
	}
	written := u.staged.clone()
	bases, squeezed := u.allowed, slices.Clone(u.allowed)
	u.allowed = nil
	for _, m := range bases {
		u.allowed = append(u.allowed, m.through(f)...)
		if m = m.squeezed(f); !slices.ContainsFunc(squeezed, func(o model) bool { return equal(m, o) }) {
			squeezed = append(squeezed, m)
		}
	}
	if got := u.allowed[len(u.allowed)-1]; !equal(got, written) {
		return fmt.Errorf("staged to be written was\n%s\nand should have been\n%s", got, written)
	}
	for range meanwhile {
		u.append()
	}
	err := f.Run()
	if err := u.log.Flushed(f, err); errors.Is(err, fsys.ErrNoSpace) {
		u.allowed = squeezed
		return u.check()
	} else if err != nil {
		return err
	}
	u.allowed = []model{written}
	return u.check()
}

func (u *user) reopen() error {
	if err := u.release(0); err != nil {
		return err
	}
	if err := u.log.Close(); err != nil {
		return err
	}
	return u.open()
}

// hold makes a view of some entries, and reads one that was made before.
func (u *user) hold() error {
	if n := len(u.staged.entries); n > 0 {
		want := u.staged.clone().entries[u.rng.IntN(n):]
		v, err := u.log.View(want[0].pos.Index, want[len(want)-1].pos.Index)
		if err != nil {
			return err
		}
		u.views = append(u.views, heldView{v, want})
	}
	return u.release(2)
}

// release reads and closes the oldest views, up to as many as are to be kept.
func (u *user) release(keep int) error {
	for len(u.views) > keep {
		h := u.views[0]
		u.views = u.views[1:]
		batches, err := h.view.Read(1 << 30)
		if err := errors.Join(err, h.view.Close(), sameEntries(batches, h.want)); err != nil {
			return fmt.Errorf("a view of %d entries from %s: %w", len(h.want), h.want[0].pos, err)
		}
	}
	return nil
}

// check reads the log in several ways.
func (u *user) check() error {
	found, err := read(u.log)
	if err != nil {
		return err
	}
	if !equal(found, u.staged) {
		return fmt.Errorf("the log reads\n%s\nand should read\n%s", found, u.staged)
	}
	if u.log.Last() != u.staged.last() {
		return fmt.Errorf("the log ends at %s, want %s", u.log.Last(), u.staged.last())
	}
	if err := checkCache(u.log); err != nil || len(found.entries) == 0 {
		return err
	}
	from := u.rng.IntN(len(found.entries))
	to := from + u.rng.IntN(len(found.entries)-from)
	return u.checkRange(found.entries[from : to+1])
}

// checkCache holds the log to what it says of its cache.
func checkCache(l *Log) error {
	c, bytes := &l.cache, 0
	most := l.options.CacheBytes
	if len(c.batches) > 0 && c.batches[0].Last() > c.unread {
		most = MostCached(most)
	}
	for i, b := range c.batches {
		if i > 0 && b.First() != c.batches[i-1].Last()+1 {
			return fmt.Errorf("the cache has a gap before entry %d", b.First())
		}
		if i < c.saved {
			bytes += len(b)
		}
	}
	if c.bytes != bytes || l.flushing == nil && c.bytes > most {
		return fmt.Errorf("the cache counts %d bytes on disk, of at most %d, and has %d", c.bytes, most, bytes)
	}
	if first, ok := c.first(); l.onDisk < l.last.Index && (!ok || first > l.onDisk+1 || c.batches[len(c.batches)-1].End() != l.last) {
		return fmt.Errorf("the cache does not hold what is after entry %d", l.onDisk)
	}
	return nil
}

func (u *user) checkRange(want []modelEntry) error {
	first, last := want[0].pos.Index, want[len(want)-1].pos.Index
	if batches, ok := u.log.Cached(first, last, 1<<62); ok {
		if err := sameEntries(batches, want); err != nil {
			return fmt.Errorf("cached %d to %d: %w", first, last, err)
		}
	}
	v, err := u.log.View(first, last)
	if err != nil {
		return err
	}
	batches, err := v.Read(1 << 30)
	if err := errors.Join(err, v.Close(), sameEntries(batches, want)); err != nil {
		return fmt.Errorf("view of %d to %d: %w", first, last, err)
	}
	return nil
}

func sameEntries(batches []wire.Batch, want []modelEntry) error {
	for _, b := range batches {
		for index, e := range b.Entries() {
			if len(want) == 0 || want[0].pos != (wire.Pos{Term: b.Term(), Index: index}) || !bytes.Equal([]byte(want[0].payload), e.Payload) {
				return fmt.Errorf("unexpected entry %d/%d", b.Term(), index)
			}
			want = want[1:]
		}
	}
	if len(want) > 0 {
		return fmt.Errorf("entries from %s on are missing", want[0].pos)
	}
	return nil
}

// TestTheLogIsWhatWasToldToIt uses a log at random beside a model, and compares what
// both say after each flush and each restart.
func TestTheLogIsWhatWasToldToIt(t *testing.T) {
	for seed := range uint64(60) {
		u := newUser(fsys.NewMemory(), seed)
		if err := u.open(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for n := range 300 {
			if err := u.step(); err != nil {
				t.Fatalf("seed %d, step %d: %v", seed, n, err)
			}
		}
	}
}

// TestAFullDiskLosesNothing is scenario full-disk: the disk has room for more and for
// less at random, flushes fail and are repeated, and crashes come between.
func TestAFullDiskLosesNothing(t *testing.T) {
	full := 0
	for seed := range uint64(60) {
		disk := fault.New(seed)
		u := newUser(disk, seed)
		if err := u.open(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for n := range 200 {
			if u.rng.IntN(6) == 0 {
				disk.SetCapacity(disk.Used() + int64(u.rng.IntN(3))*int64(u.rng.IntN(20<<10)))
			}
			if err := u.step(); err != nil {
				t.Fatalf("seed %d, step %d: %v", seed, n, err)
			}
			if len(u.allowed) > 1 {
				full++
				if err := survives(disk.Image(seed), u.options, u.allowed, seed); err != nil {
					t.Fatalf("seed %d, crash after step %d: %v", seed, n, err)
				}
			}
		}
		disk.SetCapacity(-1)
		if err := u.flush(0); err != nil || len(u.allowed) > 1 {
			t.Fatalf("seed %d: with room again: %v", seed, err)
		}
	}
	if full < 100 {
		t.Errorf("the disk was full %d times: the test tests nothing", full)
	}
}
