package floor

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"

	"github.com/balsaraft/balsa/bench/internal/contest"
)

// follower is any other member.
type follower struct {
	state  contest.State
	disk   *disk
	listen net.Listener
	mu     sync.Mutex
	conn   net.Conn // nil until the leader has come
	all    sync.WaitGroup
}

func newFollower(c contest.Config) (*follower, error) {
	d, err := createDisk(c.Dir)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", c.Addrs[c.ID])
	if err != nil {
		return nil, errors.Join(err, d.close())
	}
	f := &follower{disk: d, listen: l}
	f.all.Go(f.run)
	return f, nil
}

func (f *follower) run() {
	conn, err := f.listen.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	f.mu.Lock()
	f.conn = conn
	f.mu.Unlock()
	f.follow(conn)
}

// follow writes what has come at once, says so, and applies what counts.
func (f *follower) follow(conn net.Conn) {
	in := bufio.NewReaderSize(conn, stageBytes)
	var log []byte // not applied
	var applied, end int64
	var head [headBytes]byte
	for {
		fresh := len(log)
		var committed int64
		for first := true; first || in.Buffered() >= headBytes; first = false {
			if _, err := io.ReadFull(in, head[:]); err != nil {
				return
			}
			var size int
			size, committed = readHead(head[:])
			log = append(log, make([]byte, size)...)
			if _, err := io.ReadFull(in, log[len(log)-size:]); err != nil {
				return
			}
		}
		if len(log) > fresh {
			if err := f.disk.write(log[fresh:]); err != nil {
				return // the leader sees the connection end
			}
			end += int64(len(log) - fresh)
			if _, err := conn.Write(binary.LittleEndian.AppendUint64(nil, uint64(end))); err != nil {
				return
			}
		}
		// What counts may lie before what has come here, never behind it: a batch is
		// on its way to all members before any of them counts.
		n := int(min(committed, end) - applied)
		applyAll(&f.state, log[:n])
		applied += int64(n)
		log = append(log[:0], log[n:]...)
	}
}

// Leads implements contest.Member.
func (f *follower) Leads() bool { return false }

// Propose implements contest.Member.
func (f *follower) Propose(context.Context, []byte) error { return contest.ErrUnsupported }

// Read implements contest.Member.
func (f *follower) Read(context.Context, contest.Level) error { return contest.ErrUnsupported }

// State implements contest.Member.
func (f *follower) State() *contest.State { return &f.state }

// Close implements contest.Member.
func (f *follower) Close() error {
	f.listen.Close()
	f.mu.Lock()
	if f.conn != nil {
		f.conn.Close()
	}
	f.mu.Unlock()
	f.all.Wait()
	return f.disk.close()
}
