package kv

import (
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/balsaraft/balsa"
)

// Apply implements balsa.StateMachine.
func (m *Machine) Apply(e balsa.Entry, c Command) Result {
	return m.ApplyBatch([]balsa.Entry{e}, []Command{c})[0]
}

// ApplyBatch implements balsa.BatchApplier: all of it is one batch of the store, with
// the index that it reaches to, so that a crash leaves all or nothing of it.
func (m *Machine) ApplyBatch(entries []balsa.Entry, commands []Command) []Result {
	results := make([]Result, len(commands))
	m.batch = m.db.NewIndexedBatch()
	for i, e := range entries {
		results[i] = m.applyOne(e, commands[i])
	}
	m.writeNotes()
	m.set(metaKey, m.meta.append(nil))
	m.must(m.batch.Commit(pebble.NoSync))
	m.must(m.batch.Close())
	m.batch = nil
	m.publish()
	return results
}

// applyOne applies one command to the batch. What it does must not depend on where
// batches begin and end, which differs between members.
func (m *Machine) applyOne(e balsa.Entry, c Command) Result {
	if e.Index <= m.meta.applied {
		panic(fmt.Sprintf("kv: entry %d is applied again after %d", e.Index, m.meta.applied))
	}
	m.meta.applied, m.meta.time = e.Index, max(m.meta.time, e.Time.UnixNano())
	m.seq = 0
	m.reap()
	result := m.carryOut(c)
	m.trim()
	return result
}

// carryOut does what a command says, or nothing.
func (m *Machine) carryOut(c Command) Result {
	d := &m.draft
	d.begin()
	result := Result{Index: m.meta.applied, Held: true}
	for i, condition := range c.If {
		if r := d.get(condition.Key); !condition.holds(r) {
			result.Held, result.Unmet, result.Version = false, i, balsa.Index(r.number(VersionOf))
			break
		}
	}
	ops := c.Then
	if !result.Held {
		ops = c.Else
	}
	if len(ops) > 0 {
		result.Replies = make([]Reply, len(ops))
	}
	for i := range ops {
		var failure Failure
		if result.Replies[i], failure = d.do(&ops[i]); failure != 0 {
			result.Replies, result.Failure, result.Failed = nil, failure, i
			return result
		}
	}
	d.commit()
	return result
}

// set and remove write to the batch, which keeps no part of key and value.
func (m *Machine) set(key, value []byte) { m.must(m.batch.Set(key, value, nil)) }

func (m *Machine) remove(key []byte) { m.must(m.batch.Delete(key, nil)) }

// expires is the moment that an operation speaks of, 0 for none.
func (m *Machine) expires(o *Op) int64 {
	switch {
	case !o.At.IsZero():
		return o.At.UnixMilli()
	case o.TTL != 0:
		return m.meta.now() + int64(o.TTL/time.Millisecond)
	}
	return 0
}
