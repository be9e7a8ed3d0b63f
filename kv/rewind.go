package kv

import (
	"bytes"

	"github.com/cockroachdb/pebble/v2"

	"github.com/balsaraft/balsa"
)

// Accepts implements balsa.Rewinder: it looks at the header of a snapshot.
func (m *Machine) Accepts(head []byte) error {
	_, _, err := readHead(bytes.NewReader(head))
	return err
}

// Rewound implements balsa.Rewinder. The history of the backup does not lead to what
// watches have seen, nor does theirs lead here, so that there is none: whoever asks for a
// change up to this entry gets a CompactedError, and reads the present state.
func (m *Machine) Rewound(e balsa.Entry) {
	batch := m.db.NewBatch()
	m.must(batch.DeleteRange([]byte{historyTable}, []byte{historyTable + 1}, nil))
	m.meta.applied, m.meta.revision, m.meta.compacted = e.Index, e.Index, e.Index
	m.meta.time = max(m.meta.time, e.Time.UnixNano())
	m.meta.changes, m.meta.weight = 0, 0
	m.must(batch.Set(metaKey, m.meta.append(nil), nil))
	m.must(batch.Commit(pebble.NoSync))
	m.must(batch.Close())
	m.trail = trail{}
	m.tail.restart(e.Index)
	m.publish()
}
