// Package hashicorp is the counter on github.com/hashicorp/raft.
package hashicorp

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"time"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
)

// Counter is a member of the cluster.
type Counter struct {
	raft      *raft.Raft
	store     *raftboltdb.BoltStore
	transport *raft.NetworkTransport
}

// Open starts the member that lives in dir, and waits until it leads.
func Open(ctx context.Context, dir string) (*Counter, error) {
	config := raft.DefaultConfig()
	config.LocalID = "a"
	config.LogOutput = io.Discard
	store, err := raftboltdb.NewBoltStore(filepath.Join(dir, "raft.db"))
	if err != nil {
		return nil, err
	}
	snapshots, err := raft.NewFileSnapshotStore(dir, 2, io.Discard)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	transport, err := raft.NewTCPTransport("127.0.0.1:0", nil, 3, 10*time.Second, io.Discard)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	known, err := raft.HasExistingState(store, store, snapshots)
	if err == nil && !known {
		founders := raft.Configuration{Servers: []raft.Server{{ID: config.LocalID, Address: transport.LocalAddr()}}}
		err = raft.BootstrapCluster(config, store, store, snapshots, transport, founders)
	}
	if err != nil {
		return nil, errors.Join(err, transport.Close(), store.Close())
	}
	node, err := raft.NewRaft(config, &sum{}, store, store, snapshots, transport)
	if err != nil {
		return nil, errors.Join(err, transport.Close(), store.Close())
	}
	c := &Counter{node, store, transport}
	select {
	case <-node.LeaderCh():
		return c, nil
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), c.Close())
	}
}

// Add adds a number and returns the total. It works on the leader alone: others answer
// raft.ErrNotLeader, and to ask the leader, and again after a change, is the caller's.
func (c *Counter) Add(_ context.Context, n int) (int, error) {
	command, err := json.Marshal(n)
	if err != nil {
		return 0, err
	}
	applied := c.raft.Apply(command, 10*time.Second)
	if err := applied.Error(); err != nil {
		return 0, err // after raft.ErrLeadershipLost it may have happened
	}
	if err, failed := applied.Response().(error); failed {
		return 0, err
	}
	return applied.Response().(int), nil
}

// Close ends the member.
func (c *Counter) Close() error {
	return errors.Join(c.raft.Shutdown().Error(), c.transport.Close(), c.store.Close())
}

// sum is the state machine.
type sum struct{ total int }

func (s *sum) Apply(entry *raft.Log) any {
	var n int
	if err := json.Unmarshal(entry.Data, &n); err != nil {
		return err
	}
	s.total += n
	return s.total
}

func (s *sum) Snapshot() (raft.FSMSnapshot, error) { return snapshot(s.total), nil }

func (s *sum) Restore(from io.ReadCloser) error {
	defer from.Close()
	return json.NewDecoder(from).Decode(&s.total)
}

type snapshot int

func (s snapshot) Persist(to raft.SnapshotSink) error {
	if err := json.NewEncoder(to).Encode(int(s)); err != nil {
		return errors.Join(err, to.Cancel())
	}
	return to.Close()
}

func (s snapshot) Release() {}
