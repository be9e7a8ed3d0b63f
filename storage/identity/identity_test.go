package identity

import (
	"errors"
	"strings"
	"testing"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/fsys/fault"
)

var before = Identity{ID: 0x7f3a90c2d4e1b855, Name: "a"}
var after = Identity{ID: before.ID, Name: "a", Cluster: 0x03b1d2aa5c6e7f80}

func save(t testing.TB, files fsys.FS, i Identity) {
	t.Helper()
	if err := Save(files, i); err != nil {
		t.Fatal(err)
	}
}

func TestAnIdentityIsReadBackAsItWasSaved(t *testing.T) {
	for _, i := range []Identity{
		before, after,
		{ID: 1, Name: ""},
		{ID: 1, Name: " spaces, = and \t tabs "},
		{ID: 1, Name: "crc32c=00000000"},
		{ID: 1, Name: "id=2"},
		{ID: 1, Name: "balsa-member 2\r"},
		{ID: 1, Name: "Ярила ☀ \x00\xff %d %s"},
		{ID: 1<<64 - 1, Name: strings.Repeat("n", 255), Cluster: 1<<64 - 1},
		{ID: 1, Name: "a", Cluster: 2, Replaces: 3},
		{ID: 1, Name: "a", Cluster: 2, Lost: true, Diverged: 1<<64 - 1},
	} {
		files := fsys.NewMemory()
		save(t, files, Identity{ID: 9, Name: "who was here"})
		save(t, files, i)
		if got, err := Load(files); got != i || err != nil {
			t.Errorf("%+v becomes %+v, %v", i, got, err)
		}
	}
}

func TestTheFileIsTheDocumentedText(t *testing.T) {
	const lines = "balsa-member 1\nid=7f3a90c2d4e1b855\nname=a\ncluster=03b1d2aa5c6e7f80\n"
	repaired := after
	repaired.Replaces = 5
	for i, want := range map[Identity]string{
		after:    lines + "crc32c=1bc01479\n",
		repaired: lines + "replaces=0000000000000005\ncrc32c=d9080b55\n",
	} {
		files := fsys.NewMemory()
		save(t, files, i)
		if got, err := read(files); string(got) != want || err != nil {
			t.Errorf("it is %q, %v", got, err)
		}
	}
}

func TestWhatWouldNotBeReadBackIsNotSaved(t *testing.T) {
	for _, i := range []Identity{
		{ID: 0, Name: "a"},
		{ID: 1, Name: "a\nid=2"},
		{ID: 1, Name: strings.Repeat("n", maxSize)},
	} {
		files := fsys.NewMemory()
		if err := Save(files, i); err == nil {
			t.Errorf("%+v was saved", i)
		}
		if _, err := Load(files); !errors.Is(err, ErrNone) {
			t.Errorf("afterwards Load says %v, want ErrNone: nothing is changed", err)
		}
	}
}

func TestADirectoryWithoutTheFileBelongsToNobody(t *testing.T) {
	if _, err := Load(fsys.NewMemory()); !errors.Is(err, ErrNone) {
		t.Errorf("Load says %v, want ErrNone", err)
	}
}

// holding is a file system whose member file has this content.
func holding(t testing.TB, content []byte) fsys.FS {
	t.Helper()
	files := fsys.NewMemory()
	f, err := files.Create(fileName)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(content, 0); err != nil {
		t.Fatal(err)
	}
	return files
}

// Scenario rot-in-metadata, for the identity. A bit of the version may look like a
// newer program's file, which is refused as well.
func TestEveryBitFlippedIsRefused(t *testing.T) {
	whole := encode(after)
	digit := strings.Index(string(whole), "1\n")
	for at := range whole {
		for bit := range 8 {
			damaged := append([]byte(nil), whole...)
			damaged[at] ^= 1 << bit
			_, err := Load(holding(t, damaged))
			if !errors.Is(err, ErrDamaged) && !(at == digit && errors.Is(err, ErrVersion)) {
				t.Errorf("bit %d of byte %d: %v, want ErrDamaged", bit, at, err)
			}
		}
	}
}

func TestEveryLengthButItsOwnIsDamage(t *testing.T) {
	whole := encode(after)
	for n := range whole {
		if _, err := Load(holding(t, whole[:n])); !errors.Is(err, ErrDamaged) || !errors.Is(err, fsys.ErrDamaged) {
			t.Errorf("cut off after %d of %d bytes: %v", n, len(whole), err)
		}
	}
	for _, more := range []string{"\x00", "\n", "more\n", strings.Repeat("\x00", maxSize), string(whole)} {
		if _, err := Load(holding(t, append(whole[:len(whole):len(whole)], more...))); !errors.Is(err, ErrDamaged) {
			t.Errorf("with %d bytes more: %v", len(more), err)
		}
	}
}

func TestANewerFormatIsNoDamage(t *testing.T) {
	_, err := Load(holding(t, []byte("balsa-member 12\nwho knows\n")))
	if !errors.Is(err, ErrVersion) || errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "format 12, this program knows 1") {
		t.Errorf("Load says %v, want ErrVersion that names both", err)
	}
}

// Scenario rename-not-durable: a crash at any operation of Save leaves the identity
// before or the one after, and after Save has returned only the latter.
func TestACrashLeavesTheIdentityBeforeOrAfter(t *testing.T) {
	prepared := func(seed uint64) *fault.Disk {
		disk := fault.New(seed)
		save(t, disk, before)
		return disk
	}
	disk := prepared(0)
	start := disk.Operations()
	save(t, disk, after)
	total := disk.Operations() - start
	seen := map[Identity]int{}
	for seed := range uint64(200) {
		for n := range total + 1 {
			disk := prepared(seed)
			disk.StopAfter(n)
			saved := Save(disk, after)
			if (saved == nil) != (n == total) {
				t.Fatalf("Save stopped after %d of %d operations says %v", n, total, saved)
			}
			disk.Crash()
			got, err := Load(disk)
			if err != nil || got != before && got != after || saved == nil && got != after {
				t.Fatalf("seed %d, crash after %d of %d operations: %+v, %v", seed, n, total, got, err)
			}
			seen[got]++
			again := Identity{ID: before.ID, Name: "again"}
			save(t, disk, again)
			disk.Crash()
			if got, err := Load(disk); got != again || err != nil {
				t.Fatalf("seed %d, saved again after a crash after %d operations: %+v, %v", seed, n, got, err)
			}
		}
	}
	if seen[before] == 0 || seen[after] == 0 {
		t.Errorf("the crashes left %v: they show too little", seen)
	}
}

func TestEveryFailingOperationIsToldAndLosesNothing(t *testing.T) {
	for _, op := range []fault.Op{fault.Create, fault.Write, fault.Sync, fault.Rename, fault.SyncDir} {
		disk := fault.New(1)
		save(t, disk, before)
		full := errors.New("on purpose")
		disk.Inject(fault.Rule{Op: op, Times: 1, Err: full})
		if err := Save(disk, after); !errors.Is(err, full) || !strings.Contains(err.Error(), "save identity") {
			t.Errorf("%s fails and Save says %v", op, err)
		}
		disk.Crash()
		if got, err := Load(disk); err != nil || got != before && got != after {
			t.Errorf("%s failed, and there is %+v, %v", op, got, err)
		}
	}
	disk := fault.New(1)
	save(t, disk, before)
	disk.Inject(fault.Rule{Op: fault.Read})
	if _, err := Load(disk); !errors.Is(err, fault.ErrIO) || errors.Is(err, ErrDamaged) {
		t.Errorf("a read that fails is %v, want the disk's error and no damage", err)
	}
}

// Whatever Load reads, Save writes as the same bytes.
func FuzzLoad(f *testing.F) {
	f.Add(encode(before))
	f.Add(encode(after))
	f.Fuzz(func(t *testing.T, content []byte) {
		i, err := Load(holding(t, content))
		if err != nil {
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrVersion) {
				t.Fatalf("%q: %v", content, err)
			}
			return
		}
		if string(encode(i)) != string(content) {
			t.Fatalf("%q is read as %+v", content, i)
		}
	})
}

// A process that dies between the renaming and the sync of the directory leaves a name that
// its successor can read and that a power failure would take.
func TestWhatWasReadIsThereAfterAPowerFailure(t *testing.T) {
	files := fault.New(1)
	save(t, files, before)
	died := files.Inject(fault.Rule{Op: fault.SyncDir, Effect: fault.Lose})
	save(t, files, after)
	died.Remove()
	if got, err := Load(files); got != after || err != nil {
		t.Fatalf("Load says %+v, %v", got, err)
	}
	for seed := range uint64(50) {
		if got, err := Load(files.Image(seed)); got != after || err != nil {
			t.Fatalf("after a power failure Load says %+v, %v, but %+v was read before", got, err, after)
		}
	}
}
