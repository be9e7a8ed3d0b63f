package kv

// write writes one key's change and all that follows from it.
func (m *Machine) write(s *staged) {
	before, after := s.before, s.after
	if before == after {
		return
	}
	b := appendKeyKey(m.scratch[:0], s.key)
	n := len(b)
	if before != nil {
		b = before.append(b)
		m.meta.digest.sub(b[:n], b[n:])
		b = b[:n]
	}
	if after != nil {
		b = after.append(b)
		m.meta.digest.add(b[:n], b[n:])
		m.set(b[:n], b[n:])
		m.recent.put(s.key, b[n:])
	} else {
		m.remove(b)
		m.recent.put(s.key, nil)
	}
	m.scratch = b
	switch {
	case before == nil:
		m.meta.keys++
	case after == nil:
		m.meta.keys--
	}
	m.moveExpiry(s)
	m.moveAttachment(s)
	if after == nil || after.version == m.meta.applied {
		m.note(s)
	}
}

func (m *Machine) moveExpiry(s *staged) {
	var from, to int64
	if s.before != nil {
		from = s.before.expires
	}
	if s.after != nil {
		to = s.after.expires
	}
	if from == to {
		return
	}
	if from != 0 {
		m.scratch = appendKeyExpiry(m.scratch[:0], from, s.key)
		m.remove(m.scratch)
	}
	if to != 0 {
		m.scratch = appendKeyExpiry(m.scratch[:0], to, s.key)
		m.set(m.scratch, nil)
		m.due = min(m.due, to)
	}
}

func (m *Machine) moveAttachment(s *staged) {
	var from, to LeaseID
	if s.before != nil {
		from = s.before.lease
	}
	if s.after != nil {
		to = s.after.lease
	}
	if from == to {
		return
	}
	if from != 0 {
		m.scratch = appendAttachKey(m.scratch[:0], from, s.key)
		m.remove(m.scratch)
	}
	if to != 0 {
		m.scratch = appendAttachKey(m.scratch[:0], to, s.key)
		m.set(m.scratch, nil)
	}
}
