//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// founders found the cluster; later joins it while it runs.
var (
	founders = []string{"a", "b", "c"}
	later    = []string{"d", "e"}
)

// onSmallDisks live on file systems that can be filled, where those can be mounted.
var onSmallDisks = []string{"c", "d"}

// snapshotBytes makes snapshots frequent, so that those who come back need them.
const snapshotBytes = 4 << 20

// cluster is the members, the network between them, and who asks them.
type cluster struct {
	options
	net    network
	report *report
	ask    *asker // for what is no caller's question
	places map[string]place

	// calm is held, for writing, by a fault that destroys a copy, and by faults of the
	// network for reading.
	calm sync.RWMutex

	mu      sync.Mutex
	members []*member
}

func newCluster(o options, n network, r *report) (*cluster, error) {
	c := &cluster{options: o, net: n, report: r, places: map[string]place{}}
	c.ask = newAsker(r.began, 3*time.Second, r.finding)
	var list []string
	for _, name := range slices.Concat(founders, later) {
		at, err := n.place(name)
		if err != nil {
			return nil, fmt.Errorf("find a place for member %s: %w", name, err)
		}
		c.places[name] = at
		if slices.Contains(founders, name) {
			list = append(list, name+"="+at.advertise)
		}
	}
	for _, name := range founders {
		if _, err := c.add(name, "--cluster", strings.Join(list, ",")); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// add starts a member that has not been there.
func (c *cluster) add(name string, flags ...string) (*member, error) {
	dir := filepath.Join(c.dir, name)
	m := &member{place: c.places[name], name: name, dir: dir, log: filepath.Join(c.dir, name+".log"), note: c.report.finding}
	m.flags = append([]string{"--snapshot-bytes", fmt.Sprint(snapshotBytes), "--timing", []string{"lan", "default"}[c.seed%2]}, flags...)
	if slices.Contains(onSmallDisks, name) {
		if err := smallDisk(dir); err != nil {
			c.report.skip("full-disk", err.Error())
		} else {
			m.disk, m.dir = dir, filepath.Join(dir, "files")
		}
	}
	if err := os.MkdirAll(m.dir, 0o755); err != nil {
		return nil, err
	}
	if err := m.start(c.program); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.members = append(c.members, m)
	return m, nil
}

func (c *cluster) all() []*member {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.members)
}

// closeAll ends what runs.
func (c *cluster) closeAll() {
	for _, m := range c.all() {
		if m.running() {
			m.kill()
		}
	}
	c.net.close()
}

// leader is the member that says it leads, in the highest term; nil if none does.
func (c *cluster) leader() (*member, standing) {
	const patience = 300 * time.Millisecond
	var mu sync.Mutex
	var leader *member
	var best standing
	var asking sync.WaitGroup
	for _, m := range c.all() {
		asking.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			s, err := c.ask.status(ctx, m)
			mu.Lock()
			defer mu.Unlock()
			if err == nil && s.Role == "leader" && (leader == nil || s.Term > best.Term) {
				leader, best = m, s
			}
		})
	}
	asking.Wait()
	return leader, best
}

// whole says whether all members vote, answer, and have what was committed at a
// moment, which is that of the call before, and no change of members is under way, which
// would need those before it, too. One member may be left out, who is down.
func (c *cluster) whole(committed *uint64, without *member) bool {
	_, s := c.leader()
	want := *committed
	if *committed = s.Commit; want == 0 || s.Commit < want || s.Changing {
		return false
	}
	names := map[string]bool{}
	for _, m := range s.Members {
		down := without != nil && m.Name == without.name
		if !down && (m.Role != "voter" || !m.Active || m.Match < want) {
			return false
		}
		names[m.Name] = true
	}
	all := c.all()
	for _, m := range all {
		if !names[m.name] {
			return false
		}
	}
	return len(s.Members) == len(all)
}

// awaitWhole waits for that, and starts meanwhile who has ended.
func (c *cluster) awaitWhole(ctx context.Context, within time.Duration) bool {
	return c.await(ctx, within, func(committed *uint64) bool {
		c.startEnded()
		return c.whole(committed, nil)
	})
}

// awaitRest waits until all but one have all, and that one is down.
func (c *cluster) awaitRest(ctx context.Context, within time.Duration, without *member) bool {
	return c.await(ctx, within, func(committed *uint64) bool { return c.whole(committed, without) })
}

func (c *cluster) await(ctx context.Context, within time.Duration, isSo func(committed *uint64) bool) bool {
	var committed uint64
	for end := time.Now().Add(within); time.Now().Before(end) && ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
		if isSo(&committed) {
			return true
		}
	}
	return false
}

// startEnded starts members whose processes have ended by themselves. One that was
// damaged, and noticed it while it ran, starts anew on an empty directory.
func (c *cluster) startEnded() {
	for _, m := range c.all() {
		if m.running() {
			continue
		}
		if m.excuseGiven() == damaged {
			c.report.outcome("damage: ended later")
			c.must(m.wipe())
		}
		c.must(m.start(c.program))
	}
}

// must notes a failure of this program's own doing, which spoils the run.
func (c *cluster) must(err error) {
	if err != nil {
		c.report.finding("the run itself: " + err.Error())
	}
}

// describe tells how all members stand, for people.
func (c *cluster) describe() string {
	var b strings.Builder
	for _, m := range c.all() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		s, err := c.ask.status(ctx, m)
		cancel()
		if err != nil {
			fmt.Fprintf(&b, "  %s: %v\n", m.name, err)
			continue
		}
		fmt.Fprintf(&b, "  %s term=%d %s leader=%q commit=%d applied=%d %s %+v\n", m.name, s.Term, s.Role, s.Leader, s.Commit, s.Applied, s.Waiting, s.Members)
	}
	return b.String()
}

// readLogs looks for what no member may ever say, in whichever of its lives.
func (c *cluster) readLogs() {
	for _, m := range c.all() {
		said, err := os.ReadFile(m.log)
		c.must(err)
		for _, never := range []string{"DATA RACE", "panic:", "fatal error:"} {
			if at := bytes.Index(said, []byte(never)); at >= 0 {
				c.report.finding(fmt.Sprintf("member %s said:\n%s", m.name, said[at:min(at+6000, len(said))]))
			}
		}
	}
}
