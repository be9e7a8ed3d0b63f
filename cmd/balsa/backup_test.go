package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// command runs the command to its end.
func command(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "balsa", args...)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	timer := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	defer timer.Stop()
	err = cmd.Run()
	return out.String(), problems.String(), err
}

func mustRun(t *testing.T, args ...string) (stdout string) {
	t.Helper()
	stdout, stderr, err := command(t, args...)
	if err != nil {
		t.Fatalf("balsa %s: %v: %s", strings.Join(args, " "), err, stderr)
	}
	return stdout
}

func TestAClusterIsBackedUpAndANewOneMadeOfIt(t *testing.T) {
	t.Parallel()
	all := newCluster(t, "a b c", "--timing", "lan")
	startAll(all)
	all[0].mustPut("color", "red")
	dir := t.TempDir()
	file := filepath.Join(dir, "f.zst")

	var done backedUp
	if err := json.Unmarshal([]byte(mustRun(t, "backup", file, "--json", "--server", all[1].httpURL)), &done); err != nil {
		t.Fatal(err)
	}
	s := all[0].mustStatus()
	info, err := os.Stat(file)
	if err != nil || done.File != file || done.Cluster != s.Cluster || done.Index == 0 || done.Index > s.Commit || done.Bytes != info.Size() || len(done.Members) != len("voters=a,b,c") {
		t.Errorf("it says %+v; the cluster is %v; %v", done, s, err)
	}
	if said := mustRun(t, "backup", "--check", file); !strings.Contains(said, done.Cluster.String()) || strings.Contains(said, "removed") {
		t.Errorf("it is checked: %s", said)
	}
	all[0].mustPut("color", "blue") // after it
	piped, _, err := command(t, "backup", "-", "--stale", "--server", all[2].httpURL+","+all[1].httpURL)
	if err != nil || !strings.HasPrefix(piped, "\x28\xb5\x2f\xfd") {
		t.Errorf("to standard output: %v, %d bytes", err, len(piped))
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("it leaves %v", left)
	}

	d := newProcess(t, "d", "--timing", "lan")
	said := mustRun(t, "restore", file, "--dir", d.dir, "--name", "d")
	if !strings.Contains(said, "balsa serve --name d --dir "+d.dir) || !strings.Contains(said, s.Cluster.String()) {
		t.Errorf("it says %s", said)
	}
	d.start().awaitReady()
	d.mustGet("color", "red")
	d.mustPut("color", "green")
	if now := d.mustStatus(); now.Cluster == s.Cluster || now.Commit <= done.Index {
		t.Errorf("the new cluster stands at %v", now)
	}
	e := newProcess(t, "e", "--timing", "lan", "--join", d.addr).start()
	e.awaitReady()
	awaitHealthy(t, []*process{d, e})
	e.mustGet("color", "green")
	all[0].mustGet("color", "blue")

	mustFail(t, 1, "the directory is not empty", "restore", file, "--dir", all[0].dir, "--name", "a")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for what, b := range map[string][]byte{"cut": whole[:len(whole)/2], "altered": append(append(bytes.Clone(whole[:len(whole)/2]), whole[len(whole)/2]^1), whole[len(whole)/2+1:]...)} {
		wrong := filepath.Join(t.TempDir(), what)
		if err := os.WriteFile(wrong, b, 0o600); err != nil {
			t.Fatal(err)
		}
		mustFail(t, 1, "damaged, or no backup: at offset", "backup", "--check", wrong)
		mustFail(t, 1, "Use another backup", "restore", wrong, "--dir", filepath.Join(t.TempDir(), "x"), "--name", "x")
	}
}

func TestBackupsAreMadeAgainAndAgainAndTheOldestGo(t *testing.T) {
	t.Parallel()
	a := newProcess(t, "a").start()
	a.awaitReady()
	a.mustPut("color", "red")
	dir := t.TempDir()
	for _, name := range []string{"balsa-0123456789abcdef-20200101T000000Z-7.zst", "notes.txt"} { // another cluster's, and nobody's
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("balsa", "backup", "--to", dir, "--every", "1s", "--keep", "2", "--server", a.httpURL)
	var said safeBuffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	eventually(t, "old ones go", func() bool { return strings.Count(said.String(), "removed the older ") >= 2 })
	cmd.Process.Signal(os.Interrupt)
	if err := <-ended; err != nil {
		t.Errorf("it ends with %v: %s", err, said.String())
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(names) != 4 {
		t.Errorf("there are %v, %v", names, err)
	}
	for _, name := range names {
		if strings.Contains(name, a.mustStatus().Cluster.String()) {
			mustRun(t, "backup", "--check", name)
		}
	}
}

// A backup that fails is no reason to make none any more.
func TestBackupsGoOnOnceTheMemberIsBack(t *testing.T) {
	t.Parallel()
	a := newProcess(t, "a")
	dir := t.TempDir()
	cmd := exec.Command("balsa", "backup", "--to", dir, "--every", "100ms", "--server", a.httpURL)
	var said safeBuffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	eventually(t, "it says that none is made", func() bool {
		return strings.Count(said.String(), "no backup was made, the next try is in 100ms: ") >= 2
	})
	a.start().awaitReady()
	eventually(t, "one is made", func() bool { return strings.Contains(said.String(), " up to entry ") })
	cmd.Process.Signal(os.Interrupt)
	if err := <-ended; err != nil {
		t.Errorf("it ends with %v: %s", err, said.String())
	}
}

func TestABackupOfAMemberWithoutALeaderIsRefusedUnlessStale(t *testing.T) {
	t.Parallel()
	all := newCluster(t, "a b c", "--timing", "lan")
	startAll(all)
	all[0].mustPut("color", "red")
	awaitHealthy(t, all)
	all[1].kill()
	all[2].kill()
	eventually(t, "the leader is gone", func() bool { s, err := all[0].status(); return err == nil && s.Leader == "" })
	file := filepath.Join(t.TempDir(), "f")
	mustFail(t, 1, "no leader", "backup", file, "--server", all[0].httpURL)
	mustRun(t, "backup", file, "--stale", "--server", all[0].httpURL)
	mustRun(t, "backup", "--check", file)
}
