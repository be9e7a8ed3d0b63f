package raft

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/balsaraft/balsa/wire"
)

// withDefaults fills in what was left zero.
func (c Config) withDefaults() Config {
	c.ElectionTimeout = cmp.Or(c.ElectionTimeout, time.Second)
	c.Heartbeat = cmp.Or(c.Heartbeat, c.ElectionTimeout/10)
	c.StallTimeout = cmp.Or(c.StallTimeout, max(4*c.ElectionTimeout, 2*time.Second))
	c.ClockDrift = cmp.Or(c.ClockDrift, 100)
	c.MaxMessageBytes = cmp.Or(c.MaxMessageBytes, 1<<20)
	c.MaxInflight = cmp.Or(c.MaxInflight, 64)
	c.MaxInflightBytes = cmp.Or(c.MaxInflightBytes, 8<<20)
	c.MaxUncommittedBytes = cmp.Or(c.MaxUncommittedBytes, 64<<20)
	return c
}

func (c Config) check() error {
	switch {
	case c.ID == 0:
		return errors.New("raft: config has no member's identity")
	case c.Random == nil:
		return errors.New("raft: config has no source of chance")
	case c.Heartbeat <= 0 || c.ElectionTimeout < 2*c.Heartbeat:
		return fmt.Errorf("raft: an election timeout of %v is less than two heartbeats of %v", c.ElectionTimeout, c.Heartbeat)
	case c.ClockDrift < 0 || c.ClockDrift >= 1000:
		return fmt.Errorf("raft: a clock drift of %d in a thousand", c.ClockDrift)
	case c.ReplaceAfter < 0:
		return fmt.Errorf("raft: voters are replaced after %v", c.ReplaceAfter)
	case c.StallTimeout < 0:
		return fmt.Errorf("raft: a stall timeout of %v", c.StallTimeout)
	case min(c.MaxMessageBytes, c.MaxInflight, c.MaxInflightBytes, c.MaxUncommittedBytes, c.MaxVoters) < 0:
		return errors.New("raft: config has a bound below zero")
	}
	return nil
}

// check refuses what no member can have saved. Such a state is damaged, and a member
// that went on with it might vote or acknowledge on the strength of what it lost.
func (s State) check() error {
	end := s.Start
	for _, span := range s.Spans {
		if span.First != end.Index+1 || span.Last < span.First || span.Term < end.Term || span.Bytes < 0 {
			return fmt.Errorf("raft: the log has %s after %s", span, end)
		}
		if span.Membership != nil && (span.First != span.Last || len(span.Membership.Voters()) == 0) {
			return fmt.Errorf("raft: the membership at %s is none", span)
		}
		end = span.End()
	}
	switch {
	case len(s.Spans) > 0 && end.Term > s.HardState.Term:
		return fmt.Errorf("raft: the log ends at %s but the saved term is %d", end, s.HardState.Term)
	case s.Committed > end.Index:
		return fmt.Errorf("raft: entries up to %d were committed but the log ends at %s", s.Committed, end)
	case s.Start.Index > 0 && s.Membership.Empty():
		return fmt.Errorf("raft: the log starts after %s without a membership", s.Start)
	}
	return nil
}

// wellFormed says whether the entries of an Append follow its position and each
// other as they do in any log. Decoding checks the same; this is for networks that
// bring messages in another form.
func wellFormed(m wire.Message) bool {
	end := m.Pos
	for _, s := range m.Spans {
		if s.First != end.Index+1 || s.First == 0 || s.Last < s.First || s.Term < end.Term || s.Term > m.Term || s.Bytes < 0 {
			return false
		}
		if s.Membership != nil && (s.First != s.Last || len(s.Membership.Voters()) == 0) {
			return false
		}
		end = s.End()
	}
	return m.Pos.Term <= m.Term
}
