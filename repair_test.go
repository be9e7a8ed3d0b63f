package balsa_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/fsys"
)

// rot flips a bit in the middle of each of a stopped member's logs.
func (c *cluster) rot(name string) {
	c.Helper()
	names, err := c.disks[name].List()
	if err != nil {
		c.Fatal(err)
	}
	for _, file := range names {
		if !strings.HasPrefix(file, "wal-") {
			continue
		}
		f, err := c.disks[name].Open(file)
		if err != nil {
			c.Fatal(err)
		}
		var b [1]byte
		if _, err := f.ReadAt(b[:], 2000); err != nil {
			c.Fatal(err)
		}
		b[0] ^= 4
		if _, err := f.WriteAt(b[:], 2000); err != nil {
			c.Fatal(err)
		}
		f.Close()
	}
}

// image is all of a disk's files and their contents.
func image(t *testing.T, disk fsys.FS) map[string]string {
	t.Helper()
	names, err := disk.List()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, name := range names {
		f, err := disk.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		size, err := f.Size()
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, size)
		if n, err := f.ReadAt(b, 0); n < len(b) {
			t.Fatal(err)
		}
		f.Close()
		all[name] = string(b)
	}
	return all
}

// Scenario rot-in-the-middle, end to end.
func TestADamagedMemberIsRepairedFromTheOthers(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		for i := range 100 {
			c.propose("a", i)
		}
		for _, name := range []string{"a", "b", "c"} {
			before := c.nodes[name].Status()
			c.stop(name)
			c.rot(name)
			node := c.open(name, withCluster("a", "b", "c"))
			c.eventually(name+" votes again", func() bool {
				s := node.Status()
				return s.Role == "leader" || s.Role == "follower" && c.roles(name)[name] == "voter"
			})
			after := node.Status()
			if after.Cluster != before.Cluster || after.ID == before.ID || len(after.Members) != 3 {
				t.Errorf("%s came back as %+v, it was %+v", name, after, before)
			}
			if sum := c.read(name); sum != 4950 {
				t.Errorf("%s reads %d, want 4950", name, sum)
			}
			aside := 0
			for file := range image(t, c.disks[name]) {
				if strings.HasPrefix(file, "damaged-"+before.ID.String()+"-wal-") {
					aside++
				}
			}
			if aside == 0 {
				t.Errorf("%s's damaged log was not set aside", name)
			}
			// And the next start finds an ordinary member.
			c.stop(name)
			c.open(name)
			c.agree()
		}
	})
}

// While no majority is there to take a member in again, its files are the only copy.
func TestADamagedMemberLeavesItsFilesAloneUntilItIsTakenIn(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		for i := range 100 {
			c.propose("a", i)
		}
		c.agree()
		for _, name := range []string{"a", "b", "c"} {
			c.stop(name)
			c.rot(name)
		}
		before := map[string]map[string]string{}
		for _, name := range []string{"a", "b", "c"} {
			before[name] = image(t, c.disks[name])
			c.open(name, withCluster("a", "b", "c"))
		}
		time.Sleep(time.Minute)
		for _, name := range []string{"a", "b", "c"} {
			s := c.nodes[name].Status()
			if s.Role != "repairing" || !strings.Contains(s.Waiting, "wal-") || !strings.Contains(s.Waiting, "offset") {
				t.Errorf("%s stands as %+v", name, s)
			}
			_, err := c.nodes[name].Propose(c.soon(time.Second), 1)
			if !errors.Is(err, balsa.ErrNotCommitted) || !errors.Is(err, balsa.ErrDamaged) {
				t.Errorf("a proposal on %s: %v", name, err)
			}
			c.stop(name)
			for file, content := range before[name] {
				if image(t, c.disks[name])[file] != content {
					t.Errorf("%s's file %s was changed", name, file)
				}
			}
		}
	})
}

func TestALoneDamagedMemberDoesNotOpen(t *testing.T) {
	dir := t.TempDir()
	node := onDisk(t, dir, "a")
	for i := range 100 {
		if _, err := node.Propose(t.Context(), i); err != nil {
			t.Fatal(err)
		}
	}
	if err := node.Snapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
	node.Close()
	snaps, _ := filepath.Glob(filepath.Join(dir, "snap-*"))
	logs, _ := filepath.Glob(filepath.Join(dir, "wal-*"))
	for _, path := range append(snaps, logs...) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)/4] ^= 1
		b[2000%len(b)] ^= 1
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	before := contents(t, dir)
	_, err := balsa.Open(context.Background(), balsa.Config{Dir: dir}, newLedger())
	if !errors.Is(err, balsa.ErrDamaged) || contents(t, dir) != before {
		t.Errorf("Open = %v; the directory was changed: %v", err, contents(t, dir) != before)
	}
}

// Scenario rolled-back-disk.
func TestAMemberWhoseDiskWentBackIsFoundOutAndRepaired(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		for i := range 20 {
			c.propose("a", i)
		}
		victim := c.followers()[0]
		c.agree()
		c.stop(victim)
		older := image(t, c.disks[victim])
		c.open(victim)
		for i := range 20 {
			c.propose(victim, i)
		}
		c.agree()
		time.Sleep(time.Second)
		id := c.nodes[victim].Status().ID
		c.stop(victim)
		back := fsys.NewMemory()
		for name, content := range older {
			f, err := back.Create(name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteAt([]byte(content), 0); err != nil {
				t.Fatal(err)
			}
			f.Close()
		}
		c.disks[victim] = back
		node := c.open(victim, withCluster("a", "b", "c"))
		select {
		case <-node.Done():
		case <-time.After(time.Minute):
			t.Fatal("nobody noticed that the disk went back")
		}
		if err := node.Err(); !errors.Is(err, balsa.ErrDamaged) || !strings.Contains(err.Error(), "older image") {
			t.Errorf("the member stopped with %v", err)
		}
		node = c.open(victim, withCluster("a", "b", "c"))
		c.eventually(victim+" votes again", func() bool { return c.roles(victim)[victim] == "voter" })
		if s := node.Status(); s.ID == id || len(s.Members) != 3 {
			t.Errorf("it came back as %+v, its identity was %s", s, id)
		}
		if sum := c.read(victim); sum != 380 {
			t.Errorf("it reads %d, want 380", sum)
		}
	})
}
