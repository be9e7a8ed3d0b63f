package wal

import (
	"sort"

	"github.com/balsaraft/balsa/wire"
)

// markEvery is how many bytes of records go without a mark, about: it bounds what a
// read passes over before it comes to its first entry, and what the index costs, 24
// bytes for that many of log.
const markEvery = 64 << 10

// A mark says where the batch stands on disk that begins with an entry. From there to
// the next mark the entries stand in order, each once: an overlap begins a new mark,
// and so does a segment.
type mark struct {
	first  wire.Index
	offset int64
	seg    *segment
}

// marks is the index of the entries on disk, in order. Views share its memory, so it
// is only ever added to: to cut it makes the next addition move to other memory.
type marks []mark

// find returns the place in m of the last mark at or before index, -1 if there is none.
func (m marks) find(index wire.Index) int {
	return sort.Search(len(m), func(i int) bool { return m[i].first > index }) - 1
}

// cut drops the marks from index on.
func (m marks) cut(index wire.Index) marks {
	n := m.find(index-1) + 1
	return m[:n:n]
}

// after drops the marks whose entries all lie at or before index, the last of all
// being last.
func (m marks) after(index, last wire.Index) marks {
	if last <= index {
		return nil
	}
	return m[max(m.find(index+1), 0):]
}
