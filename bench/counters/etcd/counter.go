// Package etcd is the counter on go.etcd.io/raft and etcd's log. A cluster of several members
// needs a transport besides, which carries Ready.Messages and takes in those of others, and
// snapshots (bench/internal/contest/etcdraft has both).
package etcd

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/etcd/server/v3/storage/wal"
	"go.etcd.io/etcd/server/v3/storage/wal/walpb"
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"
)

// Counter is a member of the cluster.
type Counter struct {
	node   raft.Node
	wal    *wal.WAL
	memory *raft.MemoryStorage
	total  int // the driving goroutine's

	mu      sync.Mutex
	waiting map[uint64]chan<- int // who wants to know the total after a command

	stop  chan struct{}
	ended chan error
}

// command is an entry. The library gives no result back, so a command is known by its ID.
type command struct {
	ID  uint64
	Add int
}

// Open starts the member that lives in dir.
func Open(_ context.Context, dir string) (*Counter, error) {
	dir = filepath.Join(dir, "wal")
	c := &Counter{memory: raft.NewMemoryStorage(), waiting: map[uint64]chan<- int{}, stop: make(chan struct{}), ended: make(chan error, 1)}
	config := &raft.Config{
		ID: 1, ElectionTick: 10, HeartbeatTick: 1, Storage: c.memory, CheckQuorum: true, PreVote: true,
		MaxSizePerMsg: 1 << 20, MaxInflightMsgs: 256, Logger: quiet(),
	}
	if !wal.Exist(dir) {
		var err error
		if c.wal, err = wal.Create(zap.NewNop(), dir, nil); err != nil {
			return nil, err
		}
		c.node = raft.StartNode(config, []raft.Peer{{ID: 1}})
	} else if err := c.read(dir); err != nil {
		return nil, err
	} else {
		c.node = raft.RestartNode(config)
	}
	go func() { c.ended <- c.drive() }()
	return c, nil
}

// read brings what an earlier life has written into memory, where the library looks for it.
func (c *Counter) read(dir string) (err error) {
	if c.wal, err = wal.Open(zap.NewNop(), dir, &walpb.Snapshot{}); err != nil {
		return err
	}
	_, state, entries, err := c.wal.ReadAll()
	if err != nil {
		return err
	}
	return errors.Join(c.memory.SetHardState(state), c.memory.Append(entries))
}

// drive does what the library asks for, until Close.
func (c *Counter) drive() error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			c.node.Tick()
		case ready := <-c.node.Ready():
			if err := c.wal.Save(ready.HardState, ready.Entries); err != nil {
				return err
			}
			if !raft.IsEmptyHardState(ready.HardState) {
				c.memory.SetHardState(ready.HardState)
			}
			c.memory.Append(ready.Entries)
			// With more members, ready.Messages go to them here.
			for _, entry := range ready.CommittedEntries {
				if err := c.apply(entry); err != nil {
					return err
				}
			}
			c.node.Advance()
		case <-c.stop:
			return nil
		}
	}
}

func (c *Counter) apply(entry *raftpb.Entry) error {
	switch {
	case entry.GetType() == raftpb.EntryConfChange:
		change := &raftpb.ConfChange{}
		if err := proto.Unmarshal(entry.Data, change); err != nil {
			return err
		}
		c.node.ApplyConfChange(change)
	case len(entry.Data) > 0: // a new leader begins with an empty one
		var done command
		if err := json.Unmarshal(entry.Data, &done); err != nil {
			return err
		}
		c.total += done.Add
		c.mu.Lock()
		defer c.mu.Unlock()
		if waiter := c.waiting[done.ID]; waiter != nil {
			delete(c.waiting, done.ID)
			waiter <- c.total
		}
	}
	return nil
}

// Add adds a number and returns the total. A proposal may be dropped without a word, and to
// try it again may add twice: to tell repetitions apart is the caller's.
func (c *Counter) Add(ctx context.Context, n int) (int, error) {
	propose := command{rand.Uint64(), n}
	data, err := json.Marshal(propose)
	if err != nil {
		return 0, err
	}
	total := make(chan int, 1)
	c.mu.Lock()
	c.waiting[propose.ID] = total
	c.mu.Unlock()
	if err := c.node.Propose(ctx, data); err != nil { // waits for a leader
		return 0, err
	}
	select {
	case sum := <-total:
		return sum, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// Close ends the member.
func (c *Counter) Close() error {
	close(c.stop)
	err := <-c.ended
	c.node.Stop()
	return errors.Join(err, c.wal.Close())
}

func quiet() raft.Logger { return &raft.DefaultLogger{Logger: log.New(io.Discard, "", 0)} }
