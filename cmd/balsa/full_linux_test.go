package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// small mounts a file system of a size on a directory.
func small(t *testing.T, megabytes int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", megabytes)); err != nil {
		t.Skipf("a small file system needs the right to mount one: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
			syscall.Unmount(dir, syscall.MNT_DETACH)
		}
	})
	return dir
}

// fill leaves a file system without a free block.
func fill(t *testing.T, dir string) (remove func()) {
	t.Helper()
	name := filepath.Join(dir, "filler")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 4096)
	for err == nil {
		_, err = f.Write(block)
	}
	return func() {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}

// Scenario full-disk, with a real file system.
func TestFullDiskIsSaidAndWritesGoOnWithSpace(t *testing.T) {
	t.Parallel()
	disk := small(t, 64)
	p := newProcess(t, "a")
	p.dir = filepath.Join(disk, "a")
	p.start().awaitReady()
	remove := fill(t, disk)
	acked := map[string]string{}
	var refusal answer
	for i := 0; refusal.status == 0; i++ { // what the log holds in advance is used up first
		key, value := fmt.Sprint("k", i), strings.Repeat("x", 1<<20)
		a, err := p.do("PUT", key, value)
		switch {
		case err != nil:
			t.Fatalf("%v; a full disk must not end the member", err)
		case a.status == 200:
			acked[key] = value
		default:
			refusal = a
		}
		if i > 200 {
			t.Fatal("200 MiB fit on a disk of 64")
		}
	}
	t.Logf("%d MiB were written, then: %d %s", len(acked), refusal.status, refusal.body)
	if refusal.status != 504 && refusal.status != 507 || !strings.Contains(refusal.body, "space") {
		t.Errorf("a write to a full disk is answered %d %s", refusal.status, refusal.body)
	}
	p.awaitSaid("the disk is full")
	remove()
	eventually(t, "writes to go on when there is space", func() bool {
		a, err := p.do("PUT", "k", "w")
		return err == nil && a.status == 200
	})
	p.mustGet("k", "w")
	p.kill()
	p.start().awaitReady()
	for key, value := range acked {
		p.mustGet(key, value)
	}
}

func TestOneFullDiskDoesNotStopTheOthers(t *testing.T) {
	t.Parallel()
	disk := small(t, 64)
	all := newCluster(t, "a b c")
	all[2].dir = filepath.Join(disk, "c")
	startAll(all)
	awaitHealthy(t, all)
	remove := fill(t, disk)
	value := strings.Repeat("x", 1<<20)
	for i := range 40 {
		if i == 0 || !strings.Contains(all[2].stderr.String(), "the disk is full") {
			eventually(t, "a write to be acknowledged", func() bool {
				a, err := all[i%2].do("PUT", fmt.Sprint("k", i), value)
				return err == nil && a.status == 200
			})
		}
	}
	all[2].awaitSaid("the disk is full")
	eventually(t, "a write beside the full member", func() bool {
		a, err := all[0].do("PUT", "beside", "the full one")
		return err == nil && a.status == 200
	})
	all[1].mustGet("beside", "the full one")
	remove()
	awaitHealthy(t, all)
	all[2].mustGet("beside", "the full one")
}

func TestStartingOnAFullDiskSaysSo(t *testing.T) {
	disk := small(t, 1)
	fill(t, disk)
	p := newProcess(t, "a")
	p.dir = filepath.Join(disk, "a")
	code, said := fails(t, p.args()...)
	if code != 1 || !strings.Contains(said, "Make room on the disk") {
		t.Errorf("exit code %d, %s", code, said)
	}
}

func TestFileSizeLimitEndsInAnErrorNotInASignal(t *testing.T) {
	p := newProcess(t, "a")
	// 512-byte blocks: 64 KiB a file.
	cmd := exec.Command("sh", append([]string{"-c", `ulimit -f 128; exec balsa "$@"`, "sh"}, p.args()...)...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 1 || strings.Contains(string(out), "SIGXFSZ") {
		t.Errorf("%v: %s", err, tail(string(out)))
	}
	if !strings.Contains(string(out), "file too large") && !strings.Contains(string(out), "no space") {
		t.Errorf("the reason is not said: %s", tail(string(out)))
	}
}

// asNobody runs the command as a user without rights.
func asNobody(t *testing.T, args ...string) (code int, said string) {
	t.Helper()
	cmd := exec.Command("balsa", args...)
	if os.Getuid() == 0 {
		for dir := filepath.Dir(cmd.Path); dir != "/"; dir = filepath.Dir(dir) {
			letPass(t, dir)
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// letPass lets everyone through a directory of this test.
func letPass(t *testing.T, dir string) {
	t.Helper()
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm()&0o001 == 0 {
		if err := os.Chmod(dir, info.Mode().Perm()|0o011); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDirectoryWithoutRightsIsSaid(t *testing.T) {
	p := left(t, "a")
	for dir := filepath.Dir(p.dir); dir != "/"; dir = filepath.Dir(dir) {
		letPass(t, dir)
	}
	for what, mode := range map[string]os.FileMode{"unreadable": 0o000, "read-only": 0o555} {
		if err := os.Chmod(p.dir, mode); err != nil {
			t.Fatal(err)
		}
		code, said := asNobody(t, p.args()...)
		if code != 1 || !strings.Contains(said, p.dir) || !strings.Contains(said, "let the user who runs this program") {
			t.Errorf("%s: exit code %d, %s", what, code, said)
		}
	}
	if err := os.Chmod(p.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	p.start().awaitReady()
	p.mustGet("k", "v")
}

func TestReadOnlyFileSystemIsSaid(t *testing.T) {
	disk := small(t, 64)
	if err := syscall.Mount("", disk, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Skipf("remount: %v", err)
	}
	p := newProcess(t, "a")
	p.dir = filepath.Join(disk, "a")
	mustFail(t, 1, "Mount it writable", p.args()...)
}
