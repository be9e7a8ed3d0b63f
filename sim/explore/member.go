package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

// member is one core with the storage that it orders around. It is a value: an input
// makes another one of it and leaves it as it was.
type member struct {
	id    wire.MemberID
	core  *raft.Raft
	clock time.Duration

	log     []entry // of index i+1, unsaved ones included
	hard    wire.HardState
	disk    disk
	pending []save // asked for and not durable
	beats   int    // heartbeats of this reign
	status  raft.Status
}

// entry is all that the algorithm knows of an entry.
type entry struct {
	term       wire.Term
	membership *wire.Membership
}

func (e entry) equal(o entry) bool {
	if e.membership == nil || o.membership == nil {
		return e == o
	}
	return e.term == o.term && e.membership.Equal(*o.membership)
}

// disk is what a crash leaves.
type disk struct {
	hard wire.HardState
	log  []entry
}

func (d disk) votedFor(id wire.MemberID, term wire.Term) bool {
	return d.hard.Vote == id && d.hard.Term == term
}

// save is what the disk was asked for.
type save struct {
	seq     uint64
	hard    *wire.HardState
	first   wire.Index // of entries, if there are any
	entries []entry
}

// The times of all members. How long they are does not matter: see moment.
const (
	electionTimeout = time.Second
	heartbeat       = time.Microsecond
	lapse           = 3 * electionTimeout
)

// noChance draws always the same. Chance only spreads elections over time, and time is
// not told apart here.
func noChance() uint64 { return 0 }

func configOf(id wire.MemberID) raft.Config {
	return raft.Config{ID: id, ElectionTimeout: electionTimeout, Heartbeat: heartbeat, StallTimeout: 1 << 60, Random: noChance}
}

// start runs a member on what a disk holds.
func start(id wire.MemberID, clock time.Duration, d disk) (*member, raft.Orders) {
	core, err := raft.New(clock, configOf(id), raft.State{HardState: d.hard, Spans: spansOf(d.log)})
	if err != nil {
		broken("member %s does not start: %v", id, err)
	}
	m := &member{id: id, core: core, clock: clock, log: d.log, hard: d.hard, disk: d}
	return m, m.carryOut()
}

func spansOf(log []entry) []wire.Span {
	spans := make([]wire.Span, len(log))
	for k, e := range log {
		i := wire.Index(k + 1)
		spans[k] = wire.Span{Term: e.term, First: i, Last: i, Bytes: 1, Membership: e.membership}
	}
	return spans
}

// clone is a copy to be changed. Slices are shared: whoever changes one copies it first.
func (m *member) clone() *member {
	c := *m
	c.core = m.core.Clone()
	return &c
}

// moment lets the time pass that may have passed. Whatever waits for time on anybody but
// a leader has run out: that allows all that a shorter time allows, because what time
// holds back, votes for another than the leader that was heard, looks like a message
// that was lost, and those there are. A leader's clock moves only where the input is
// that it moves.
func (m *member) moment() time.Duration {
	if m.status.Role != raft.Leader {
		m.clock += lapse
	}
	return m.clock
}

// carryOut takes the core's orders and does what can be done at once.
func (m *member) carryOut() raft.Orders {
	o := m.core.Orders()
	for _, s := range o.Saves {
		m.stage(s)
	}
	m.status = m.core.Status()
	return o
}

// stage takes a save over, as a log does that is read before it is synced.
func (m *member) stage(s raft.Save) {
	p := save{seq: s.Seq, hard: s.HardState}
	if s.HardState != nil {
		m.hard = *s.HardState
	}
	for _, span := range s.Entries {
		if p.first == 0 {
			p.first = span.First
		}
		for i := span.First; i <= span.Last; i++ {
			p.entries = append(p.entries, entry{span.Term, span.Membership})
		}
	}
	m.log = put(m.log, p.first, p.entries)
	m.pending = append(slices.Clip(m.pending), p)
}

// put is a log in which entries from index first on are replaced.
func put(log []entry, first wire.Index, entries []entry) []entry {
	if len(entries) == 0 {
		return log
	}
	if int(first) > len(log)+1 {
		broken("entries from %d are saved behind a log that ends at %d", first, len(log))
	}
	return append(slices.Clip(log[:first-1]), entries...)
}

// sync makes the oldest save durable and returns its number.
func (m *member) sync() uint64 {
	s := m.pending[0]
	m.pending = m.pending[1:]
	if s.hard != nil {
		m.disk.hard = *s.hard
	}
	m.disk.log = put(m.disk.log, s.first, s.entries)
	return s.seq
}

// keeps says whether a log holds the entry at index i with that term.
func keeps(log []entry, p wire.Pos) bool {
	return p.Index >= 1 && int(p.Index) <= len(log) && log[p.Index-1].term == p.Term
}

func lastOf(log []entry) wire.Pos {
	if len(log) == 0 {
		return wire.Pos{}
	}
	return wire.Pos{Term: log[len(log)-1].term, Index: wire.Index(len(log))}
}

// String prints the member in a line.
func (m *member) String() string {
	return fmt.Sprintf("%s log=%s disk=(term=%d vote=%s log=%s) unsaved=%d", m.status, terms(m.log), m.disk.hard.Term, m.disk.hard.Vote, terms(m.disk.log), len(m.pending))
}

func terms(log []entry) string {
	s := "["
	for k, e := range log {
		if k > 0 {
			s += " "
		}
		s += fmt.Sprint(e.term)
		if e.membership != nil {
			s += "m"
		}
	}
	return s + "]"
}

// violation is a broken promise. It ends the exploration.
type violation string

func broken(format string, args ...any) { panic(violation(fmt.Sprintf(format, args...))) }
