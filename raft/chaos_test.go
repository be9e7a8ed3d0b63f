package raft_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

var (
	oneSeed = flag.Uint64("seed", 0, "play only this seed of the chaos test, and with -v tell what happens")
	seeds   = flag.Uint64("seeds", 1000, "how many seeds the chaos test plays")
	first   = flag.Uint64("first", 1, "the first of them, to look where nobody has looked")
)

// TestChaos draws, for each seed, a cluster and a long line of mishaps: messages lost,
// doubled and out of order, crashes that lose what was not saved, slow disks, one-way
// cuts, clocks of different rates, changes of members, handovers, compaction and
// snapshots. The judge looks at every step. Then the mishaps end, and the cluster must
// recover within a bounded time.
func TestChaos(t *testing.T) {
	if *oneSeed != 0 {
		chaosOf(t, *oneSeed, t.Logf)
		return
	}
	count := *seeds
	if testing.Short() {
		count = min(count, 100)
	}
	const lanes = 4
	for lane := range uint64(lanes) {
		t.Run(fmt.Sprintf("lane=%d", lane), func(t *testing.T) {
			t.Parallel()
			for seed := lane; seed < count; seed += lanes {
				chaosOf(t, *first+seed, func(string, ...any) {})
			}
		})
	}
}

// chaosOf plays one seed.
func chaosOf(t *testing.T, seed uint64, log func(string, ...any)) {
	c := newChaos(seed, log)
	defer func() {
		switch p := recover().(type) {
		case nil:
		case violation:
			t.Fatalf("step %d: %s\nreplay with: go test ./raft -run TestChaos -v -seed=%d", c.step, string(p), seed)
		default:
			t.Errorf("step %d; replay with: go test ./raft -run TestChaos -v -seed=%d", c.step, seed)
			panic(p)
		}
	}()
	c.faults(1000 + c.chance.IntN(4000))
	c.recover()
}

// chaos plays a world by chance.
type chaos struct {
	w        *world
	chance   *rand.Rand
	log      func(string, ...any)
	step     int
	reads    uint64
	commands int
	next     wire.MemberID // identity of the next member that joins
	frozen   *member       // its process stands still, and its clock goes on
	thaw     int           // step at which it wakes up
}

func newChaos(seed uint64, log func(string, ...any)) *chaos {
	c := &chaos{chance: rand.New(rand.NewPCG(seed, 0)), log: log}
	cfg := raft.Config{
		MaxVoters:           []int{0, 0, 3, 5}[c.chance.IntN(4)],
		MaxInflight:         1 + c.chance.IntN(6),
		MaxInflightBytes:    100 + c.chance.IntN(3000),
		MaxMessageBytes:     50 + c.chance.IntN(500),
		MaxUncommittedBytes: 500 + c.chance.IntN(5000),
	}
	c.w = newWorld(cfg, func(id wire.MemberID) func() uint64 {
		return rand.New(rand.NewPCG(seed, uint64(id))).Uint64
	})
	c.w.spanSize = func() int { return 1 + c.chance.IntN(4) }
	c.w.report = func(format string, args ...any) { broken(format, args...) }
	c.w.delivering = func(l letter) { c.log("  %s", l.Message) }
	var members []wire.Member
	voters := 1 + c.chance.IntN(5)
	for id := range voters + c.chance.IntN(3) {
		members = append(members, wire.Member{ID: wire.MemberID(id + 1), Role: c.role(id < voters)})
	}
	c.next = wire.MemberID(len(members) + 1)
	c.w.found(members...)
	for _, m := range c.w.members {
		c.drawClock(m)
	}
	c.log("seed %d: %d members, %d of them voters, %+v", seed, len(members), voters, cfg)
	return c
}

func (c *chaos) role(voter bool) wire.Role {
	if voter {
		return wire.Voter
	}
	return wire.Learner
}

// drawClock gives a member a clock whose rate differs from any other's by no more than
// the default of Config.ClockDrift, 100 in a thousand.
func (c *chaos) drawClock(m *member) { m.rate = 955 + c.chance.IntN(90) }

func (c *chaos) one(n int) bool { return c.chance.IntN(n) == 0 }

// anyone is a member whose process does not stand still.
func (c *chaos) anyone() *member {
	for {
		m := c.w.members[c.chance.IntN(len(c.w.members))]
		if m != c.frozen || len(c.w.members) == 1 {
			return m
		}
	}
}

// leader is somebody who believes to lead, or nobody.
func (c *chaos) leader() *member {
	var leaders []*member
	for _, m := range c.w.members {
		if m.up() && m != c.frozen && m.core.Status().Role == raft.Leader {
			leaders = append(leaders, m)
		}
	}
	if len(leaders) == 0 {
		return nil
	}
	return leaders[c.chance.IntN(len(leaders))]
}

func (c *chaos) faults(steps int) {
	// Some runs are calm, so that long logs and many terms both occur.
	calm := 1 + c.chance.IntN(6)
	for c.step = range steps {
		if c.frozen != nil && c.step >= c.thaw {
			c.wake()
		}
		switch n := c.chance.IntN(100); {
		case n < 45:
			c.deliverSome()
		case n < 62:
			c.saveSome(c.anyone())
		case n < 72:
			c.applySome(c.anyone())
		case n < 82:
			c.passTime()
		case n < 89:
			c.propose()
		case n < 93:
			c.read(c.anyone())
		case c.one(calm):
			c.mishap()
		}
	}
}

func (c *chaos) deliverSome() {
	for range 1 + c.chance.IntN(10) {
		if len(c.w.mail) == 0 {
			return
		}
		k := c.chance.IntN(len(c.w.mail))
		if !c.one(4) {
			// Mostly in order on each link, as connections deliver.
			wanted := c.w.mail[k].link()
			k = slices.IndexFunc(c.w.mail, func(l letter) bool { return l.link() == wanted })
		}
		l := c.w.mail[k]
		switch {
		case c.frozen != nil && l.To == c.frozen.id:
		case c.one(20) || len(c.w.mail) > 300:
			c.w.mail = slices.Delete(c.w.mail, k, k+1)
			c.w.lose(l)
		case c.one(30) && l.snapshot == nil:
			c.w.mail = append(c.w.mail, l)
			fallthrough
		default:
			c.w.deliver(k)
		}
	}
}

func (c *chaos) saveSome(m *member) {
	if m.up() && len(m.pending) > 0 {
		n := 1 + c.chance.IntN(len(m.pending))
		if c.one(2) {
			n = len(m.pending)
		}
		c.log("%s has saved %d of %d", m.id, n, len(m.pending))
		c.w.save(m, n)
	}
}

func (c *chaos) applySome(m *member) {
	switch {
	case !m.up():
	case len(m.arrived) > 0:
		c.log("%s becomes the snapshot at %s", m.id, m.arrived[0].pos)
		c.w.become(m)
	case m.committed > m.applied:
		c.w.apply(m, m.applied+1+wire.Index(c.chance.IntN(int(m.committed-m.applied))))
	}
}

func (c *chaos) passTime() {
	d := time.Duration(1+c.chance.IntN(30)) * time.Millisecond
	switch {
	case c.one(40):
		d = time.Duration(c.chance.IntN(2000)) * time.Millisecond
	case len(c.w.mail) == 0:
		d *= 8
	}
	still := c.frozen
	if still == nil && c.one(6) {
		still = c.anyone()
	}
	c.log("%v pass", d)
	for _, m := range c.w.members {
		if m == still {
			m.now += m.pace(d) // and it does not look at its clock
			continue
		}
		c.w.advanceOne(m, d)
	}
}

// freeze lets a process stand still, as SIGSTOP does or a machine that is moved.
func (c *chaos) freeze(m *member) {
	if c.frozen == nil && m.up() && len(c.w.members) > 1 {
		c.log("%s stands still", m.id)
		c.frozen, c.thaw = m, c.step+20+c.chance.IntN(300)
	}
}

// wake lets it go on, and asks it before it has looked at its clock or at its mail.
func (c *chaos) wake() {
	m := c.frozen
	c.frozen = nil
	c.log("%s goes on", m.id)
	c.read(m)
	c.read(m)
}

func (c *chaos) propose() {
	m := c.leader()
	if m == nil {
		return
	}
	var texts []string
	for range 1 + c.chance.IntN(5) {
		c.commands++
		texts = append(texts, fmt.Sprintf("command%d", c.commands))
	}
	first, err := c.w.propose(m, texts, 1+c.chance.IntN(200))
	c.log("%s appends %d commands at %s: %v", m.id, len(texts), first, err)
	if err != nil && !errors.Is(err, raft.ErrNotLeader) && !errors.Is(err, raft.ErrTransferring) && !errors.Is(err, raft.ErrTooMuchUncommitted) {
		broken("%s refuses a proposal with an error that is not its to give: %v", m.id, err)
	}
}

func (c *chaos) read(m *member) {
	if m.up() {
		c.reads++
		lease := c.one(2)
		c.log("%s is asked read %d, lease %v", m.id, c.reads, lease)
		c.w.read(m, c.reads, lease)
	}
}

// mishap is something that seldom happens.
func (c *chaos) mishap() {
	m := c.anyone()
	switch c.chance.IntN(26) {
	case 0, 1:
		c.crash(m)
	case 2, 3, 4, 5, 6, 7:
		c.restart(m)
	case 8:
		o := c.anyone()
		c.log("cut %s>%s", m.id, o.id)
		c.w.cut[link{m.id, o.id}] = true
	case 9:
		c.log("cut %s off", m.id)
		for _, o := range c.w.members {
			c.w.cut[link{m.id, o.id}], c.w.cut[link{o.id, m.id}] = true, true
		}
	case 10, 11, 12, 13, 14, 15:
		c.log("heal")
		clear(c.w.cut)
	case 16, 17:
		c.changeMembers()
	case 18:
		if l := c.leader(); l != nil {
			c.log("%s hands over to %s", l.id, m.id)
			c.w.do(l, func(r *raft.Raft) { _ = r.Transfer(l.now, m.id) })
		}
	case 19, 20:
		if m.up() && m.applied > m.log.start.Index {
			at := m.log.start.Index + 1 + wire.Index(c.chance.IntN(int(m.applied-m.log.start.Index)))
			c.log("%s compacts up to %d", m.id, at)
			c.w.compact(m, at)
		}
	case 21:
		c.reconnect(m, c.anyone())
	case 22:
		c.log("%s is told to campaign or to step down", m.id)
		if c.one(2) {
			c.w.do(m, func(r *raft.Raft) { r.Campaign(m.now) })
		} else {
			c.w.do(m, func(r *raft.Raft) { r.StepDown(m.now) })
		}
	case 23, 24:
		c.freeze(m)
	case 25:
		if l := c.leader(); l != nil {
			c.freeze(l)
		}
	}
}

// crash ends a process. Some of its saves may have reached the disk unreported.
func (c *chaos) crash(m *member) {
	if !m.up() {
		return
	}
	if n := len(m.pending); n > 0 && c.one(2) {
		m.sync(1 + c.chance.IntN(n))
	}
	c.log("%s crashes with %d saves lost", m.id, len(m.pending))
	c.w.crash(m)
	if c.one(2) {
		c.gone(m)
	}
}

// gone tells the others that a process is not there any more.
func (c *chaos) gone(m *member) {
	for _, o := range c.w.members {
		if o != m && !c.w.cut[link{o.id, m.id}] {
			c.w.step(o, raft.LinkDown{ID: m.id, Gone: true})
		}
	}
}

func (c *chaos) restart(m *member) {
	if m.up() {
		return
	}
	c.log("%s restarts with %+v and a log up to %s", m.id, m.disk.hard, m.disk.log.last())
	c.w.start(m)
	c.gone(m) // whoever had met the process before now meets another
	for _, o := range c.w.members {
		if o != m {
			c.reconnect(o, m)
			c.reconnect(m, o)
		}
	}
}

func (c *chaos) reconnect(m, o *member) {
	if m == o || !o.up() || c.w.cut[link{m.id, o.id}] {
		return
	}
	if c.one(2) {
		c.w.step(m, raft.LinkDown{ID: o.id})
	}
	c.w.step(m, raft.LinkUp{ID: o.id})
}

func (c *chaos) changeMembers() {
	l := c.leader()
	if l == nil {
		return
	}
	if c.next <= 9 && c.one(3) {
		m := c.w.add(c.next)
		c.drawClock(m)
		c.next++
		c.w.start(m)
	}
	var members []wire.Member
	for _, k := range c.chance.Perm(len(c.w.members))[:1+c.chance.IntN(len(c.w.members))] {
		members = append(members, wire.Member{ID: c.w.members[k].id, Role: c.role(len(members) < 1 || !c.one(3))})
	}
	c.w.do(l, func(r *raft.Raft) {
		err := r.ChangeMembers(l.now, members)
		c.log("%s makes %v the members: %v", l.id, members, err)
	})
}

// patience is the virtual time within which a cluster must be well again: more than
// the time of several elections that nobody wins.
const patience = 60 * time.Second

// recover ends all faults. A leader must appear, all members of its configuration must
// catch up, and all reads that are asked then must be answered.
func (c *chaos) recover() {
	c.log("the faults end")
	c.frozen = nil
	clear(c.w.cut)
	for _, m := range c.w.members {
		c.restart(m)
	}
	if !c.until(c.well) {
		broken("the cluster does not recover: %s", c.standing())
	}
	m := c.leader()
	if _, err := c.w.propose(m, []string{"after"}, 1); err != nil {
		broken("%s takes no proposal after the recovery: %v", m.id, err)
	}
	if !c.until(c.well) {
		broken("a proposal after the recovery is not committed: %s", c.standing())
	}
	if c.w.judge.identity[c.w.judge.committed[len(c.w.judge.committed)-1].pos].text != "after" {
		broken("a proposal after the recovery is lost: %s", c.standing())
	}
	c.readEverywhere(c.leader())
}

// until lets time pass until something holds.
func (c *chaos) until(holds func() bool) bool {
	const step = 20 * time.Millisecond
	for range patience / step {
		if !c.w.settle() {
			broken("the cluster never comes to rest: %s", c.standing())
		}
		if holds() {
			return true
		}
		c.w.advance(step)
	}
	return false
}

// well says whether one leader is followed by all its members, who have applied all
// that there is.
func (c *chaos) well() bool {
	var leader *member
	for _, m := range c.w.members {
		if m.core.Status().Role == raft.Leader {
			if leader != nil {
				return false
			}
			leader = m
		}
	}
	if leader == nil {
		return false
	}
	s := leader.core.Status()
	if s.Membership.Joint() || s.Transferee != 0 {
		return false
	}
	for _, a := range s.Membership.All() {
		if o := c.w.member(a.ID).core.Status(); o.Applied != s.Last.Index || o.Last != s.Last || o.Leader != s.ID {
			return false
		}
	}
	return true
}

func (c *chaos) readEverywhere(leader *member) {
	for _, a := range leader.core.Status().Membership.All() {
		seen := len(c.w.answers)
		c.read(c.w.member(a.ID))
		answered := func() bool {
			return slices.ContainsFunc(c.w.answers[seen:], func(x answer) bool { return x.ID == c.reads && !x.Failed })
		}
		if !c.until(answered) {
			broken("%s does not answer a read after the recovery: %s", a.ID, c.standing())
		}
	}
}

func (c *chaos) standing() string {
	text := ""
	for _, m := range c.w.members {
		text += "\n" + describe(m)
		if m.up() {
			text += " knows " + m.core.Status().Membership.String()
		}
	}
	return text
}
