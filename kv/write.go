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
	was, is := before.listed(), after.listed()
	move(m, s.key, was.expires, is.expires, appendKeyExpiry)
	move(m, s.key, was.lease, is.lease, appendAttachKey)
	if is.expires != 0 {
		m.due = min(m.due, is.expires)
	}
	if after == nil || after.version == m.meta.applied {
		m.note(s)
	}
}

// listed is where else than under its key a record stands: among those that expire, and among
// those of its lease.
type listed struct {
	expires int64
	lease   LeaseID
}

func (r *record) listed() listed {
	if r == nil {
		return listed{}
	}
	return listed{r.expires, r.lease}
}

// move moves a key in such a list from one place to another; 0 is none.
func move[P int64 | LeaseID](m *Machine, key string, from, to P, at func(b []byte, place P, key string) []byte) {
	if from == to {
		return
	}
	if from != 0 {
		m.scratch = at(m.scratch[:0], from, key)
		m.remove(m.scratch)
	}
	if to != 0 {
		m.scratch = at(m.scratch[:0], to, key)
		m.set(m.scratch, nil)
	}
}
