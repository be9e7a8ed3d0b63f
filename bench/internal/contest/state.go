package contest

import (
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
)

// State is the replicated state, the same for all contestants and as cheap as can be: how
// many commands there were, and a sum over the beginnings of all in their order. One
// goroutine at a time applies; any may look.
//
// Its lock is what a state machine needs that is read while it changes. Who applies for
// a library that keeps no lock itself holds it, a batch at a time.
type State struct {
	sync.RWMutex
	count, sum atomic.Uint64
}

// View is a read: it looks at the state while nothing is applied.
func (s *State) View() uint64 {
	s.RLock()
	defer s.RUnlock()
	return s.Count()
}

// Apply changes the state by one command of 8 bytes or more.
func (s *State) Apply(command []byte) {
	// The multiplication makes the sum depend on the order (FNV-1's prime).
	s.sum.Store(s.sum.Load()*1099511628211 ^ binary.LittleEndian.Uint64(command) ^ uint64(len(command)))
	s.count.Store(s.count.Load() + 1)
}

// Count is how many commands were applied.
func (s *State) Count() uint64 { return s.count.Load() }

// Sum is the same on members that applied the same commands in the same order.
func (s *State) Sum() uint64 { return s.sum.Load() }

// StateBytes is the size of a state in bytes.
const StateBytes = 16

// MarshalBinary captures the state.
func (s *State) MarshalBinary() ([]byte, error) {
	b := binary.LittleEndian.AppendUint64(nil, s.Count())
	return binary.LittleEndian.AppendUint64(b, s.Sum()), nil
}

// UnmarshalBinary replaces the state by what MarshalBinary captured.
func (s *State) UnmarshalBinary(b []byte) error {
	if len(b) != StateBytes {
		return fmt.Errorf("a state of %d bytes, want %d", len(b), StateBytes)
	}
	s.count.Store(binary.LittleEndian.Uint64(b))
	s.sum.Store(binary.LittleEndian.Uint64(b[8:]))
	return nil
}
