package raft_test

import (
	"time"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

// member is one core with the storage that it orders around.
type member struct {
	id   wire.MemberID
	now  time.Duration // its clock; each member has its own
	rate int           // of its clock, in parts of a thousand; 0 is exact
	core *raft.Raft    // nil while the process is down
	cfg  raft.Config

	log     record // as a reader sees it, unsaved entries included
	carried carried
	pending []pendingSave
	stalled bool // saves are not done until somebody says so

	committed, applied wire.Index
	arrived            []snapshotFile // durable here, not yet the state
	sending            map[wire.MemberID]bool
	dead               string // why the core stopped, if it did

	disk disk
}

// disk is what a crash leaves.
type disk struct {
	hard      wire.HardState
	log       record
	committed wire.Index
}

// carried are the entries that the last input brought, from which saves take theirs.
type carried struct {
	first   wire.Index
	entries []entry
}

// pendingSave is a save that the disk was asked for.
type pendingSave struct {
	seq     uint64
	hard    *wire.HardState
	appends []appended
}

type appended struct {
	first   wire.Index
	entries []entry
}

// snapshotFile is a snapshot: the state of these tests is the log, so that a position
// says all.
type snapshotFile struct {
	pos     wire.Pos
	members wire.Membership
	from    wire.MemberID
}

// pace is how much of a time the member's clock sees.
func (m *member) pace(d time.Duration) time.Duration {
	if m.rate == 0 {
		return d
	}
	return d * time.Duration(m.rate) / 1000
}

func (m *member) up() bool { return m.core != nil }

// stage takes a save over, as a log does that is read before it is synced.
func (m *member) stage(s raft.Save) {
	p := pendingSave{seq: s.Seq, hard: s.HardState}
	for _, span := range s.Entries {
		entries := m.bytesOf(span)
		m.log.put(span.First, entries)
		p.appends = append(p.appends, appended{span.First, entries})
	}
	m.pending = append(m.pending, p)
}

// bytesOf finds what a saved span stands for, where its origin says.
func (m *member) bytesOf(s raft.SavedEntries) []entry {
	if s.Origin == raft.FromCore {
		text := "noop"
		if s.Membership != nil {
			text = s.Membership.String()
		}
		return []entry{{s.Term, text, s.Bytes, s.Membership}}
	}
	c := m.carried
	if s.First < c.first || s.Last >= c.first+wire.Index(len(c.entries)) {
		broken("the core of %s saves entries %s, which nobody brought", m.id, s.Span)
	}
	entries := c.entries[s.First-c.first : s.Last-c.first+1]
	for k := range entries {
		if s.Origin == raft.FromProposal {
			entries[k].term = s.Term
		}
		if entries[k].term != s.Term {
			broken("the core of %s saves %s in place of term %d", m.id, s.Span, entries[k].term)
		}
	}
	return entries
}

// sync makes the first n saves durable and returns the number of the last.
func (m *member) sync(n int) uint64 {
	for _, p := range m.pending[:n] {
		if p.hard != nil {
			m.disk.hard = *p.hard
		}
		for _, a := range p.appends {
			m.disk.log.put(a.first, a.entries)
		}
	}
	seq := m.pending[n-1].seq
	m.pending = m.pending[n:]
	// Beyond what the core knows to be durable, the disk may still hold entries that
	// are to be replaced: those are not what was committed.
	m.disk.committed = max(m.disk.committed, min(m.committed, m.core.Durable()))
	return seq
}

// install makes a durable snapshot the start of the log, on the disk too.
func (m *member) install(s snapshotFile) {
	keeps := m.log.holds(s.pos)
	m.log.startAfter(s.pos, s.members)
	m.disk.log.startAfter(s.pos, s.members)
	if !keeps {
		m.disk.log.entries = nil
	}
	m.disk.committed = max(m.disk.committed, s.pos.Index)
	for k := range m.pending {
		if !keeps {
			m.pending[k].appends = nil
			continue
		}
		m.pending[k].startAfter(s.pos.Index)
	}
}

// startAfter drops what a snapshot holds already.
func (p *pendingSave) startAfter(i wire.Index) {
	kept := p.appends[:0]
	for _, a := range p.appends {
		if skip := int(i) + 1 - int(a.first); skip >= len(a.entries) {
			continue
		} else if skip > 0 {
			a = appended{i + 1, a.entries[skip:]}
		}
		kept = append(kept, a)
	}
	p.appends = kept
}

// state is what the member finds when it starts.
func (d *disk) state() raft.State {
	return raft.State{
		HardState:  d.hard,
		Start:      d.log.start,
		Membership: d.log.members,
		Spans:      spansOf(d.log.start.Index+1, d.log.entries, 100),
		Committed:  d.committed,
	}
}
