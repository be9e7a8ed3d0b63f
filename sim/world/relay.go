package world

import (
	"encoding/binary"
	"fmt"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/session"
	"github.com/balsaraft/balsa/wire"
)

// begin asks the session table about a command, and has the judge look at what it says.
func (m *machine) begin(index wire.Index, e session.Envelope, now int64) (session.Verdict, uint64) {
	v, result := m.table.Begin(e, now)
	m.judge.decided(m.who, index, e, now, v)
	return v, result
}

// open opens a member's session, and has the judge look at whether it may.
func (m *machine) open(index wire.Index, o session.Opening, now int64) bool {
	opened := m.table.Open(o, now)
	m.judge.opened(m.who, index, o, now, opened)
	m.digest = mix(m.digest, uint64(o.Session))
	if !opened {
		m.digest++
	}
	return opened
}

// openRelayed opens the session of a caller outside the cluster.
func (m *machine) openRelayed(index wire.Index, o session.Opening, now int64) {
	if m.judge.isFirst(index) {
		m.judge.ledger.open(o, now)
	}
	m.table.OpenRelayed(o, now)
}

// finish keeps the result of a command that has run, under who brought it and under who
// asked for it, if that is not the same. One that the state has held since an earlier life
// has a result that nobody knows.
func (m *machine) finish(index wire.Index, result uint64, known bool, list ...session.Envelope) {
	for _, e := range list {
		if m.judge.isFirst(index) {
			m.judge.ledger.ran(e)
		}
		if known {
			m.table.Finish(e, result)
		} else {
			m.table.FinishLost(e)
		}
	}
}

// run runs a command, unless the state has held its effect since an earlier life.
func (m *machine) run(index wire.Index, number uint64, list ...session.Envelope) (result uint64, v session.Verdict) {
	if index <= m.kept.at {
		m.finish(index, 0, false, list...)
		return 0, session.RepeatedLost
	}
	m.count++
	m.finish(index, m.count, true, list...)
	m.judge.ran(m.who, number, index, m.count)
	return m.count, session.Repeated
}

// applyRelayed does what a caller outside the cluster asks of its session.
func (m *machine) applyRelayed(index wire.Index, payload []byte, now int64, own session.ID, out *host.ApplyOutput) (answer func(), err error) {
	member, request, rest, err := session.CutRequest(payload)
	if err != nil {
		return nil, fmt.Errorf("apply entry %d: %w", index, err)
	}
	verdict, result := m.begin(index, member, now)
	m.digest = mix(m.digest, uint64(request)<<3|uint64(known(verdict)))
	if verdict == session.Fresh {
		if verdict, result, err = m.applyRequest(index, member, request, rest, now); err != nil {
			return nil, fmt.Errorf("apply entry %d: %w", index, err)
		}
		if verdict == session.Expired {
			// The caller's session is gone, and the member's is not.
			return m.toOwn(member, func() { m.calls.refused(member.Seq, true) }), nil
		}
	} else if verdict == session.Expired {
		if m.own[member.Session] {
			m.expired(member, own, out)
		}
		return nil, nil
	}
	return m.toOwn(member, func() { m.answer(member.Seq, verdict, result) }), nil
}

// toOwn is an answer, if somebody waits for it here.
func (m *machine) toOwn(e session.Envelope, answer func()) func() {
	if !m.own[e.Session] {
		return nil
	}
	return answer
}

// known is a verdict as all members agree on it: what a command came to they may not.
func known(v session.Verdict) session.Verdict {
	if v == session.RepeatedLost {
		return session.Repeated
	}
	return v
}

func (m *machine) applyRequest(index wire.Index, member session.Envelope, request session.Request, rest []byte, now int64) (session.Verdict, uint64, error) {
	switch request {
	case session.ToOpen:
		o, err := session.DecodeOpening(rest)
		if err != nil {
			return 0, 0, err
		}
		m.openRelayed(index, o, now)
		m.finish(index, 0, true, member)
		return session.Repeated, 0, nil
	case session.ToRun:
		caller, command, err := session.Cut(rest)
		if err != nil {
			return 0, 0, err
		}
		v, result := m.applyOnce(index, member, caller, command, now)
		return v, result, nil
	}
	return 0, 0, fmt.Errorf("request %d of a session", request)
}

// applyOnce runs a caller's command, unless another attempt has brought it before.
func (m *machine) applyOnce(index wire.Index, member, caller session.Envelope, command []byte, now int64) (session.Verdict, uint64) {
	number := binary.LittleEndian.Uint64(command)
	v, result := m.begin(index, caller, now)
	m.digest = mix(m.digest, number<<3|uint64(known(v)))
	switch v {
	case session.Fresh:
		result, v = m.run(index, number, member, caller)
	case session.Repeated, session.RepeatedLost:
		m.finish(index, result, v == session.Repeated, member)
	}
	return v, result
}
