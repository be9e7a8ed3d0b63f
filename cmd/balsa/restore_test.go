package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/balsaraft/balsa/backup"
)

// backUp writes a backup of a member into a file.
func backUp(t *testing.T, p *process) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "backup.zst")
	mustRun(t, "backup", file, "--server", p.httpURL)
	return file
}

// readAll reads what is closed then.
func readAll(r io.ReadCloser) ([]byte, error) {
	defer r.Close()
	return io.ReadAll(r)
}

// sumUp makes the first checksum of a snapshot's file one of what stands before it.
func sumUp(file []byte) {
	binary.LittleEndian.PutUint32(file[16:], crc32.Checksum(file[:16], crc32.MakeTable(crc32.Castagnoli)))
}

// mustMiss checks that a member has no such key.
func (p *process) mustMiss(key string) {
	p.t.Helper()
	if a, err := p.do(http.MethodGet, key, ""); err != nil || a.status != http.StatusNotFound {
		p.t.Errorf("%s has %s: %+v, %v", p.name, key, a, err)
	}
}

func TestABackupIsRestoredIntoTheClusterThatRuns(t *testing.T) {
	t.Parallel()
	all := newCluster(t, "a b c", "--timing", "lan")
	startAll(all)
	all[0].mustPut("color", "red")
	file := backUp(t, all[1])
	all[0].mustPut("color", "blue")
	all[0].mustPut("later", "yes")
	before := all[0].mustStatus()

	w := watch(t, all[2:], "--prefix", "", "--from", "1")
	eventually(t, "the watch to see what there was", func() bool { return strings.Contains(w.stdout.String(), "later") })

	var done replaced
	if err := json.Unmarshal([]byte(mustRun(t, "restore", file, "--running", "--yes", "--json", "--server", all[2].httpURL)), &done); err != nil {
		t.Fatal(err)
	}
	if done.Cluster != before.Cluster || done.Index <= before.Applied || done.Backup.Index >= before.Applied || done.Former < before.Applied {
		t.Errorf("it says %+v; the cluster was %v", done, before)
	}
	for _, p := range all {
		p.mustGet("color", "red")
		p.mustMiss("later")
	}
	all[1].mustPut("color", "green")
	if err := w.cmd.Wait(); err == nil || !strings.Contains(w.stderr.String(), fmt.Sprintf("it begins after %d", done.Index)) || strings.Contains(w.stdout.String(), "green") {
		t.Errorf("a watch over the restore ends with %v: %s%s", err, w.stdout.String(), w.stderr.String())
	}
	// It stays so on members that start again, and on one that comes later.
	for _, p := range all {
		p.kill()
	}
	startAll(all)
	awaitHealthy(t, all)
	d := newProcess(t, "d", "--timing", "lan", "--join", all[0].addr).start()
	d.awaitReady()
	awaitHealthy(t, append(all, d))
	for _, p := range append(all, d) {
		p.mustGet("color", "green")
		p.mustMiss("later")
	}
	if said := mustRun(t, "restore", file, "--running", "--yes", "--server", d.httpURL); !strings.Contains(said, "holds what the backup does since entry") {
		t.Errorf("again: %s", said)
	}
	all[0].mustGet("color", "red")
}

func TestWhatIsNotToBeRestoredIsRefused(t *testing.T) {
	t.Parallel()
	other := newProcess(t, "other").start()
	other.awaitReady()
	other.mustPut("color", "theirs")
	theirs := backUp(t, other)
	a := newProcess(t, "a").start()
	a.awaitReady()
	a.mustPut("color", "ours")
	ours := backUp(t, a)
	a.mustPut("color", "newer")
	restore := func(file string, more ...string) []string {
		return append([]string{"restore", file, "--running", "--server", a.httpURL}, more...)
	}
	mustFail(t, exitUsage, "there is no terminal to ask at; add --yes", restore(ours)...)
	mustFail(t, exitUsage, "leaves nowhere to ask", restore("-")...)
	mustFail(t, exitUsage, "give --dir and --name for the first member of a new cluster, or --running", restore(ours, "--dir", t.TempDir())...)
	mustFail(t, exitFailed, "the backup is of another cluster", restore(theirs, "--yes")...)
	whole, err := os.ReadFile(ours)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := readAll(backup.Decompress(bytes.NewReader(whole), "ours"))
	if err != nil {
		t.Fatal(err)
	}
	altered, newer := bytes.Clone(plain), bytes.Clone(plain)
	altered[len(altered)/2] ^= 1
	newer[8]++ // the version, and the checksum of it
	sumUp(newer)
	for what, tc := range map[string]struct {
		file []byte
		want string
	}{
		"cut":     {whole[:len(whole)/2], "damaged, or no backup: at offset"},
		"altered": {altered, "damaged, or no backup: at offset"},
		"newer":   {newer, "format 2, this program knows 1"},
	} {
		wrong := filepath.Join(t.TempDir(), what)
		if err := os.WriteFile(wrong, tc.file, 0o600); err != nil {
			t.Fatal(err)
		}
		mustFail(t, exitFailed, tc.want, restore(wrong, "--yes")...)
		// Nobody looks at what comes from standard input before the member does.
		cmd := exec.Command("balsa", restore("-", "--yes")...)
		cmd.Stdin = bytes.NewReader(tc.file)
		if said, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(said), tc.want) {
			t.Errorf("%s, from standard input: %v: %s", what, err, said)
		}
	}
	a.mustGet("color", "newer")
	if at, theirAt := a.mustStatus().Applied, other.mustStatus().Applied; at > theirAt+1000 {
		t.Errorf("entries up to %d for nothing", at)
	}
	mustRun(t, restore(theirs, "--yes", "--other-cluster")...)
	a.mustGet("color", "theirs")
}

func TestARestoreIntoTheRunningClusterIsAskedAboutOnATerminal(t *testing.T) {
	t.Parallel()
	a := newProcess(t, "a").start()
	a.awaitReady()
	a.mustPut("color", "red")
	file := backUp(t, a)
	a.mustPut("color", "blue")
	for _, tc := range []struct{ typed, want string }{{"n\n", "blue"}, {"\n", "blue"}, {"y\n", "red"}} {
		screen, keyboard, shown := terminal(t, 200, 24)
		cmd := exec.Command("balsa", "restore", file, "--running", "--server", a.httpURL)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = screen, screen, screen
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the question", func() bool { return strings.Contains(shown.String(), "Go on? [y/N]") })
		if _, err := keyboard.WriteString(tc.typed); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); (err == nil) != (tc.want == "red") {
			t.Errorf("after %q it ends with %v: %s", tc.typed, err, shown.String())
		}
		a.mustGet("color", tc.want)
	}
}

// Leaders die in the middle of a restore: it comes to its end through another member, or
// says that nothing was changed.
func TestARestoreOutlivesLeadersThatAreKilled(t *testing.T) {
	t.Parallel()
	all := newCluster(t, "a b c", "--timing", "lan")
	startAll(all)
	const keys = 24
	for i := range keys {
		all[0].mustPut(fmt.Sprintf("large-%d", i), strings.Repeat(fmt.Sprint(i%10), 1<<20))
	}
	plain := filepath.Join(t.TempDir(), "plain") // which takes its time, not being compressed
	packed, err := os.ReadFile(backUp(t, all[0]))
	if err != nil {
		t.Fatal(err)
	}
	content, err := readAll(backup.Decompress(bytes.NewReader(packed), "packed"))
	if err == nil {
		err = os.WriteFile(plain, content, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	all[0].mustPut("later", "yes")
	leader := leaderOf(t, all)
	var through *process
	for _, p := range all {
		if p != leader {
			through = p
		}
	}
	index := leader.mustStatus().Last
	cmd := exec.Command("balsa", "restore", plain, "--running", "--yes", "--server", through.httpURL)
	var said safeBuffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "pieces to come", func() bool { s, err := leader.status(); return err == nil && s.Last > index+3 })
	leader.kill()
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %s", err, said.String())
	}
	through.mustMiss("later")
	leader.start().awaitReady()
	awaitHealthy(t, all)
	for _, p := range all {
		p.mustMiss("later")
		p.mustGet(fmt.Sprintf("large-%d", keys-1), strings.Repeat(fmt.Sprint((keys-1)%10), 1<<20))
	}
}

func TestAMemberTakesASnapshotWhenItIsTold(t *testing.T) {
	t.Parallel()
	a := newProcess(t, "a").start()
	a.awaitReady()
	a.mustPut("color", "red")
	var done, again backup.Snapshotted
	for _, into := range []*backup.Snapshotted{&done, &again} {
		if err := json.Unmarshal([]byte(mustRun(t, "snapshot", "--json", "--server", "http://127.0.0.1:1,"+a.httpURL)), into); err != nil {
			t.Fatal(err)
		}
	}
	s := a.mustStatus()
	// Time goes on in the log by itself, and each such entry is one that a snapshot may hold.
	if done.Name != "a" || done.Index == 0 || again.Index < done.Index || s.Snapshot < again.Index {
		t.Errorf("it says %+v, and again %+v; the member is at %d", done, again, s.Snapshot)
	}
	if said := mustRun(t, "snapshot", "--server", a.httpURL); !strings.Contains(said, "The snapshot of a holds all up to entry ") {
		t.Errorf("it says %q", said)
	}
	mustFail(t, exitFailed, "connection refused", "snapshot", "--server", "http://127.0.0.1:1")
}
