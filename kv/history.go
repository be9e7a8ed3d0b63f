package kv

import (
	"errors"
	"slices"

	"github.com/balsaraft/balsa"
)

// trail is where the history is being forgotten. It holds nothing that is not in the
// store, and starts anew after a restart.
type trail struct {
	oldest []oldChange // the oldest changes, in order, as far as they were read
	wanted balsa.Index // up to here it is to be forgotten, whatever the bounds say
	swept  balsa.Index // table h is empty before this index
	loose  int         // changes that were forgotten and are still in table h
}

type oldChange struct {
	index  balsa.Index
	weight uint64
}

const (
	readAhead = 2048 // old changes are read so many at a time
	sweepAt   = 4096 // so many leave table h at a time: one range costs less than its keys
)

// notes are changes that the batch does not hold yet: rows of the history, whose keys rise.
// Behind all else of the batch they come into the store one beside the other, and for each
// but the first there is no place to be searched.
type notes struct {
	bytes []byte
	rows  []noteRow
}

// maxNotes is about how many bytes of them wait at most.
const maxNotes = 1 << 20

// noteRow is where a row's key ends among the bytes, and where its value does.
type noteRow struct{ key, value int }

// writeNotes brings them into the batch, for who reads the history there, and at its end.
func (m *Machine) writeNotes() {
	begin := 0
	for _, row := range m.notes.rows {
		m.set(m.notes.bytes[begin:row.key], m.notes.bytes[row.key:row.value])
		begin = row.value
	}
	m.notes.bytes, m.notes.rows = m.notes.bytes[:0], m.notes.rows[:0]
}

// note notes a change for the history, with what was there before.
func (m *Machine) note(s *staged) {
	index := m.meta.applied
	c := change{removed: s.after == nil, key: s.key, before: s.before}
	b := appendHistoryKey(m.notes.bytes, index, m.seq)
	n := len(b)
	m.notes.bytes = c.append(b)
	m.notes.rows = append(m.notes.rows, noteRow{n, len(m.notes.bytes)})
	if len(m.notes.bytes) > maxNotes {
		m.writeNotes()
	}
	m.changed = append(m.changed, changedKey{index, s.key})
	m.seq++
	m.meta.revision = index
	m.meta.changes++
	m.meta.weight += c.weight()
}

// trim forgets the oldest changes until the history is within its bounds, those of one
// index together.
func (m *Machine) trim() {
	t := &m.trail
	for m.meta.changes > 0 {
		over := m.meta.changes > m.bound.changes || m.meta.weight > m.bound.weight
		oldest := balsa.Index(0)
		if over || t.wanted > m.meta.compacted {
			oldest = m.peek().index
		}
		if oldest == 0 || !over && oldest > t.wanted {
			break
		}
		for len(t.oldest) > 0 && t.oldest[0].index == oldest { // an index was read whole
			m.forget(t.oldest[0])
			t.oldest = t.oldest[1:]
		}
		m.meta.compacted = oldest
	}
	m.meta.compacted = max(m.meta.compacted, t.wanted)
	t.wanted = 0
	if t.loose >= sweepAt {
		m.must(m.batch.DeleteRange(appendHistoryKey(nil, t.swept, 0), appendHistoryKey(nil, m.meta.compacted+1, 0), nil))
		t.swept, t.loose = m.meta.compacted+1, 0
	}
}

func (m *Machine) forget(c oldChange) {
	m.meta.changes--
	m.meta.weight -= c.weight
	m.trail.loose++
}

// peek is the oldest change, of which there is one at least.
func (m *Machine) peek() oldChange {
	t := &m.trail
	if len(t.oldest) == 0 {
		m.readOldest()
	}
	return t.oldest[0]
}

// readOldest reads some changes that are to be forgotten next.
func (m *Machine) readOldest() {
	t := &m.trail
	m.writeNotes()
	it, err := m.batch.NewIter(historyBounds(m.meta.compacted + 1))
	m.must(err)
	t.oldest = slices.Grow(t.oldest[:0], readAhead)
	for ok := it.First(); ok; ok = it.Next() {
		at, c, err := changeAt(it)
		m.must(err)
		// An index is read whole, so that it is forgotten whole.
		if len(t.oldest) >= readAhead && at.index != t.oldest[len(t.oldest)-1].index {
			break
		}
		t.oldest = append(t.oldest, oldChange{at.index, c.weight()})
	}
	m.must(errors.Join(it.Error(), it.Close()))
	if len(t.oldest) == 0 {
		panic("kv: the history is shorter than it should be")
	}
}
