package wal

import (
	"errors"
	"flag"
	"math/rand/v2"
	"testing"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/fsys/fault"
	"github.com/balsaraft/balsa/wire"
	"pgregory.net/rapid"
)

// drawn is a user whose every step is drawn by rapid, on a disk whose power fails
// between steps and in the middle of a write.
type drawn struct {
	*user
	disk *fault.Disk
}

// TestALogIsItsModelOnADiskThatFails tells a log and its model the same, in steps that
// rapid draws, and lets the power or a sync fail between and within them. What was
// durable is there afterwards, and nothing that was replaced comes back. The tests beside
// it draw from seeds and look at more; a failure here is brought down to the fewest steps.
func TestALogIsItsModelOnADiskThatFails(t *testing.T) {
	must(t, flag.Set("rapid.nofailfile", "true")) // the seed that is printed repeats a failure, too
	rapid.Check(t, func(t *rapid.T) {
		disk := fault.New(rapid.Uint64().Draw(t, "disk"))
		d := &drawn{newUser(disk, 0), disk}
		d.options.CacheBytes = rapid.IntRange(1, 4000).Draw(t, "cache")
		d.must(t, d.open())
		t.Repeat(map[string]func(*rapid.T){
			"append":   d.appendSome,
			"vote":     d.vote,
			"compact":  d.compact,
			"reset":    d.reset,
			"flush":    func(t *rapid.T) { d.must(t, d.flush(d.few(t, "appended meanwhile"))) },
			"prepare":  d.prepare,
			"read":     d.readSome,
			"view":     d.view,
			"reopen":   d.reopenAll,
			"crash":    d.crash,
			"cut":      d.cutInAFlush,
			"bad sync": d.failInAFlush,
			"":         func(t *rapid.T) { d.must(t, d.check()) },
		})
	})
}

func (d *drawn) must(t *rapid.T, err error) {
	if err != nil {
		t.Fatal(err)
	}
}

// few draws a small number, and the dice for what is not worth to be drawn by rapid.
func (d *drawn) few(t *rapid.T, what string) int {
	d.rng = rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "dice"), 1))
	return rapid.IntRange(0, 3).Draw(t, what)
}

// appendSome appends a batch at the end, or over the last entries in a new term.
func (d *drawn) appendSome(t *rapid.T) {
	pos := wire.Pos{Term: max(d.staged.hard.Term, d.staged.last().Term, 1), Index: d.staged.last().Index + 1}
	if over := rapid.IntRange(0, min(len(d.staged.entries), 12)).Draw(t, "replaced"); over > 0 {
		pos.Term, pos.Index = pos.Term+1, pos.Index-wire.Index(over)
		d.save(HardState{Term: pos.Term})
	}
	size := rapid.SampledFrom([]int{0, 40, 900, 5000}).Draw(t, "bytes")
	b := makeBatch(pos, rapid.IntRange(1, 4).Draw(t, "entries"), func() []byte {
		p := make([]byte, size)
		for i := range p {
			p[i] = byte(pos.Term) + byte(i)
		}
		return p
	})
	d.log.Append(b)
	d.staged.append(b)
}

func (d *drawn) save(h HardState) {
	d.staged.hard = h
	d.log.SaveHardState(h)
}

func (d *drawn) vote(t *rapid.T) {
	term := max(d.staged.hard.Term, d.staged.last().Term) + 1
	d.save(HardState{Term: term, Vote: wire.MemberID(rapid.Uint64Range(0, 5).Draw(t, "vote")), Promised: rapid.Bool().Draw(t, "promised")})
}

func (d *drawn) compact(t *rapid.T) {
	if len(d.staged.entries) > 0 {
		at := rapid.SampledFrom(d.staged.entries).Draw(t, "compacted").pos
		d.log.Compact(at)
		d.staged.compact(at)
	}
}

// reset lets the log start after a snapshot, which may well end before the log does: its
// entries contradicted it.
func (d *drawn) reset(t *rapid.T) {
	at := d.staged.last()
	at.Index = wire.Index(rapid.Uint64Range(uint64(d.staged.start.Index), uint64(at.Index)+9).Draw(t, "index"))
	d.log.Reset(at)
	d.staged.reset(at)
}

// readSome tells of who reads all entries in order.
func (d *drawn) readSome(t *rapid.T) {
	if len(d.staged.entries) > 0 {
		d.log.Read(rapid.SampledFrom(d.staged.entries).Draw(t, "read").pos.Index)
	}
}

func (d *drawn) prepare(t *rapid.T) {
	if p := d.log.Prepare(); p != nil {
		d.must(t, d.log.Prepared(p, p.Run()))
	}
}

// view makes a view that is read later, whatever comes between.
func (d *drawn) view(t *rapid.T) {
	d.few(t, "unused")
	d.must(t, d.hold())
}

func (d *drawn) reopenAll(t *rapid.T) {
	d.must(t, d.reopen())
}

// crash cuts the power while nothing is being written.
func (d *drawn) crash(t *rapid.T) {
	d.views = nil
	d.disk.Watch(nil)
	d.disk.Crash()
	d.must(t, d.open())
}

// cutInAFlush cuts the power at one of the operations of a flush.
func (d *drawn) cutInAFlush(t *rapid.T) {
	few := d.few(t, "appended meanwhile")
	dieAt(d.disk, rapid.IntRange(0, 6).Draw(t, "operations before the cut"))
	d.must(t, survived(func() error { return d.flush(few) }))
	d.crash(t)
}

// failInAFlush lets a sync of a flush fail. The log says so from then on, and a restart
// finds out what is there.
func (d *drawn) failInAFlush(t *rapid.T) {
	few := d.few(t, "appended meanwhile")
	bad := d.disk.Inject(fault.Rule{Op: fault.Sync, After: rapid.IntRange(0, 2).Draw(t, "good ones"), Times: 1})
	err := d.flush(few)
	bad.Remove()
	switch {
	case bad.Struck() == 0:
		d.must(t, err)
	case !errors.Is(err, ErrFailed):
		t.Fatalf("a sync failed, and the log says %v, want ErrFailed", err)
	default:
		d.crash(t)
	}
}

// survived runs something that may end with the process.
func survived(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil && p != errDied {
			panic(p)
		}
	}()
	return do()
}

// TestAResetBackForgetsWhatCameAfterIt: a snapshot that contradicts the log may end before
// it does.
func TestAResetBackForgetsWhatCameAfterIt(t *testing.T) {
	files := fsys.NewMemory()
	l := open(t, files)
	l.Append(entry(1, 1, "a"), entry(1, 2, "b"), entry(1, 3, "c"))
	flush(t, l)
	l.Reset(wire.Pos{Term: 2, Index: 1})
	flush(t, l)
	must(t, l.Close())
	l = open(t, files)
	for s := range l.Spans() {
		t.Errorf("%s is still there", s)
	}
	l.Append(entry(2, 2, "B"))
	flush(t, l)
	must(t, l.Close())
	opens(t, files, model{start: wire.Pos{Term: 2, Index: 1}, entries: []modelEntry{{wire.Pos{Term: 2, Index: 2}, "B"}}})
}
