package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAStoppedMembersFilesAreLookedInto(t *testing.T) {
	t.Parallel()
	a := newProcess(t, "a").start()
	a.awaitReady()
	for i := range 20 {
		a.mustPut(fmt.Sprintf("color-%d", i), "red")
	}
	mustFail(t, 1, "stop the member first", "log", "verify", a.dir)
	a.terminate()
	before := filesIn(t, a.dir)

	var v verified
	if err := json.Unmarshal([]byte(mustRun(t, "log", "verify", a.dir, "--json")), &v); err != nil || v.Name != "a" || v.Last < 20 || v.Segments == 0 || len(v.Problems) > 0 {
		t.Errorf("%+v, %v", v, err)
	}
	if said := mustRun(t, "log", "verify", a.dir); !strings.Contains(said, "All of it is whole") {
		t.Errorf("it says %s", said)
	}
	dump := mustRun(t, "log", "dump", a.dir)
	for i := range 20 {
		if want := fmt.Sprintf(`set "color-%d"`, i); strings.Count(dump, want+"\n") != 1 {
			t.Errorf("%s is not in the dump:\n%s", want, dump)
		}
	}
	if !strings.Contains(dump, "voters=a") || !strings.Contains(dump, "hard-state term ") {
		t.Errorf("the dump lacks something:\n%s", dump)
	}
	var line dumped
	one := mustRun(t, "log", "dump", a.dir, "--json", "--from", fmt.Sprint(v.Last), "--to", fmt.Sprint(v.Last))
	if err := json.Unmarshal([]byte(one), &line); err != nil || line.Index != v.Last || strings.Count(one, "\n") != 1 {
		t.Errorf("the last entry alone is %s", one)
	}
	if now := filesIn(t, a.dir); !equalFiles(before, now) {
		t.Error("looking has changed the files")
	}

	segment := line.File
	b := bytes.Clone(before[segment])
	at := bytes.Index(b, []byte("color-7"))
	b[at] ^= 1
	if err := os.WriteFile(filepath.Join(a.dir, segment), b, 0o600); err != nil {
		t.Fatal(err)
	}
	code, said := fails(t, "log", "verify", a.dir)
	if code != 1 || !strings.Contains(said, "not everything is whole") || !strings.Contains(said, "Keep the directory") {
		t.Errorf("of a damaged log it says %s, and ends with %d", said, code)
	}
	dump = mustRun(t, "log", "dump", a.dir)
	if !strings.Contains(dump, " gap of ") || strings.Contains(dump, `"color-7"`) || !strings.Contains(dump, `set "color-8"`) {
		t.Errorf("the dump of a damaged log:\n%s", dump)
	}
	mustFail(t, 1, "no member lives here", "log", "verify", t.TempDir())
}

// filesIn are a directory's files, but for the lock.
func filesIn(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, e := range entries {
		if e.Type().IsRegular() && e.Name() != "LOCK" {
			if all[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
				t.Fatal(err)
			}
		}
	}
	return all
}

func equalFiles(a, b map[string][]byte) bool {
	for name := range a {
		if !bytes.Equal(a[name], b[name]) {
			return false
		}
	}
	return len(a) == len(b)
}
