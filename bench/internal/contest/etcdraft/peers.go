package etcdraft

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// peers carry messages between members, each over a TCP connection of its own in each
// direction: its size in 4 bytes, then the message. All that waits is flushed at once.
type peers struct {
	member *member
	listen net.Listener
	to     map[uint64]*peer
	mu     sync.Mutex
	in     map[net.Conn]bool
	// forwarded are proposals that other members pass on. They wait apart from all else:
	// the core takes none while it knows no leader.
	forwarded chan *raftpb.Message
	all       sync.WaitGroup
}

// peer is one way to another member.
type peer struct {
	id     uint64
	addr   string
	member *member
	queue  chan *raftpb.Message
}

// queued is how many messages wait for a peer at most; more are dropped, which the core
// bears.
const queued = 4096

func connect(id uint64, addrs []string, m *member) (*peers, error) {
	l, err := net.Listen("tcp", addrs[id-1])
	if err != nil {
		return nil, err
	}
	p := &peers{member: m, listen: l, to: map[uint64]*peer{}, in: map[net.Conn]bool{}, forwarded: make(chan *raftpb.Message, queued)}
	for i, addr := range addrs {
		if other := uint64(i) + 1; other != id {
			p.to[other] = &peer{id: other, addr: addr, member: m, queue: make(chan *raftpb.Message, queued)}
		}
	}
	return p, nil
}

func (p *peers) start() {
	p.all.Go(p.accept)
	p.all.Go(p.propose)
	for _, to := range p.to {
		p.all.Go(to.run)
	}
}

func (p *peers) send(messages []*raftpb.Message) {
	for _, msg := range messages {
		to := p.to[msg.GetTo()]
		if to == nil {
			continue
		}
		select {
		case to.queue <- msg:
		default:
			p.member.core.ReportUnreachable(to.id)
		}
	}
}

// run connects again and again, and sends what waits.
func (p *peer) run() {
	for {
		conn, err := net.Dial("tcp", p.addr)
		if err == nil {
			p.sendAll(conn)
			conn.Close()
		}
		p.member.core.ReportUnreachable(p.id)
		select {
		case <-p.member.done:
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// sendAll sends until the connection breaks or the member ends.
func (p *peer) sendAll(conn net.Conn) {
	out := bufio.NewWriterSize(conn, 1<<20)
	var frame []byte
	for {
		var msg *raftpb.Message
		select {
		case <-p.member.done:
			return
		case msg = <-p.queue:
		default:
			if out.Flush() != nil {
				return
			}
			select {
			case <-p.member.done:
				return
			case msg = <-p.queue:
			}
		}
		var err error
		if frame, err = (proto.MarshalOptions{}).MarshalAppend(append(frame[:0], 0, 0, 0, 0), msg); err != nil {
			panic(fmt.Sprintf("etcdraft: encode a message: %v", err))
		}
		binary.LittleEndian.PutUint32(frame, uint32(len(frame)-4))
		_, err = out.Write(frame)
		if msg.GetType() == raftpb.MsgSnap {
			status := raft.SnapshotFinish
			if err != nil {
				status = raft.SnapshotFailure
			}
			p.member.core.ReportSnapshot(p.id, status)
		}
		if err != nil {
			return
		}
	}
}

func (p *peers) accept() {
	for {
		conn, err := p.listen.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		p.in[conn] = true
		p.mu.Unlock()
		p.all.Go(func() { p.receive(conn) })
	}
}

func (p *peers) receive(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReaderSize(conn, 1<<20)
	var head [4]byte
	for {
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return
		}
		frame := make([]byte, binary.LittleEndian.Uint32(head[:]))
		if _, err := io.ReadFull(in, frame); err != nil {
			return
		}
		msg := &raftpb.Message{}
		if err := proto.Unmarshal(frame, msg); err != nil {
			panic(fmt.Sprintf("etcdraft: decode a message: %v", err))
		}
		if msg.GetType() == raftpb.MsgProp {
			select {
			case p.forwarded <- msg:
			default: // it is lost, as the core allows
			}
			continue
		}
		if p.member.core.Step(context.Background(), msg) != nil {
			return // the node is stopped
		}
	}
}

func (p *peers) propose() {
	for {
		select {
		case <-p.member.done:
			return
		case msg := <-p.forwarded:
			if err := p.member.core.Step(context.Background(), msg); errors.Is(err, raft.ErrStopped) {
				return
			}
		}
	}
}

func (p *peers) close() {
	p.listen.Close()
	p.mu.Lock()
	for conn := range p.in {
		conn.Close()
	}
	p.mu.Unlock()
	p.all.Wait()
}
