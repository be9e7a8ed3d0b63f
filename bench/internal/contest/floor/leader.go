package floor

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/balsaraft/balsa/bench/internal/contest"
)

// batch is commands that go out together.
type batch struct {
	head [headBytes]byte // goes before log on the wire
	log  []byte
	end  int64         // where in the stream it ends
	done chan struct{} // closed when it counts, or never will
	err  error         // why it never will
}

// leader is member 0.
type leader struct {
	state contest.State
	disk  *disk

	mu        sync.Mutex
	gathering *batch
	work      *sync.Cond // gathering has something, or closed
	sent      []*batch   // not known to be on a majority's disks, in their order
	has       []int64    // up to where each member has the stream on disk
	committed int64
	told      int64    // what the followers know of committed
	remind    bool     // they are to be told, though nothing else goes out
	free      [][]byte // buffers of batches that are over
	closed    bool

	followers []net.Conn
	reminder  *time.Timer
	all       sync.WaitGroup
}

func newLeader(c contest.Config) (*leader, error) {
	d, err := createDisk(c.Dir)
	if err != nil {
		return nil, err
	}
	l := &leader{disk: d, has: make([]int64, len(c.Addrs))}
	l.gathering = l.newBatch()
	l.work = sync.NewCond(&l.mu)
	for _, addr := range c.Addrs[1:] {
		conn, err := dial(addr)
		if err != nil {
			l.Close()
			return nil, err
		}
		l.followers = append(l.followers, conn)
	}
	for i, conn := range l.followers {
		l.all.Go(func() { l.hear(i+1, conn) })
	}
	l.all.Go(l.run)
	l.mu.Lock()
	l.reminder = time.AfterFunc(reminder, l.tell)
	l.mu.Unlock()
	return l, nil
}

func (l *leader) newBatch() *batch {
	b := &batch{done: make(chan struct{})}
	if n := len(l.free); n > 0 {
		b.log, l.free = l.free[n-1][:0], l.free[:n-1]
	}
	return b
}

// Propose implements contest.Member.
func (l *leader) Propose(_ context.Context, command []byte) error {
	l.mu.Lock()
	b := l.gathering
	wasEmpty := len(b.log) == 0
	b.log = binary.LittleEndian.AppendUint32(b.log, uint32(len(command)))
	b.log = append(b.log, command...)
	if wasEmpty {
		l.work.Signal()
	}
	l.mu.Unlock()
	<-b.done
	return b.err
}

// run takes what has gathered, sends it and writes it, and begins again: what comes
// meanwhile is the next batch.
func (l *leader) run() {
	for {
		l.mu.Lock()
		for len(l.gathering.log) == 0 && !l.remind && !l.closed {
			l.work.Wait()
		}
		if l.closed {
			l.mu.Unlock()
			return
		}
		b := l.gathering
		b.end = l.end() + int64(len(b.log))
		l.sent = append(l.sent, b)
		l.gathering = l.newBatch()
		putHead(b.head[:], len(b.log), l.committed)
		l.told, l.remind = l.committed, false
		l.mu.Unlock()
		err := l.send(b.head[:], b.log)
		if err == nil && len(b.log) > 0 {
			err = l.disk.write(b.log)
		}
		if err != nil {
			l.fail(err)
			return
		}
		l.acknowledge(0, b.end)
	}
}

func (l *leader) end() int64 {
	if len(l.sent) == 0 {
		return l.committed
	}
	return l.sent[len(l.sent)-1].end
}

func (l *leader) send(head, piece []byte) error {
	for _, conn := range l.followers {
		buffers := net.Buffers{head, piece}
		if _, err := buffers.WriteTo(conn); err != nil {
			return err
		}
	}
	return nil
}

// hear takes what a follower says of its disk.
func (l *leader) hear(member int, conn net.Conn) {
	var b [8]byte
	for {
		if _, err := io.ReadFull(conn, b[:]); err != nil {
			l.fail(err)
			return
		}
		l.acknowledge(member, int64(binary.LittleEndian.Uint64(b[:])))
	}
}

// acknowledge applies and answers what is on a majority's disks now.
func (l *leader) acknowledge(member int, end int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.has[member] = end
	sorted := slices.Sorted(slices.Values(l.has))
	l.committed = max(l.committed, sorted[(len(sorted)-1)/2])
	for len(l.sent) > 0 && l.sent[0].end <= l.committed && !l.closed {
		b := l.sent[0]
		l.sent = l.sent[1:]
		applyAll(&l.state, b.log)
		if l.has[0] >= b.end { // else the disk still reads it
			l.free = append(l.free, b.log)
		}
		close(b.done)
	}
}

// reminder is after how long at most followers hear what counts.
const reminder = 20 * time.Millisecond

// tell sees to it that followers hear what counts when no batch follows that tells them.
func (l *leader) tell() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.told < l.committed && !l.remind {
		l.remind = true
		l.work.Signal()
	}
	if !l.closed {
		l.reminder.Reset(reminder)
	}
}

// fail answers all that wait.
func (l *leader) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.closed = true
	for _, b := range append(l.sent, l.gathering) {
		b.err = err
		close(b.done)
	}
	l.work.Signal()
}

// Leads implements contest.Member.
func (l *leader) Leads() bool { return true }

// Read implements contest.Member: only a leader that cannot be deposed may answer without
// asking anybody.
func (l *leader) Read(context.Context, contest.Level) error { return contest.ErrUnsupported }

// State implements contest.Member.
func (l *leader) State() *contest.State { return &l.state }

// Close implements contest.Member.
func (l *leader) Close() error {
	l.fail(net.ErrClosed)
	for _, conn := range l.followers {
		conn.Close()
	}
	l.all.Wait()
	return l.disk.close()
}
