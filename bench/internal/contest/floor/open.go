package floor

import (
	"encoding/binary"
	"net"
	"time"

	"github.com/balsaraft/balsa/bench/internal/contest"
)

// Open opens a member. Member 0 waits for the others.
func Open(c contest.Config) (contest.Member, error) {
	if c.ID == 0 {
		return newLeader(c)
	}
	return newFollower(c)
}

const headBytes = 12

func putHead(b []byte, size int, committed int64) {
	binary.LittleEndian.PutUint32(b, uint32(size))
	binary.LittleEndian.PutUint64(b[4:], uint64(committed))
}

func readHead(b []byte) (size int, committed int64) {
	return int(binary.LittleEndian.Uint32(b)), int64(binary.LittleEndian.Uint64(b[4:]))
}

func applyAll(s *contest.State, log []byte) {
	for len(log) > 0 {
		n := binary.LittleEndian.Uint32(log)
		s.Apply(log[4 : 4+n])
		log = log[4+n:]
	}
}

// dial tries until a member that is starting listens.
func dial(addr string) (net.Conn, error) {
	for deadline := time.Now().Add(10 * time.Second); ; {
		conn, err := net.Dial("tcp", addr)
		if err == nil || time.Now().After(deadline) {
			return conn, err
		}
		time.Sleep(5 * time.Millisecond)
	}
}
