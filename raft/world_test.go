package raft_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

// world is a cluster in one thread: cores, their storage and the network between them.
// Nothing in it happens by itself. Scenarios say in plain text what happens, the chaos
// test draws it; both are judged after every step.
type world struct {
	cfg     raft.Config
	random  func(wire.MemberID) func() uint64
	members []*member // ordered by identity
	mail    []letter
	cut     map[link]bool // what is sent there is lost
	held    map[link]bool // what is sent there stays on the way
	judge   judge

	answers    []answer
	report     func(format string, args ...any)
	ordering   func(*member, raft.Orders)
	delivering func(letter) // told of every letter that arrives, nil if nobody cares
	spanSize   func() int   // how many entries share a span on the wire
}

// link is one direction between two members.
type link struct{ from, to wire.MemberID }

// letter is something on the way. A snapshot is sent and answered as one letter each.
type letter struct {
	wire.Message
	entries  []entry
	snapshot *snapshotFile
}

func (l letter) link() link { return link{l.From, l.To} }

// answer is a read that was answered.
type answer struct {
	member wire.MemberID
	raft.ReadAnswer
}

func newWorld(cfg raft.Config, random func(wire.MemberID) func() uint64) *world {
	return &world{
		cfg: cfg, random: random, cut: map[link]bool{}, held: map[link]bool{}, judge: newJudge(),
		report: func(string, ...any) {}, spanSize: func() int { return 100 },
	}
}

// found makes members whose logs begin with their membership, as founders write it
// before they start. Learners begin with nothing, like all who come later.
func (w *world) found(members ...wire.Member) {
	membership, err := wire.NewMembership(members...)
	if err != nil {
		panic(err)
	}
	first := entry{1, membership.String(), 64, &membership}
	w.judge.founded(first)
	for _, a := range membership.Members {
		m := w.add(a.ID)
		if a.Role == wire.Voter {
			m.disk.hard.Term = 1
			m.disk.log.entries = []entry{first}
		}
		w.start(m)
	}
}

// add makes room for a member with an empty disk.
func (w *world) add(id wire.MemberID) *member {
	m := &member{id: id, cfg: w.cfg}
	m.cfg.ID, m.cfg.Random = id, w.random(id)
	w.members = append(w.members, m)
	slices.SortFunc(w.members, func(a, b *member) int { return int(a.id) - int(b.id) })
	return m
}

func (w *world) member(id wire.MemberID) *member {
	for _, m := range w.members {
		if m.id == id {
			return m
		}
	}
	return nil
}

// start runs a member on what its disk holds.
func (w *world) start(m *member) {
	m.log, m.pending, m.arrived, m.sending = m.disk.log.clone(), nil, nil, map[wire.MemberID]bool{}
	m.committed, m.applied = m.disk.log.start.Index, m.disk.log.start.Index
	core, err := raft.New(m.now, m.cfg, m.disk.state())
	if err != nil {
		panic(fmt.Sprintf("member %s does not start: %v", m.id, err))
	}
	m.core, m.dead = core, ""
	w.judge.started(m)
	w.collect(m)
}

// crash ends a process: what was not saved is lost, and so is a transfer under way. A
// snapshot that has arrived is durable, and is what the member starts from.
func (w *world) crash(m *member) {
	m.core, m.pending = nil, nil
	for _, s := range m.arrived {
		if s.pos.Index > m.disk.log.start.Index {
			m.install(s)
		}
	}
	m.arrived = nil
}

// do lets a member's core take an input in and carries out what it orders. A core that
// stops because something is impossible stops only its member.
func (w *world) do(m *member, input func(*raft.Raft)) {
	if !m.up() {
		return
	}
	defer w.stopped(m)
	input(m.core)
	w.collect(m)
}

func (w *world) stopped(m *member) {
	if p := recover(); p != nil {
		reason, ok := p.(string)
		if !ok || !strings.HasPrefix(reason, "raft: ") {
			panic(p)
		}
		m.dead = reason
		w.crash(m)
		w.report("%s stops: %s", m.id, m.dead)
	}
}

func (w *world) step(m *member, e raft.Event) {
	w.do(m, func(r *raft.Raft) { r.Step(m.now, e) })
}

// collect carries out a member's orders.
func (w *world) collect(m *member) {
	o := m.core.Orders()
	if w.ordering != nil {
		w.ordering(m, o)
	}
	for _, s := range o.Saves {
		m.stage(s)
	}
	m.carried = carried{}
	if o.Committed > 0 {
		m.committed = o.Committed
	}
	for _, message := range o.Send {
		w.send(m, message)
	}
	for _, a := range o.Reads {
		w.judge.answered(m, a)
		w.answers = append(w.answers, answer{m.id, a})
	}
	for _, s := range o.Snapshots {
		w.sendSnapshot(m, s)
	}
	for _, lost := range o.Lost {
		w.report("%s finds that %s has lost entries up to %d", m.id, lost.Member, lost.Index)
	}
	w.judge.after(w, m)
}

// send puts a message on the way, with the entries that it promises.
func (w *world) send(m *member, message wire.Message) {
	l := letter{Message: message}
	if len(message.Spans) > 0 {
		first, last := message.Spans[0].First, message.Spans[len(message.Spans)-1].Last
		w.judge.sends(m, message)
		l.entries = slices.Clone(m.log.from(first, last))
		l.Spans = spansOf(first, l.entries, w.spanSize())
	}
	w.judge.says(m, message)
	w.post(l)
}

func (w *world) post(l letter) {
	if w.cut[l.link()] {
		w.lose(l)
		return
	}
	w.mail = append(w.mail, l)
}

// lose drops a letter. A lost snapshot is noticed by its sender, sooner or later.
func (w *world) lose(l letter) {
	id := l.From
	if l.Kind == wire.SnapshotReply {
		id = l.To
	}
	if l.snapshot == nil {
		return
	}
	if m := w.member(id); m.up() && m.sending[other(l, id)] {
		w.endSending(m, other(l, id), l.snapshot.pos, true)
	}
}

func other(l letter, id wire.MemberID) wire.MemberID {
	if l.From == id {
		return l.To
	}
	return l.From
}

// sendSnapshot captures what is applied and sends it.
func (w *world) sendSnapshot(m *member, s raft.SnapshotOrder) {
	at := max(m.applied, m.log.start.Index)
	if at < s.Least {
		broken("member %s orders a snapshot of entry %d, but has applied %d", m.id, s.Least, at)
	}
	if m.sending[s.To] {
		return // the peer caught up otherwise and fell behind again: one transfer serves both orders
	}
	m.sending[s.To] = true
	w.mail = append(w.mail, letter{
		Message:  wire.Message{Kind: wire.SnapshotChunk, From: m.id, To: s.To, Pos: m.log.pos(at), Done: true},
		snapshot: &snapshotFile{m.log.pos(at), m.log.membersAt(at), m.id},
	})
}

func (w *world) endSending(m *member, to wire.MemberID, pos wire.Pos, failed bool) {
	delete(m.sending, to)
	w.step(m, raft.SnapshotSent{To: to, Pos: pos, Failed: failed})
}

// deliver brings the letter at place k to its receiver.
func (w *world) deliver(k int) {
	l := w.mail[k]
	w.mail = slices.Delete(w.mail, k, k+1)
	m := w.member(l.To)
	lost := w.cut[l.link()] || m == nil || !m.up()
	if w.delivering != nil && !lost {
		w.delivering(l)
	}
	switch {
	case lost:
		w.lose(l)
	case l.Kind == wire.SnapshotChunk:
		m.arrived = append(m.arrived, *l.snapshot)
		w.post(letter{Message: wire.Message{Kind: wire.SnapshotReply, From: m.id, To: l.From, Pos: l.Pos, Done: true}, snapshot: l.snapshot})
	case l.Kind == wire.SnapshotReply:
		if m.sending[l.From] {
			w.endSending(m, l.From, l.Pos, false)
		}
	default:
		m.carried = carried{l.Pos.Index + 1, l.entries}
		w.step(m, raft.Received{Message: l.Message})
	}
}

// save makes a member's first n saves durable and says so.
func (w *world) save(m *member, n int) {
	if n > 0 {
		seq := m.sync(n)
		w.step(m, raft.Saved{Seq: seq})
	}
}

// apply lets a member apply up to an index, and become what a snapshot holds.
func (w *world) apply(m *member, upTo wire.Index) {
	if upTo > m.applied {
		m.applied = upTo
		w.step(m, raft.Applied{Index: upTo})
	}
}

// become makes the oldest snapshot that has arrived the member's state, unless it has
// applied more already.
func (w *world) become(m *member) {
	s := m.arrived[0]
	m.arrived = m.arrived[1:]
	if s.pos.Index <= m.applied {
		return
	}
	m.install(s)
	m.applied, m.committed = s.pos.Index, max(m.committed, s.pos.Index)
	w.step(m, raft.SnapshotInstalled{Pos: s.pos, Membership: s.members, From: s.from})
}

// compact cuts a member's log off at an index that it has applied.
func (w *world) compact(m *member, upTo wire.Index) {
	if upTo <= m.log.start.Index || upTo > m.applied {
		return
	}
	s := snapshotFile{m.log.pos(upTo), m.log.membersAt(upTo), m.id}
	m.install(s)
	w.step(m, raft.Compacted{Pos: s.pos})
}

// propose gives commands to a member.
func (w *world) propose(m *member, commands []string, bytes int) (wire.Pos, error) {
	entries := make([]entry, len(commands))
	for k, text := range commands {
		entries[k] = entry{text: text, bytes: bytes}
	}
	var first wire.Pos
	var err error
	w.do(m, func(r *raft.Raft) {
		if first, err = r.Propose(m.now, len(entries), bytes*len(entries)); err == nil {
			m.carried = carried{first.Index, entries}
		}
	})
	return first, err
}

// read asks a member for a read index.
func (w *world) read(m *member, id uint64, lease bool) {
	w.judge.asked(id)
	w.do(m, func(r *raft.Raft) { r.Read(m.now, id, lease) })
}

// settle does all that can be done without time passing: saves, applies, snapshots and
// letters that nobody holds back. It says false if that never ends.
func (w *world) settle() bool {
	for range 100_000 {
		if !w.work() {
			return true
		}
	}
	return false
}

// work does the next thing there is to do, and says whether there was any.
func (w *world) work() bool {
	for _, m := range w.members {
		switch {
		case !m.up():
		case len(m.pending) > 0 && !m.stalled:
			w.save(m, len(m.pending))
			return true
		case len(m.arrived) > 0:
			w.become(m)
			return true
		case m.committed > m.applied:
			w.apply(m, m.committed)
			return true
		}
	}
	for k, l := range w.mail {
		if !w.held[l.link()] {
			w.deliver(k)
			return true
		}
	}
	return false
}

// pass lets time pass on all members, and ticks each when it is due. It says false if
// something never ends.
func (w *world) pass(d time.Duration) bool {
	for ticks := 0; d >= 0; ticks++ {
		if ticks > 1_000_000 || !w.settle() {
			return false
		}
		next := d
		for _, m := range w.members {
			if m.up() {
				next = min(next, max(0, m.core.Deadline()-m.now))
			}
		}
		due := w.advance(next)
		d -= next
		if !due && d <= 0 {
			return true
		}
	}
	return true
}

// advance moves all clocks and ticks whoever is due.
func (w *world) advance(d time.Duration) (ticked bool) {
	for _, m := range w.members {
		ticked = w.advanceOne(m, d) || ticked
	}
	return ticked
}

func (w *world) advanceOne(m *member, d time.Duration) (ticked bool) {
	m.now += m.pace(d)
	if !m.up() || m.core.Deadline() > m.now {
		return false
	}
	w.step(m, raft.Tick{})
	return true
}
