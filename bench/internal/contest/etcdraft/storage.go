package etcdraft

import (
	"errors"
	"os"
	"path/filepath"

	"go.etcd.io/etcd/server/v3/etcdserver/api/snap"
	"go.etcd.io/etcd/server/v3/storage/wal"
	"go.etcd.io/etcd/server/v3/storage/wal/walpb"
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"go.uber.org/zap"

	"github.com/balsaraft/balsa/bench/internal/contest"
)

// storage is etcd's log on disk, its snapshot files, and the copy of the log in memory
// from which the core reads.
type storage struct {
	wal    *wal.WAL
	snaps  *snap.Snapshotter
	memory *raft.MemoryStorage
}

// openStorage opens what an earlier life left, or founds a cluster: its members stand in
// a snapshot before the first entry, the same for all.
func openStorage(c contest.Config) (*storage, error) {
	log := zap.NewNop()
	walDir, snapDir := filepath.Join(c.Dir, "wal"), filepath.Join(c.Dir, "snap")
	s := &storage{snaps: snap.New(log, snapDir), memory: raft.NewMemoryStorage()}
	if !wal.Exist(walDir) {
		return s, s.found(c, walDir, snapDir)
	}
	known, err := wal.ValidSnapshotEntries(log, walDir)
	if err != nil {
		return nil, err
	}
	snapshot, err := s.snaps.LoadNewestAvailable(known)
	if err != nil {
		return nil, err
	}
	if s.wal, err = wal.Open(log, walDir, recordOf(snapshot)); err != nil {
		return nil, err
	}
	_, hard, entries, err := s.wal.ReadAll()
	if err != nil {
		return nil, err
	}
	return s, s.remember(snapshot, hard, entries)
}

func (s *storage) found(c contest.Config, walDir, snapDir string) (err error) {
	if err := os.Mkdir(snapDir, 0o755); err != nil {
		return err
	}
	if s.wal, err = wal.Create(zap.NewNop(), walDir, nil); err != nil {
		return err
	}
	var state contest.State
	data, err := state.MarshalBinary()
	if err != nil {
		return err
	}
	members := &raftpb.ConfState{}
	for i := range c.Addrs {
		members.Voters = append(members.Voters, uint64(i)+1)
	}
	snapshot := &raftpb.Snapshot{Data: data, Metadata: &raftpb.SnapshotMetadata{Index: new(uint64(1)), Term: new(uint64(1)), ConfState: members}}
	hard := &raftpb.HardState{Term: new(uint64(1)), Vote: new(uint64(0)), Commit: new(uint64(1))}
	if err := s.saveSnapshot(snapshot); err != nil {
		return err
	}
	if err := s.wal.Save(hard, nil); err != nil {
		return err
	}
	return s.remember(snapshot, hard, nil)
}

func (s *storage) remember(snapshot *raftpb.Snapshot, hard *raftpb.HardState, entries []*raftpb.Entry) error {
	if err := s.memory.ApplySnapshot(snapshot); err != nil {
		return err
	}
	if err := s.memory.SetHardState(hard); err != nil {
		return err
	}
	return s.memory.Append(entries)
}

// save returns once all is on disk. Within a group entries follow each other; a later
// group may replace entries of one before it.
func (s *storage) save(hard *raftpb.HardState, snapshot *raftpb.Snapshot, groups ...[]*raftpb.Entry) error {
	hasSnapshot := !raft.IsEmptySnap(snapshot)
	if hasSnapshot {
		if err := s.saveSnapshot(snapshot); err != nil {
			return err
		}
	}
	all := groups[0]
	for _, g := range groups[1:] {
		all = append(all[:len(all):len(all)], g...)
	}
	if err := s.wal.Save(hard, all); err != nil {
		return err
	}
	if hasSnapshot {
		if err := s.wal.Sync(); err != nil {
			return err
		}
		if err := s.memory.ApplySnapshot(snapshot); err != nil && !errors.Is(err, raft.ErrSnapOutOfDate) {
			return err
		}
		if err := s.wal.ReleaseLockTo(snapshot.GetMetadata().GetIndex()); err != nil {
			return err
		}
	}
	for _, g := range groups {
		if err := s.memory.Append(g); err != nil {
			return err
		}
	}
	return nil
}

// saveSnapshot writes the file before the log's note of it (etcd's storage.SaveSnap).
func (s *storage) saveSnapshot(snapshot *raftpb.Snapshot) error {
	if err := s.snaps.SaveSnap(snapshot); err != nil {
		return err
	}
	return s.wal.SaveSnapshot(recordOf(snapshot))
}

func recordOf(snapshot *raftpb.Snapshot) *walpb.Snapshot {
	m := snapshot.GetMetadata()
	return &walpb.Snapshot{Index: new(m.GetIndex()), Term: new(m.GetTerm()), ConfState: m.GetConfState()}
}

func (s *storage) close() error { return s.wal.Close() }
