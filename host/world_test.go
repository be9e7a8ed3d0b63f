package host_test

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa/fsys/fault"
	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/session"
	"github.com/balsaraft/balsa/storage/identity"
	"github.com/balsaraft/balsa/wire"
)

// world is a few hosts in one thread, with virtual time: what is under way arrives with
// the next step, tasks end with it, and when nothing moves the clock jumps to the next
// deadline. Nothing goes wrong by itself: tests meddle with the mail and the disks.
type world struct {
	*testing.T
	now     time.Duration
	start   int64 // wall time at now = 0
	members []*member
	mail    []letter
	meddle  func(letter) []letter // what arrives in place of a letter, nil: itself
	ids     wire.MemberID
	seed    uint64
	padding int                // of what lagging makes
	tune    func(*host.Config) // of every member, after its own
}

type letter struct {
	from *member
	card wire.Card // of the sender, as it was then
	to   wire.Peer
	wire.Message
}

func newWorld(t *testing.T) *world {
	return &world{T: t, seed: 1, padding: 3 << 20, start: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano(), ids: 10}
}

const (
	heartbeat       = 100 * time.Millisecond
	electionTimeout = time.Second
)

// member is a place where a host may run: a name, which is its address, and a disk.
type member struct {
	w       *world
	name    string // where it runs
	called  string // what it is called when its identity is minted
	disk    *fault.Disk
	tune    func(*host.Config)
	machine *machine
	host    *host.Host // nil while it does not run
	card    wire.Card
	tasks   []*host.Task
	hold    func(*host.Task) bool // tasks that do not get on
	inbox   []wire.Arrival
	wanted  []wire.Peer
	up      map[wire.MemberID]wire.Card
	skew    time.Duration // of its calendar
	starts  uint64
	due     time.Duration

	events   []host.Event
	refused  map[uint64]host.Refusal
	reads    map[uint64]bool
	controls map[uint64]error
	done     map[uint64]bool // controls that were answered
	survey   []host.Progress // of the last that was
}

// add makes a place for a member, with an empty disk, and starts nothing.
func (w *world) add(name string, tune func(*host.Config)) *member {
	m := &member{w: w, name: name, called: name, disk: fault.New(100*w.seed + uint64(len(w.members))), tune: tune}
	w.members = append(w.members, m)
	return m
}

// founders makes places for members that will found a cluster together.
func (w *world) founders(tune func(*host.Config), names ...string) (all []*member) {
	list := map[string]string{}
	for _, name := range names {
		list[name] = name
	}
	for _, name := range names {
		all = append(all, w.add(name, func(c *host.Config) {
			if len(names) > 1 {
				c.Founders = list
			}
			if tune != nil {
				tune(c)
			}
		}))
	}
	return all
}

// cluster starts founders and waits for their leader.
func (w *world) cluster(tune func(*host.Config), names ...string) []*member {
	w.Helper()
	all := w.founders(tune, names...)
	for _, m := range all {
		m.run()
	}
	w.leader()
	return all
}

// run starts a host that must open.
func (m *member) run() {
	m.w.Helper()
	if err := m.open(); err != nil {
		m.w.Fatalf("start %s: %v", m.name, err)
	}
}

// mint gives an empty disk an identity.
func (m *member) mint() (identity.Identity, error) {
	who, err := identity.Load(m.disk)
	if errors.Is(err, identity.ErrNone) {
		m.w.ids++
		who = identity.Identity{ID: m.w.ids, Name: m.called}
		err = identity.Save(m.disk, who)
	}
	return who, err
}

func (m *member) open() error {
	m.starts++
	who, err := m.mint()
	if err != nil {
		return err
	}
	m.card = wire.Card{Cluster: who.Cluster, ID: who.ID, Incarnation: m.starts, Name: who.Name, Addr: m.name}
	m.machine = newMachine()
	m.inbox, m.wanted, m.tasks, m.up, m.due = nil, nil, nil, map[wire.MemberID]wire.Card{}, 0
	m.events, m.refused, m.reads = nil, map[uint64]host.Refusal{}, map[uint64]bool{}
	m.controls, m.done = map[uint64]error{}, map[uint64]bool{}
	random := rand.New(rand.NewPCG(uint64(who.ID), m.starts))
	c := host.Config{
		Files: m.disk, Identity: who, Card: m.card, Machine: m.machine, Transport: m, Logger: slog.New(slog.DiscardHandler),
		Raft:         raft.Config{Heartbeat: heartbeat, ElectionTimeout: electionTimeout, MaxVoters: 5},
		SegmentBytes: 64 << 10, CacheBytes: 64 << 10, SnapshotBytes: 1 << 30, KeepSnapshots: 1,
		SessionTTL: time.Hour, HashEvery: host.HashEvery, Random: random.Uint64,
	}
	if m.tune != nil {
		m.tune(&c)
	}
	if m.w.tune != nil {
		m.w.tune(&c)
	}
	h, err := host.New(c, m.clock)
	if err != nil {
		return err
	}
	m.host = h
	return nil
}

func (m *member) clock() host.Now {
	return host.Now{Mono: m.w.now, Wall: m.w.start + int64(m.w.now) + int64(m.skew)}
}

// crash cuts its power.
func (m *member) crash() {
	m.host = nil
	m.disk.Crash()
}

// wipe cuts its power and gives it an empty disk.
func (m *member) wipe() {
	m.host, m.disk = nil, fault.New(100*m.w.seed+m.starts+50)
}

// Introduce, Connect, Send and Drain are the host's transport.

func (m *member) Introduce(c wire.Card)     { m.card = c }
func (m *member) Connect(peers []wire.Peer) { m.wanted = peers }

func (m *member) Send(to wire.Peer, message *wire.Message) {
	sent, err := wire.DecodeMessage(message.Append(nil))
	if err != nil {
		m.w.Errorf("%s sends what nobody can read: %s: %v", m.name, message, err)
		return
	}
	m.w.mail = append(m.w.mail, letter{m, m.card, to, sent})
}

func (m *member) Drain(into []wire.Arrival) []wire.Arrival {
	into = append(into, m.inbox...)
	m.inbox = nil
	return into
}

// at is who runs at an address.
func (w *world) at(addr string) *member {
	for _, m := range w.members {
		if m.name == addr && m.host != nil {
			return m
		}
	}
	return nil
}

// deliver brings what is under way.
func (w *world) deliver() (moved bool) {
	mail := w.mail
	w.mail = nil
	for _, l := range mail {
		arriving := []letter{l}
		if w.meddle != nil {
			arriving = w.meddle(l)
		}
		for _, l := range arriving {
			moved = true
			to := w.at(l.to.Addr)
			if to == nil || l.to.ID != 0 && l.to.ID != to.card.ID || !l.Kind.Introduces() && l.card.Cluster != to.card.Cluster {
				continue
			}
			to.inbox = append(to.inbox, wire.Arrival{Kind: wire.ArrivedMessage, Card: l.card, Message: l.Message})
		}
	}
	return moved
}

// connect tells members of connections that were made or broke.
func (m *member) connect() {
	for _, p := range m.wanted {
		before, wasUp := m.up[p.ID]
		peer := m.w.at(p.Addr)
		isUp := peer != nil && peer.card.ID == p.ID && peer.card.Cluster == m.card.Cluster
		if wasUp && (!isUp || peer.card.Incarnation != before.Incarnation) {
			delete(m.up, p.ID)
			m.inbox = append(m.inbox, wire.Arrival{Kind: wire.ArrivedDown, Card: before, Gone: !isUp})
			wasUp = false
		}
		if isUp && !wasUp {
			m.up[p.ID] = peer.card
			m.inbox = append(m.inbox, wire.Arrival{Kind: wire.ArrivedUp, Card: peer.card})
		}
	}
}

// step lets everything happen that is due. The clock moves on by a millisecond, or to
// the next deadline if there is nothing under way.
func (w *world) step() {
	moved := w.deliver()
	for _, m := range w.members {
		if m.host == nil {
			continue
		}
		tasks := m.tasks
		m.tasks = nil
		for _, t := range tasks {
			if m.hold != nil && m.hold(t) {
				m.tasks = append(m.tasks, t)
				continue
			}
			t.Run()
			m.host.Finish(t)
			moved = true
		}
		m.connect()
		moved = m.turn() || moved
	}
	if moved || len(w.mail) > 0 {
		w.now += time.Millisecond
		return
	}
	next := w.now + time.Hour
	for _, m := range w.members {
		if m.host != nil {
			next = min(next, m.due)
		}
	}
	w.now = max(next, w.now+time.Millisecond)
}

// turn turns a host and keeps what came out. It says whether there was anything.
func (m *member) turn() bool {
	out := m.host.Turn(m.clock())
	m.due = out.Deadline
	m.tasks = append(m.tasks, out.Tasks...)
	m.events = append(m.events, out.Events...)
	for _, r := range out.Refused {
		m.refused[r.Seq] = r
	}
	for _, token := range out.Reads {
		m.reads[token] = true
	}
	for _, c := range out.Controls {
		m.controls[c.Token], m.done[c.Token], m.survey = c.Err, true, c.Survey
	}
	return len(out.Tasks)+len(out.Refused)+len(out.Reads)+len(out.Controls) > 0
}

// run lets virtual time pass.
func (w *world) run(d time.Duration) {
	w.Helper()
	for end := w.now + d; w.now < end; {
		w.step()
	}
}

// until lets time pass until something holds, within two virtual minutes.
func (w *world) until(what string, holds func() bool) {
	w.Helper()
	for end := w.now + 2*time.Minute; !holds(); {
		if w.now > end {
			w.Fatalf("it never came to this: %s\n%s", what, w)
		}
		w.step()
	}
}

// String shows how all stand.
func (w *world) String() string {
	var b strings.Builder
	for _, m := range w.members {
		if m.host == nil {
			fmt.Fprintf(&b, "%s is down\n", m.name)
			continue
		}
		s := m.host.Status()
		fmt.Fprintf(&b, "%s(%s) %s term=%d leader=%s applied=%s snapshot=%s members=%s waiting=%v err=%v\n",
			m.name, m.card.ID, s.Core.Role, s.Core.Term, s.Core.Leader, s.Applied, s.Snapshot, s.Membership, s.Waiting, m.host.Err())
	}
	return b.String()
}

// leader waits for a leader that all who run agree on, and returns it.
func (w *world) leader() *member {
	w.Helper()
	var found *member
	w.until("there is a leader", func() bool {
		found = nil
		for _, m := range w.members {
			if m.host != nil && m.host.Leading() {
				found = m
			}
		}
		if found == nil {
			return false
		}
		for _, m := range w.members {
			if m.host != nil && m.host.Err() == nil && !m.host.Status().Removed && m.host.Status().Core.Leader != found.card.ID {
				return false
			}
		}
		return true
	})
	return found
}

func others(all []*member, but *member) (rest []*member) {
	for _, m := range all {
		if m != but {
			rest = append(rest, m)
		}
	}
	return rest
}

// propose hands in a command and returns its number.
func (m *member) propose(command string) uint64 {
	seq := m.machine.expect()
	payload := append(session.Envelope{Seq: seq, Low: m.machine.low()}.Append(nil), command...)
	body := wire.AppendEntry(wire.NewBody(len(payload)+8), wire.KindCommand, payload)
	m.host.Propose(host.Chunk{Body: body, Count: 1, First: seq, Made: m.w.now})
	return seq
}

// must proposes a command and waits for its answer.
func (m *member) must(command string) string {
	m.w.Helper()
	seq := m.propose(command)
	m.w.until("the answer to "+command+" on "+m.name, func() bool { return m.machine.answered(seq) })
	return m.machine.answers[seq]
}

// read waits for a linearizable read.
func (m *member) read() {
	m.w.Helper()
	token := uint64(len(m.reads)) + 1000
	m.host.Read(host.ReadRequest{Token: token})
	m.w.until("a read on "+m.name, func() bool { return m.reads[token] })
}

// control waits until an operation is answered.
func (m *member) control(c host.Command) error {
	m.w.Helper()
	token := uint64(len(m.done)) + 2000
	m.host.Control(token, c)
	m.w.until(fmt.Sprintf("the answer to %s", c.Op), func() bool { return m.done[token] })
	return m.controls[token]
}

// saw says whether there was an event of a kind.
func (m *member) saw(kind host.EventKind) (last host.Event, ok bool) {
	for _, e := range m.events {
		if e.Kind == kind {
			last, ok = e, true
		}
	}
	return last, ok
}

// agree waits until all that run have applied the same, and returns it.
func (w *world) agree() []string {
	w.Helper()
	var first *member
	w.until("all agree", func() bool {
		first = nil
		for _, m := range w.members {
			switch {
			case m.host == nil:
			case m.host.Err() != nil || m.host.Status().Removed:
			case first == nil:
				first = m
			case m.host.Status().Applied != first.host.Status().Applied:
				return false
			}
		}
		return true
	})
	for _, m := range w.members {
		if m.host != nil && m.host.Err() == nil && !m.host.Status().Removed && strings.Join(m.machine.Log, ",") != strings.Join(first.machine.Log, ",") {
			w.Fatalf("%s applied %v, %s applied %v", first.name, first.machine.Log, m.name, m.machine.Log)
		}
	}
	return first.machine.Log
}
