package rpc

import (
	"sync/atomic"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/rpc/balsav1"
)

// standing is whom this member takes for the leader. The node is asked now and then, not
// for each call: one that follows an old hint loses a hop and nothing else.
type standing struct {
	node  interface{ Status() balsa.Status }
	last  atomic.Pointer[balsav1.Standing]
	asked atomic.Int64 // when, in Unix nanoseconds
}

const standingAge = 50 * time.Millisecond

func (s *standing) now() *balsav1.Standing {
	asked, now := s.asked.Load(), time.Now().UnixNano()
	if last := s.last.Load(); last != nil && time.Duration(now-asked).Abs() < standingAge {
		return last
	}
	if !s.asked.CompareAndSwap(asked, now) {
		return s.last.Load() // somebody else asks; nil the first time, which says nothing
	}
	status := s.node.Status()
	fresh := &balsav1.Standing{Member: status.ID.String()}
	if status.LeaderID != 0 {
		fresh.Leader = status.LeaderID.String()
	}
	s.last.Store(fresh)
	return fresh
}
