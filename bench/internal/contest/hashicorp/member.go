// Package hashicorp is github.com/hashicorp/raft among the contestants, with its log in
// raft-wal, or in a B+ tree (bbolt) as most of its users have it.
package hashicorp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"path/filepath"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	raftwal "github.com/hashicorp/raft-wal"
	"go.etcd.io/bbolt"

	"github.com/balsaraft/balsa/bench/internal/contest"
)

// store is where a member keeps its log, its term and its vote.
type store interface {
	raft.LogStore
	raft.StableStore
	io.Closer
}

// OpenWAL opens a member with its log in raft-wal.
func OpenWAL(c contest.Config) (contest.Member, error) {
	s, err := raftwal.Open(c.Dir, raftwal.WithLogger(hclog.NewNullLogger()))
	if err != nil {
		return nil, err
	}
	return open(c, s)
}

// OpenBolt opens a member with its log in a B+ tree, set up as HashiCorp's own Consul does.
func OpenBolt(c contest.Config) (contest.Member, error) {
	s, err := raftboltdb.New(raftboltdb.Options{
		Path:        filepath.Join(c.Dir, "raft.db"),
		BoltOptions: &bbolt.Options{NoFreelistSync: true, FreelistType: bbolt.FreelistMapType},
	})
	if err != nil {
		return nil, err
	}
	return open(c, s)
}

const (
	// maxAppendEntries is the most that it takes into a batch, and the most that its
	// configuration allows. The default is 64, which is slower with many callers.
	maxAppendEntries = 1024
	// cacheEntries is what Consul and Nomad put before their logs.
	cacheEntries = 512
	// connections and rpcTimeout are what Consul's transport has.
	connections = 3
	rpcTimeout  = 10 * time.Second
)

type member struct {
	raft      *raft.Raft
	store     store
	transport *raft.NetworkTransport
	machine   *machine
}

func open(c contest.Config, s store) (contest.Member, error) {
	m := &member{store: s, machine: &machine{}}
	if err := m.open(c); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

func (m *member) open(c contest.Config) error {
	conf := raft.DefaultConfig()
	conf.LocalID = serverID(c.ID)
	conf.Logger = hclog.NewNullLogger()
	conf.BatchApplyCh = true
	conf.MaxAppendEntries = maxAppendEntries
	if c.LAN {
		// Leaders beat ten times in this time; an election comes after one to two of it.
		conf.HeartbeatTimeout, conf.ElectionTimeout = contest.LANElection, contest.LANElection
		conf.LeaderLeaseTimeout = contest.LANElection
	}
	if c.KeepLog {
		conf.SnapshotThreshold = math.MaxUint64
	}
	snapshots, err := raft.NewFileSnapshotStoreWithLogger(c.Dir, 2, conf.Logger)
	if err != nil {
		return err
	}
	cache, err := raft.NewLogCache(cacheEntries, m.store)
	if err != nil {
		return err
	}
	self, err := net.ResolveTCPAddr("tcp", c.Addrs[c.ID])
	if err != nil {
		return err
	}
	m.transport, err = raft.NewTCPTransportWithLogger(c.Addrs[c.ID], self, connections, rpcTimeout, conf.Logger)
	if err != nil {
		return err
	}
	known, err := raft.HasExistingState(cache, m.store, snapshots)
	if err != nil {
		return err
	}
	if !known {
		var founders raft.Configuration
		for i, addr := range c.Addrs {
			founders.Servers = append(founders.Servers, raft.Server{ID: serverID(i), Address: raft.ServerAddress(addr)})
		}
		if err := raft.BootstrapCluster(conf, cache, m.store, snapshots, m.transport, founders); err != nil {
			return err
		}
	}
	m.raft, err = raft.NewRaft(conf, m.machine, cache, m.store, snapshots, m.transport)
	return err
}

func serverID(i int) raft.ServerID { return raft.ServerID(fmt.Sprintf("m%d", i)) }

// Leads implements contest.Member.
func (m *member) Leads() bool { return m.raft.State() == raft.Leader }

// Propose implements contest.Member. Only a leader takes commands.
func (m *member) Propose(_ context.Context, command []byte) error {
	return reason(m.raft.Apply(command, 0).Error())
}

func reason(err error) error {
	if errors.Is(err, raft.ErrNotLeader) || errors.Is(err, raft.ErrLeadershipLost) {
		return fmt.Errorf("%w: %w", contest.ErrNotLeader, err)
	}
	return err
}

// Read implements contest.Member. A leader that was confirmed by a majority and has
// applied all of its own term may answer; commands that callers waited for are applied.
func (m *member) Read(_ context.Context, level contest.Level) error {
	if level != contest.Linearizable { // there are no leases, and a stale read asks nobody
		return contest.ErrUnsupported
	}
	err := m.raft.VerifyLeader().Error()
	if err == nil {
		m.machine.state.View()
	}
	return reason(err)
}

// State implements contest.Member.
func (m *member) State() *contest.State { return &m.machine.state }

// Close implements contest.Member.
func (m *member) Close() error {
	var errs []error
	if m.raft != nil {
		errs = append(errs, m.raft.Shutdown().Error())
	}
	if m.transport != nil {
		errs = append(errs, m.transport.Close())
	}
	return errors.Join(append(errs, m.store.Close())...)
}
