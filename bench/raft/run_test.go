package main

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The whole way, with a contestant or two: each part leaves its section in the document,
// and no file stays.
func TestTheDocumentTellsOfEachPart(t *testing.T) {
	const moments = " -quick -callers 4 -sizes 16 -measure 50ms -warm 10ms -entries 500 -lengths 100 -behind 1000000"
	for name, test := range map[string]struct {
		args     string
		headings []string
	}{
		"of rates": {"-only floor -parts throughput,members,sizes" + moments,
			[]string{"Proposals on the leader", "Cost against the size of the cluster", "Cost against the size of commands"}},
		"of lives": {"-only balsa -parts others,failover,reopen,catchup,length" + moments,
			[]string{"Other loads", "From the leader's death to the next acknowledged write", "Opening a long log again", "A member that catches up while the cluster serves", "Cost against the length of the log"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(t.TempDir(), "raft.md")
			if err := run(t.Context(), append(strings.Fields(test.args), "-dir", dir, "-out", path)); err != nil {
				t.Fatal(err)
			}
			document, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, heading := range append(test.headings, "Settings") {
				if !strings.Contains(string(document), "\n## "+heading+"\n") {
					t.Errorf("no section %q in\n%s", heading, document)
				}
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("files are left: %v, %v", left, err)
			}
		})
	}
}

func TestAnUnknownContestantPartOrProfileIsRefused(t *testing.T) {
	for _, args := range []string{"-only nobody", "-parts nothing -dir " + t.TempDir(), "-profiles cpu,nothing"} {
		if err := run(context.Background(), strings.Fields(args)); err == nil || !strings.Contains(err.Error(), "no") {
			t.Errorf("%s: %v", args, err)
		}
	}
}

// Each kind of profile is in a file of its own by contestant and load, with something in it.
func TestProfilesAreWritten(t *testing.T) {
	dir, kinds := t.TempDir(), slices.Sorted(maps.Keys(profilers))
	args := "-only floor -parts throughput -quick -callers 4 -sizes 16 -measure 50ms -warm 10ms -rounds 1"
	err := run(t.Context(), append(strings.Fields(args), "-dir", t.TempDir(), "-out", filepath.Join(t.TempDir(), "raft.md"), "-profile", dir, "-profiles", strings.Join(kinds, ",")))
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range kinds {
		name := "floor-propose-16-B-4-callers." + kind
		if at, err := os.Stat(filepath.Join(dir, name)); err != nil || at.Size() == 0 {
			t.Errorf("%s: %v, %v", name, at, err)
		}
	}
}
