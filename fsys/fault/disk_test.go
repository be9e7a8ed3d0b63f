package fault_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/fsys/fault"
)

var _ fsys.FS = (*fault.Disk)(nil)

const sector = fault.SectorSize

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func create(t *testing.T, d *fault.Disk, name, text string) fsys.File {
	t.Helper()
	f, err := d.Create(name)
	must(t, err)
	write(t, f, text, 0)
	return f
}

// keep makes a durable file.
func keep(t *testing.T, d *fault.Disk, name, text string) fsys.File {
	t.Helper()
	f := create(t, d, name, text)
	must(t, f.Sync())
	must(t, d.SyncDir())
	return f
}

func write(t *testing.T, f fsys.File, text string, off int64) {
	t.Helper()
	_, err := f.WriteAt([]byte(text), off)
	must(t, err)
}

// content is a file's bytes, or "none".
func content(t *testing.T, d *fault.Disk, name string) string {
	t.Helper()
	f, err := d.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "none"
	}
	must(t, err)
	defer f.Close()
	size, err := f.Size()
	must(t, err)
	b, err := io.ReadAll(io.NewSectionReader(f, 0, size))
	must(t, err)
	return string(b)
}

func sectors(letters string) string {
	var b strings.Builder
	for _, l := range letters {
		b.WriteString(strings.Repeat(string(l), sector))
	}
	return b.String()
}

// letters undoes sectors: one letter for each sector, ? for one that is mixed.
func letters(content string) string {
	var b strings.Builder
	for piece := range slices.Chunk([]byte(content), sector) {
		if bytes.Count(piece, piece[:1]) != len(piece) {
			b.WriteByte('?')
			continue
		}
		b.WriteByte(max(piece[0], '.'))
	}
	return b.String()
}

// outcomes are the different things that images of a disk show, in order.
func outcomes(t *testing.T, d *fault.Disk, look func(*fault.Disk) string) []string {
	t.Helper()
	seen := map[string]bool{}
	var all []string
	for seed := range uint64(400) {
		if s := look(d.Image(seed)); !seen[s] {
			seen[s] = true
			all = append(all, s)
		}
	}
	slices.Sort(all)
	return all
}

func TestACrashShowsAllThatFsysAllowsAndNothingElse(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(t *testing.T, d *fault.Disk, f fsys.File)
		want []string
	}{
		{"nothing is pending", func(*testing.T, *fault.Disk, fsys.File) {}, []string{"ab"}},
		{"a write is lost, kept or torn by sectors", func(t *testing.T, d *fault.Disk, f fsys.File) {
			write(t, f, sectors("xy"), 0)
		}, []string{"ab", "ay", "xb", "xy"}},
		{"a later write survives an earlier one", func(t *testing.T, d *fault.Disk, f fsys.File) {
			write(t, f, sectors("x"), 0)
			write(t, f, sectors("y"), sector)
		}, []string{"ab", "ay", "xb", "xy"}},
		{"of two writes to one place the earlier never covers the later", func(t *testing.T, d *fault.Disk, f fsys.File) {
			write(t, f, sectors("x"), 0)
			write(t, f, sectors("y"), 0)
		}, []string{"ab", "xb", "yb"}},
		{"a file grows with and without its data", func(t *testing.T, d *fault.Disk, f fsys.File) {
			write(t, f, sectors("xy"), 2*sector)
		}, []string{"ab", "ab..", "ab.y", "abx", "abx.", "abxy"}},
		{"a truncation is lost or kept", func(t *testing.T, d *fault.Disk, f fsys.File) {
			must(t, f.Truncate(sector))
		}, []string{"a", "ab"}},
		{"creating a file that is there is a truncation", func(t *testing.T, d *fault.Disk, f fsys.File) {
			create(t, d, "f", sectors("z"))
		}, []string{"", ".", "ab", "z", "zb"}},
		{"what was synced stays", func(t *testing.T, d *fault.Disk, f fsys.File) {
			write(t, f, sectors("xy"), 0)
			must(t, f.Truncate(sector))
			must(t, f.Sync())
		}, []string{"x"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := fault.New(1)
			f := keep(t, d, "f", sectors("ab"))
			c.do(t, d, f)
			got := outcomes(t, d, func(d *fault.Disk) string { return letters(content(t, d, "f")) })
			if !slices.Equal(got, c.want) {
				t.Errorf("crashes leave %q, want %q", got, c.want)
			}
		})
	}
}

func TestNamesSurviveACrashAsAPrefixOfTheirChanges(t *testing.T) {
	d := fault.New(1)
	keep(t, d, "a", "a")
	f := create(t, d, "b", "b")
	must(t, f.Sync())
	must(t, d.Rename("b", "a"))
	must(t, d.Rename("a", "c"))
	must(t, d.Remove("c"))
	look := func(d *fault.Disk) string {
		names, err := d.List()
		must(t, err)
		var all []string
		for _, name := range names {
			all = append(all, name+"="+content(t, d, name))
		}
		return strings.Join(all, " ")
	}
	got := outcomes(t, d, look)
	if want := []string{"", "a=a", "a=a b=b", "a=b", "c=b"}; !slices.Equal(got, want) {
		t.Errorf("crashes leave %q, want %q", got, want)
	}
	must(t, d.SyncDir())
	if got := outcomes(t, d, look); !slices.Equal(got, []string{""}) {
		t.Errorf("after SyncDir crashes leave %q, want nothing", got)
	}
}

func TestSameSeedSameDisk(t *testing.T) {
	run := func(seed uint64) string {
		d := fault.New(seed)
		d.Inject(fault.Rule{Op: fault.Write, Chance: 0.3, Effect: fault.Corrupt})
		d.Inject(fault.Rule{Op: fault.Write, Chance: 0.2})
		var trace fault.Trace
		d.Watch(trace.Add)
		for range 4 {
			for i := range 5 {
				f, err := d.Create(fmt.Sprint("f", i))
				must(t, err)
				f.WriteAt([]byte(sectors("abc")), int64(i*100))
			}
			d.Crash()
		}
		var all strings.Builder
		for i := range 5 {
			all.WriteString(content(t, d, fmt.Sprint("f", i)))
		}
		return trace.String() + all.String()
	}
	if first, again := run(7), run(7); first != again {
		t.Error("two runs of seed 7 differ")
	}
	if run(7) == run(8) {
		t.Error("seeds 7 and 8 give the same disk")
	}
}

func TestStopAfterCrashesAtEveryChange(t *testing.T) {
	run := func(d *fault.Disk) (done int, err error) {
		f, err := d.Create("f")
		if err != nil {
			return 0, err
		}
		defer f.Close()
		for i, step := range []func() error{
			func() error { _, err := f.WriteAt([]byte("x"), 0); return err },
			func() error { return f.Truncate(9) },
			f.Sync,
			func() error { return d.Rename("f", "g") },
			func() error { return d.Remove("g") },
			d.SyncDir,
		} {
			f.Size() // changes nothing, and is not counted
			d.List()
			if err := step(); err != nil {
				return 1 + i, err
			}
		}
		return 7, nil
	}
	d := fault.New(1)
	if done, err := run(d); done != 7 || err != nil || d.Operations() != 7 {
		t.Fatalf("undisturbed: %d steps, %d operations, %v", done, d.Operations(), err)
	}
	for n := range 7 {
		d.StopAfter(n)
		if done, err := run(d); done != n || !errors.Is(err, fault.ErrCrashed) {
			t.Errorf("StopAfter(%d): %d steps, %v", n, done, err)
		}
		if _, err := d.List(); !errors.Is(err, fault.ErrCrashed) {
			t.Errorf("a stopped disk still lists: %v", err)
		}
		d.Crash()
	}
	if _, err := run(d); err != nil {
		t.Errorf("after the crash: %v", err)
	}
}

func TestACrashKillsOpenFilesAndFreesTheLock(t *testing.T) {
	d := fault.New(1)
	f := keep(t, d, "f", "x")
	lock, err := d.Lock()
	must(t, err)
	if _, err := d.Lock(); !errors.Is(err, fsys.ErrLocked) {
		t.Errorf("a second lock: %v, want ErrLocked", err)
	}
	d.Crash()
	if _, err := f.ReadAt(make([]byte, 1), 0); !errors.Is(err, fault.ErrCrashed) {
		t.Errorf("reading a file of an earlier life: %v", err)
	}
	if _, err := d.Lock(); err != nil {
		t.Errorf("locking after the crash: %v", err)
	}
	must(t, lock.Close())
	if _, err := d.Lock(); !errors.Is(err, fsys.ErrLocked) {
		t.Errorf("the lock of an earlier life freed a later one: %v", err)
	}
}

func TestImageLeavesTheDiskAlone(t *testing.T) {
	d := fault.New(1)
	f := keep(t, d, "f", "old")
	write(t, f, "new", 0)
	image := d.Image(3)
	g := keep(t, image, "f", "image")
	defer g.Close()
	if got := content(t, d, "f"); got != "new" {
		t.Errorf("the disk reads %q beside its image, want new", got)
	}
	if what, pending := d.Unsynced(); what != "f" || !pending {
		t.Errorf("Unsynced() = %q, %v", what, pending)
	}
	must(t, f.Sync())
	if what, pending := d.Unsynced(); pending {
		t.Errorf("after the sync Unsynced() = %q", what)
	}
}

func TestASyncThatFailedIsNeverMadeGood(t *testing.T) {
	d := fault.New(1)
	f := keep(t, d, "f", sectors("ab"))
	write(t, f, sectors("xy"), 0)
	rule := d.Inject(fault.Rule{Op: fault.Sync, Times: 1})
	if err := f.Sync(); !errors.Is(err, fault.ErrIO) {
		t.Fatalf("Sync: %v, want ErrIO", err)
	}
	must(t, f.Sync())
	if got := letters(content(t, d, "f")); got != "xy" {
		t.Errorf("the process sees %q, want xy", got)
	}
	left := func(d *fault.Disk) string { return letters(content(t, d, "f")) }
	if got := outcomes(t, d, left); len(got) != 1 {
		t.Errorf("after a second sync crashes leave %q: chance should have decided", got)
	}
	if rule.Struck() != 1 {
		t.Errorf("the rule struck %d times", rule.Struck())
	}
	// Over many seeds, what the failed sync left differs.
	seen := map[string]bool{}
	for seed := range uint64(100) {
		d := fault.New(seed)
		f := keep(t, d, "f", sectors("ab"))
		write(t, f, sectors("xy"), 0)
		d.Inject(fault.Rule{Op: fault.Sync, Times: 1})
		f.Sync()
		must(t, f.Sync())
		d.Crash()
		seen[left(d)] = true
	}
	if len(seen) != 4 {
		t.Errorf("a failed sync left %v, want the four mixtures of ab and xy", seen)
	}
}

func TestRules(t *testing.T) {
	for _, c := range []struct {
		name string
		rule fault.Rule
		do   func(d *fault.Disk, f fsys.File) error
		err  error
		live string // what the process sees
		left string // what a crash leaves
	}{
		{"a write fails", fault.Rule{Op: fault.Write, Err: fsys.ErrNoSpace},
			func(d *fault.Disk, f fsys.File) error { _, err := f.WriteAt([]byte(sectors("x")), 0); return err },
			fsys.ErrNoSpace, "ab", "ab"},
		{"a write is lost though it was synced", fault.Rule{Op: fault.Write, Effect: fault.Lose},
			func(d *fault.Disk, f fsys.File) error { f.WriteAt([]byte(sectors("x")), 0); return f.Sync() },
			nil, "xb", "ab"},
		{"a write lands elsewhere", fault.Rule{Op: fault.Write, Effect: fault.Misplace, Shift: sector},
			func(d *fault.Disk, f fsys.File) error { f.WriteAt([]byte(sectors("x")), 0); return f.Sync() },
			nil, "ax", "ax"},
		{"a write flips a bit", fault.Rule{Op: fault.Write, Effect: fault.Corrupt},
			func(d *fault.Disk, f fsys.File) error { f.WriteAt([]byte(sectors("a")), 0); return f.Sync() },
			nil, "?b", "?b"},
		{"a removal is lost", fault.Rule{Op: fault.Remove, Effect: fault.Lose},
			func(d *fault.Disk, f fsys.File) error { d.Remove("f"); return d.SyncDir() },
			nil, "none", "ab"},
		{"a truncation fails", fault.Rule{Op: fault.Truncate},
			func(d *fault.Disk, f fsys.File) error { return f.Truncate(0) },
			fault.ErrIO, "ab", "ab"},
		{"another file's rule", fault.Rule{File: "g*"},
			func(d *fault.Disk, f fsys.File) error { f.Truncate(sector); return f.Sync() },
			nil, "a", "a"},
		{"a rule for the second one", fault.Rule{Op: fault.Truncate, After: 1, Times: 1},
			func(d *fault.Disk, f fsys.File) error {
				return errors.Join(f.Truncate(2*sector), f.Truncate(0), f.Truncate(sector), f.Sync())
			},
			fault.ErrIO, "a", "a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := fault.New(2)
			f := keep(t, d, "f", sectors("ab"))
			d.Inject(c.rule)
			if err := c.do(d, f); !errors.Is(err, c.err) {
				t.Errorf("it returned %v, want %v", err, c.err)
			}
			show := func() string {
				if got := content(t, d, "f"); got == "none" {
					return got
				}
				return letters(content(t, d, "f"))
			}
			if got := show(); got != c.live {
				t.Errorf("the process sees %q, want %q", got, c.live)
			}
			d.Crash()
			if got := show(); got != c.left {
				t.Errorf("a crash leaves %q, want %q", got, c.left)
			}
		})
	}
}

func TestALostSyncDirKeepsNothing(t *testing.T) {
	d := fault.New(1)
	create(t, d, "f", "")
	rule := d.Inject(fault.Rule{Op: fault.SyncDir, Effect: fault.Lose})
	must(t, d.SyncDir())
	if _, pending := d.Unsynced(); !pending {
		t.Error("a lost SyncDir made a name durable")
	}
	rule.Remove()
	must(t, d.SyncDir())
	if what, pending := d.Unsynced(); pending && what != "f" {
		t.Errorf("after a SyncDir %s is not durable", what)
	}
}

func TestReadsCanLie(t *testing.T) {
	d := fault.New(1)
	f := keep(t, d, "f", sectors("a"))
	d.Inject(fault.Rule{Op: fault.Read, Effect: fault.Corrupt, Times: 1})
	if got := letters(content(t, d, "f")); got != "?" {
		t.Errorf("a corrupt read shows %q", got)
	}
	if got := letters(content(t, d, "f")); got != "a" {
		t.Errorf("the read after it shows %q, want a", got)
	}
	d.Inject(fault.Rule{Op: fault.Read})
	if _, err := f.ReadAt(make([]byte, 1), 0); !errors.Is(err, fault.ErrIO) {
		t.Errorf("a read that fails: %v", err)
	}
}

func TestAFullDiskTakesWhatFitsAndRecovers(t *testing.T) {
	d := fault.New(1)
	f := keep(t, d, "f", "0123456789")
	d.SetCapacity(15)
	g, err := d.Create("g")
	must(t, err)
	if n, err := g.WriteAt([]byte("abcdefgh"), 0); n != 5 || !errors.Is(err, fsys.ErrNoSpace) {
		t.Errorf("writing 8 bytes into 5 = %d, %v", n, err)
	}
	if n, err := f.WriteAt([]byte("9876543210"), 0); n != 10 || err != nil {
		t.Errorf("overwriting on a full disk = %d, %v", n, err)
	}
	if err := g.Truncate(6); !errors.Is(err, fsys.ErrNoSpace) {
		t.Errorf("growing on a full disk: %v", err)
	}
	must(t, d.Remove("f"))
	if n, err := g.WriteAt([]byte("fgh"), 5); n != 3 || err != nil {
		t.Errorf("writing after space came free = %d, %v", n, err)
	}
	if used := d.Used(); used != 8 {
		t.Errorf("Used() = %d, want 8", used)
	}
}

func TestRot(t *testing.T) {
	d := fault.New(1)
	keep(t, d, "f", sectors("ab")+"c")
	must(t, d.FlipBit("f", 8*sector+1))
	must(t, d.ZeroSector("f", 2))
	d.Crash()
	want := []byte(sectors("ab") + "\x00")
	want[sector] ^= 2
	if content(t, d, "f") != string(want) {
		t.Error("a flipped bit and a zeroed sector are not where they should be")
	}
	must(t, d.MisplaceSector("f", 0, 1))
	must(t, d.MisplaceSector("f", 0, 2))
	if content(t, d, "f") != sectors("aa")+"a" {
		t.Error("a misplaced sector is not where it should be, or reaches beyond the end")
	}
	if err := d.MisplaceSector("f", 0, 3); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("a sector beyond the end: %v", err)
	}
	if err := d.FlipBit("f", 8*(2*sector+1)); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("a bit beyond the end: %v", err)
	}
	if err := d.ZeroSector("g", 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a sector of no file: %v", err)
	}
}

func TestAnOperationThatStallsStallsNoOther(t *testing.T) {
	d := fault.New(1)
	f := keep(t, d, "f", "x")
	entered, release := make(chan bool), make(chan bool)
	d.Watch(func(o fault.Operation) {
		if o.Op == fault.Sync {
			close(entered)
			<-release
		}
	})
	var stalled sync.WaitGroup
	stalled.Go(func() { f.Sync() })
	<-entered
	if got := content(t, d, "f"); got != "x" {
		t.Errorf("beside a stalled sync the file reads %q", got)
	}
	close(release)
	stalled.Wait()
}

func TestOperationsPrint(t *testing.T) {
	d := fault.New(1)
	var trace fault.Trace
	d.Watch(trace.Add)
	f := create(t, d, "f", "x")
	must(t, f.Truncate(7))
	must(t, d.Rename("f", "g"))
	must(t, f.Sync())
	must(t, d.SyncDir())
	want := "create f\nwrite f 0+1\ntruncate f 7\nrename f g\nsync g\nsyncdir\n"
	if trace.String() != want {
		t.Errorf("trace:\n%swant:\n%s", trace.String(), want)
	}
}
