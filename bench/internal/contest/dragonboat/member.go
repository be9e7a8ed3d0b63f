// Package dragonboat is github.com/lni/dragonboat/v4 among the contestants, with its log
// in tan, which was made for it, or in Pebble, which is its default.
package dragonboat

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lni/dragonboat/v4"
	"github.com/lni/dragonboat/v4/client"
	"github.com/lni/dragonboat/v4/config"
	"github.com/lni/dragonboat/v4/plugin/tan"
	"github.com/lni/dragonboat/v4/statemachine"

	"github.com/balsaraft/balsa/bench/internal/contest"
)

// OpenTan opens a member with its log in tan.
func OpenTan(c contest.Config) (contest.Member, error) { return open(c, tan.Factory) }

// OpenPebble opens a member with its log in Pebble.
func OpenPebble(c contest.Config) (contest.Member, error) { return open(c, nil) }

const (
	shard = 1
	// The rhythm of elections has no default; this is the one of etcd's.
	rtt          = 100 * time.Millisecond
	heartbeatRTT = 1
	electionRTT  = 10
	// timeout bounds a call whose context does not.
	timeout = 30 * time.Second
)

type member struct {
	host    *dragonboat.NodeHost
	replica uint64
	session *client.Session
	machine *machine
}

func open(c contest.Config, logs config.LogDBFactory) (contest.Member, error) {
	silence()
	m := &member{replica: uint64(c.ID) + 1, machine: &machine{}}
	conf := config.Config{
		ReplicaID: m.replica, ShardID: shard, CheckQuorum: true, PreVote: true,
		HeartbeatRTT: heartbeatRTT, ElectionRTT: electionRTT,
		SnapshotEntries: contest.SnapshotEntries, CompactionOverhead: contest.TrailingEntries,
	}
	tick := rtt
	if c.LAN {
		tick, conf.ElectionRTT = contest.LANHeartbeat, uint64(contest.LANElection/contest.LANHeartbeat)
	}
	if c.KeepLog {
		conf.SnapshotEntries = 0
	}
	var err error
	m.host, err = dragonboat.NewNodeHost(config.NodeHostConfig{
		NodeHostDir: c.Dir, RaftAddress: c.Addrs[c.ID], RTTMillisecond: uint64(tick.Milliseconds()),
		Expert: config.ExpertConfig{LogDBFactory: logs, Engine: config.GetDefaultEngineConfig(), LogDB: config.GetDefaultLogDBConfig()},
	})
	if err != nil {
		return nil, err
	}
	founders := map[uint64]dragonboat.Target{}
	for i, addr := range c.Addrs {
		founders[uint64(i)+1] = addr
	}
	machineOf := func(_, _ uint64) statemachine.IConcurrentStateMachine { return m.machine }
	if err := m.host.StartConcurrentReplica(founders, false, machineOf, conf); err != nil {
		m.host.Close()
		return nil, err
	}
	m.session = m.host.GetNoOPSession(shard)
	return m, nil
}

// Leads implements contest.Member.
func (m *member) Leads() bool {
	leader, _, known, err := m.host.GetLeaderID(shard)
	return err == nil && known && leader == m.replica
}

// Propose implements contest.Member. Its session is none, so that nothing keeps a retry
// from running twice; nothing here retries.
func (m *member) Propose(ctx context.Context, command []byte) error {
	return again(ctx, func() error {
		request, err := m.host.Propose(m.session, command, left(ctx))
		return answer(request, err, nil)
	})
}

// again repeats a request that was dropped: no leader is known, or too much waits. Nothing
// has happened then.
func again(ctx context.Context, request func() error) error {
	for {
		err := request()
		if !errors.Is(err, contest.ErrNotLeader) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Millisecond):
		}
	}
}

// Read implements contest.Member. Reads by lease are not offered.
func (m *member) Read(ctx context.Context, level contest.Level) error {
	switch level {
	case contest.Linearizable:
		return again(ctx, func() error {
			request, err := m.host.ReadIndex(shard, left(ctx))
			return answer(request, err, func() error {
				_, err := m.host.ReadLocalNode(request, nil)
				return err
			})
		})
	case contest.Stale:
		_, err := m.host.StaleRead(shard, nil)
		return err
	}
	return contest.ErrUnsupported
}

// left is how much time a call has.
func left(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return time.Until(deadline)
	}
	return timeout
}

// answer waits for what became of a request, and does what is to be done then.
func answer(request *dragonboat.RequestState, err error, then func() error) error {
	if err != nil {
		return notYet(err)
	}
	defer request.Release()
	r := <-request.ResultC()
	switch {
	case r.Completed() && then != nil:
		return then()
	case r.Completed():
		return nil
	case r.Dropped():
		return fmt.Errorf("%w: dropped", contest.ErrNotLeader)
	case r.Timeout():
		return context.DeadlineExceeded
	}
	return fmt.Errorf("dragonboat: the request ended otherwise: %+v", r)
}

// notYet marks errors after which a call may be made again.
func notYet(err error) error {
	for _, passing := range []error{dragonboat.ErrShardNotReady, dragonboat.ErrSystemBusy, dragonboat.ErrTimeoutTooSmall, dragonboat.ErrShardNotInitialized} {
		if errors.Is(err, passing) {
			return fmt.Errorf("%w: %w", contest.ErrNotLeader, err)
		}
	}
	return err
}

// State implements contest.Member.
func (m *member) State() *contest.State { return &m.machine.state }

// Close implements contest.Member.
func (m *member) Close() error {
	m.host.Close()
	return nil
}
