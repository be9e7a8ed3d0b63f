package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/backup"
	"github.com/balsaraft/balsa/kv"
)

// archives runs a test on the files of each format that there was, unpacked, on a clock that
// stands before all of them: a member's replicated time then goes on where it was, and nothing
// in the files is too old.
func archives(t *testing.T, test func(t *testing.T, dir string, w want)) {
	all, err := filepath.Glob("testdata/*.zip")
	if err != nil || len(all) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, path := range all {
		t.Run(filepath.Base(path), func(t *testing.T) {
			dir := t.TempDir()
			if err := unpack(path, dir); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(filepath.Join(dir, wantFile))
			if err != nil {
				t.Fatal(err)
			}
			var w want
			if err := json.Unmarshal(text, &w); err != nil || len(w.Items) == 0 {
				t.Fatalf("what is wanted: %v", err)
			}
			synctest.Test(t, func(t *testing.T) { test(t, dir, w) })
		})
	}
}

// in runs a test on a member, and stops it.
func in(t *testing.T, dir string, test func(ctx context.Context, m *member)) {
	t.Helper()
	m, err := start(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	test(t.Context(), m)
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}

// mustRepeat makes the call of the caller outside once more, which runs nothing.
func (w want) mustRepeat(t *testing.T, ctx context.Context, m *member) {
	t.Helper()
	r, err := m.node.ProposeAs(ctx, w.Call, kv.Do(kv.Set(w.Key, []byte("twice"))))
	if err != nil || r.Index != w.Index {
		t.Errorf("a call that ran at %d comes to %d, %v, the second time", w.Index, r.Index, err)
	}
	if i, err := kv.NewStore(m.node).Get(ctx, w.Key); err != nil || string(i.Value) != w.Value {
		t.Errorf("%s is %q, %v", w.Key, i.Value, err)
	}
}

func TestMembersOfAllFormatsGoOn(t *testing.T) {
	archives(t, func(t *testing.T, dir string, w want) {
		dir = filepath.Join(dir, memberDir)
		in(t, dir, func(ctx context.Context, m *member) {
			s := kv.NewStore(m.node)
			if got, err := items(ctx, s); err != nil || !slices.Equal(got, w.Items) {
				t.Errorf("the keys are\n%v, %v, and were\n%v", got, err, w.Items)
			}
			w.mustBePast(t, ctx, s)
			w.mustTellItsHistory(t, ctx, s)
			w.mustRepeat(t, ctx, m)
			if _, err := s.Put(ctx, "after", []byte("the upgrade")); err != nil {
				t.Error(err)
			}
			if err := m.node.Snapshot(ctx); err != nil {
				t.Error(err)
			}
		})
		in(t, dir, func(ctx context.Context, m *member) {
			s := kv.NewStore(m.node)
			if i, err := s.Get(ctx, "after"); err != nil || string(i.Value) != "the upgrade" {
				t.Errorf("after a restart: %q, %v", i.Value, err)
			}
			if got, err := items(ctx, s); err != nil || !slices.Equal(got, w.Items) {
				t.Errorf("after a restart the keys are\n%v, %v, and were\n%v", got, err, w.Items)
			}
			w.mustBePast(t, ctx, s)
		})
	})
}

// mustBePast looks at what was there before.
func (w want) mustBePast(t *testing.T, ctx context.Context, s kv.Store) {
	t.Helper()
	now, err := s.View(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer now.Close()
	past, err := now.At(w.Past.At)
	if err != nil {
		t.Errorf("at %d: %v", w.Past.At, err)
		return
	}
	if i, err := past.Get(w.Past.Key); err != nil || string(i.Value) != w.Past.Value {
		t.Errorf("at %d, %s is %q, %v", w.Past.At, w.Past.Key, i.Value, err)
	}
}

// mustTellItsHistory watches all that is known of before: what is there now must come of it.
func (w want) mustTellItsHistory(t *testing.T, ctx context.Context, s kv.Store) {
	t.Helper()
	now, err := s.View(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer now.Close()
	came := map[string]string{}
	if first := now.Compacted(); first > 0 {
		t.Fatalf("the history begins after %d, and the story is shorter than what is kept", first)
	}
	removed := 0
	for changes, err := range s.Watch(ctx, kv.Watch{Range: kv.Prefix(prefix), From: 1, Previous: true, Progress: true}) {
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range changes.Events {
			before, was := came[e.Item.Key]
			if (e.Previous != nil) != was || was && string(e.Previous.Value) != before {
				t.Errorf("at %d, %s was %q, %v before, and %+v is said", changes.Index, e.Item.Key, before, was, e.Previous)
			}
			if delete(came, e.Item.Key); e.Removed {
				removed++
			} else {
				came[e.Item.Key] = string(e.Item.Value)
			}
		}
		if changes.Index >= now.Applied() {
			break
		}
	}
	if removed == 0 || len(came) != len(w.Items) {
		t.Errorf("%d keys come of the history, in which %d are removed, and there are %d", len(came), removed, len(w.Items))
	}
	for _, i := range w.Items {
		if came[i.Key] != i.Value {
			t.Errorf("%s comes to %q by its history, and is %q", i.Key, came[i.Key], i.Value)
		}
	}
}

// TestAStoreThatIsLostIsRestoredFromItsSnapshot: without the store's own files a member has
// nothing but the snapshot's, and the log.
func TestAStoreThatIsLostIsRestoredFromItsSnapshot(t *testing.T) {
	archives(t, func(t *testing.T, dir string, w want) {
		dir = filepath.Join(dir, memberDir)
		if err := os.RemoveAll(filepath.Join(dir, "kv")); err != nil {
			t.Fatal(err)
		}
		in(t, dir, func(ctx context.Context, m *member) {
			if got, err := items(ctx, kv.NewStore(m.node)); err != nil || !slices.Equal(got, w.Items) {
				t.Errorf("the keys are\n%v, %v, and were\n%v", got, err, w.Items)
			}
			w.mustRepeat(t, ctx, m)
		})
	})
}

func TestBackupsOfAllFormatsAreRestored(t *testing.T) {
	archives(t, func(t *testing.T, dir string, w want) {
		file, err := os.Open(filepath.Join(dir, backupFile))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		from := backup.Decompress(file, "the backup")
		restored := filepath.Join(dir, "restored")
		if r, err := balsa.Restore(balsa.Config{Name: "a", Dir: restored}, from); err != nil || r.At.Index < w.Index {
			t.Fatalf("restored up to %v, %v", r.At, err)
		}
		if err := from.Close(); err != nil {
			t.Error(err)
		}
		in(t, restored, func(ctx context.Context, m *member) {
			w.mustRepeat(t, ctx, m)
			w.mustBePast(t, ctx, kv.NewStore(m.node))
		})
	})
}

// TestWhatIsMadeNowIsReadNow: the archives are made by this very program.
func TestWhatIsMadeNowIsReadNow(t *testing.T) {
	t.Chdir(t.TempDir())
	dir := t.TempDir()
	if err := live(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if err := pack("now.zip", dir); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat("now.zip"); err != nil || info.Size() > 100_000 {
		t.Errorf("an archive of %d bytes, %v", info.Size(), err)
	}
}
