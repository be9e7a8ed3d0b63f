// Package dragonboat is the counter on github.com/lni/dragonboat.
package dragonboat

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/lni/dragonboat/v4"
	"github.com/lni/dragonboat/v4/client"
	"github.com/lni/dragonboat/v4/config"
	"github.com/lni/dragonboat/v4/statemachine"
)

const shard, replica = 1, 1

// Counter is a member of the cluster.
type Counter struct {
	host    *dragonboat.NodeHost
	session *client.Session
}

// Open starts the member that lives in dir and at addr, which stays the same for good.
func Open(_ context.Context, dir, addr string) (*Counter, error) {
	host, err := dragonboat.NewNodeHost(config.NodeHostConfig{NodeHostDir: dir, RaftAddress: addr, RTTMillisecond: 50})
	if err != nil {
		return nil, err
	}
	founders := map[uint64]dragonboat.Target{replica: addr}
	machine := func(_, _ uint64) statemachine.IStateMachine { return &sum{} }
	err = host.StartReplica(founders, false, machine, config.Config{
		ShardID: shard, ReplicaID: replica, HeartbeatRTT: 1, ElectionRTT: 10, CheckQuorum: true, PreVote: true,
		SnapshotEntries: 10_000, CompactionOverhead: 1_000,
	})
	if err != nil {
		host.Close()
		return nil, err
	}
	// Such a session does not tell a repetition; one that does is opened with SyncGetSession,
	// once there is a leader, and kept by the caller.
	return &Counter{host, host.GetNoOPSession(shard)}, nil
}

// Add adds a number and returns the total. While there is no leader it tries again.
func (c *Counter) Add(ctx context.Context, n int) (int, error) {
	command, err := json.Marshal(n)
	if err != nil {
		return 0, err
	}
	for {
		result, err := c.host.SyncPropose(ctx, c.session, command)
		if !errors.Is(err, dragonboat.ErrShardNotReady) {
			return int(result.Value), err // after dragonboat.ErrTimeout it may have happened
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// Close ends the member.
func (c *Counter) Close() error {
	c.host.Close()
	return nil
}

// sum is the state machine. A result is a number without a sign, or bytes.
type sum struct{ total int }

func (s *sum) Update(entry statemachine.Entry) (statemachine.Result, error) {
	var n int
	if err := json.Unmarshal(entry.Cmd, &n); err != nil {
		return statemachine.Result{}, err
	}
	s.total += n
	return statemachine.Result{Value: uint64(s.total)}, nil
}

func (s *sum) Lookup(any) (any, error) { return s.total, nil }

func (s *sum) SaveSnapshot(to io.Writer, _ statemachine.ISnapshotFileCollection, _ <-chan struct{}) error {
	return json.NewEncoder(to).Encode(s.total)
}

func (s *sum) RecoverFromSnapshot(from io.Reader, _ []statemachine.SnapshotFile, _ <-chan struct{}) error {
	return json.NewDecoder(from).Decode(&s.total)
}

func (s *sum) Close() error { return nil }
