package host_test

import (
	"slices"
	"testing"
	"time"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

// meters keeps what each member's Meter is told.
type meters map[string]*told

type told struct {
	proposed []host.Stages
	synced   []host.Sync
	applied  []host.Apply
	changed  []host.Change
	snapshot []host.SnapshotWork
}

// metered is a world in which each member has a Meter.
func metered(t *testing.T) (*world, meters) {
	w, all := newWorld(t), meters{}
	w.tune = func(c *host.Config) {
		t := &told{}
		all[c.Card.Name] = t
		c.Meter = host.Meter{
			Clock:    func() time.Duration { return w.now },
			Proposed: func(s host.Stages) { t.proposed = append(t.proposed, s) },
			Synced:   func(s host.Sync) { t.synced = append(t.synced, s) },
			Applied:  func(a host.Apply) { t.applied = append(t.applied, a) },
			Changed:  func(c host.Change) { t.changed = append(t.changed, c) },
			Snapshot: func(s host.SnapshotWork) { t.snapshot = append(t.snapshot, s) },
		}
	}
	return w, all
}

// did says whether a step of a snapshot was told of that went well.
func (t *told) did(step host.SnapshotStep) bool {
	return slices.ContainsFunc(t.snapshot, func(s host.SnapshotWork) bool {
		return s.Step == step && s.Err == nil && s.Index > 0 && (s.Bytes > 0 || step == host.SnapshotCapture)
	})
}

// holding keeps the tasks of a lane from running until a moment.
func (m *member) holding(lane host.Lane, until time.Duration) {
	m.hold = func(t *host.Task) bool { return t.Lane == lane && m.w.now < until }
}

func TestEachStageOfAProposalShowsWhatHoldsItUp(t *testing.T) {
	const slow = 400 * time.Millisecond // less than an election timeout
	for _, tc := range []struct {
		name      string
		by        raft.Role // who proposes
		hold      func(w *world, by *member, rest []*member)
		stage     func(host.Stages) time.Duration
		persisted bool // before the answer
	}{
		{"the disks of the others are slow", raft.Leader, func(w *world, _ *member, rest []*member) {
			for _, m := range rest {
				m.holding(host.LogLane, w.now+slow)
			}
		}, func(s host.Stages) time.Duration { return s.Committed }, true},
		{"its own state machine is slow", raft.Leader, func(w *world, by *member, _ []*member) {
			by.holding(host.ApplyLane, w.now+slow)
		}, func(s host.Stages) time.Duration { return s.Applied }, true},
		{"a follower's way to the leader is slow", raft.Follower, func(w *world, _ *member, _ []*member) {
			opens := w.now + slow
			var late []letter
			w.meddle = func(l letter) []letter {
				if l.Kind == wire.Forward && w.now < opens {
					late = append(late, l)
					return nil
				}
				all := append(late, l)
				if w.now >= opens {
					late = nil
					return all
				}
				return []letter{l}
			}
		}, func(s host.Stages) time.Duration { return s.Ordered }, true},
		{"the leader has just died", raft.Follower, func(w *world, _ *member, _ []*member) {
			w.leader().crash()
		}, func(s host.Stages) time.Duration { return s.Waited }, true},
		{"a follower's own disk is slow", raft.Follower, func(w *world, by *member, _ []*member) {
			by.holding(host.LogLane, w.now+slow)
		}, nil, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, met := metered(t)
			all := w.cluster(nil, "a", "b", "c")
			by := w.leader()
			if tc.by == raft.Follower {
				by = others(all, by)[0]
			}
			by.must("first") // opens the session
			w.agree()
			told := met[by.name]
			told.proposed = nil
			tc.hold(w, by, others(all, by))
			by.must("second")
			w.until("the meter is told", func() bool { return len(told.proposed) > 0 })
			s := told.proposed[0]
			if s.Commands != 1 || s.Bytes == 0 || s.At.Index == 0 || s.First == 0 || s.First != s.Last {
				t.Errorf("the meter was told of %+v, want one command with its place", s)
			}
			if sum := s.Waited + s.Ordered + s.Committed + s.Applied; sum != s.Total {
				t.Errorf("the stages of %+v add up to %s", s, sum)
			}
			if (s.Persisted > 0) != tc.persisted {
				t.Errorf("persisted = %s", s.Persisted)
			}
			if tc.stage == nil {
				if s.Total > slow/2 {
					t.Errorf("the proposal took %s, though a majority was quick", s.Total)
				}
				return
			}
			if held := tc.stage(s); held < s.Total*3/4 || held < 30*time.Millisecond {
				t.Errorf("%+v: the stage that was held up took %s of %s", s, held, s.Total)
			}
		})
	}
}

func TestAWithdrawnCommandIsNotMetered(t *testing.T) {
	w, met := metered(t)
	all := w.cluster(nil, "a", "b", "c")
	m := others(all, w.leader())[0]
	m.must("first")
	before := len(met[m.name].proposed)
	w.leader().crash()
	seq := m.propose("given up")
	m.host.Withdraw(seq, nil)
	m.machine.giveUp(seq)
	m.must("second")
	w.run(time.Second)
	commands := 0
	for _, s := range met[m.name].proposed[before:] {
		commands += s.Commands
	}
	if commands != 1 {
		t.Errorf("the meter was told of %d commands, one was answered", commands)
	}
}

func TestAMeterIsToldOfSyncsAndApplies(t *testing.T) {
	w, met := metered(t)
	all := w.cluster(nil, "a", "b", "c")
	all[0].must("first")
	w.agree()
	w.run(time.Second)
	before := w.leader().host.Status().Applied.Index
	for _, told := range met {
		told.applied, told.synced = nil, nil // the entry that founds a cluster is not flushed
	}
	for _, m := range all {
		m.must("x")
	}
	w.agree()
	w.run(time.Second) // what a majority has is applied before the last of them has it on disk
	for name, told := range met {
		entries, bytes := 0, 0
		for _, a := range told.applied {
			entries, bytes = entries+a.Entries, bytes+a.Bytes
			if !a.Cached {
				t.Errorf("%s read what it had just written from the disk", name)
			}
		}
		last := w.at(name).host.Status().Applied.Index
		if wire.Index(entries) != last-before || bytes == 0 {
			t.Errorf("%s was told of %d entries of %d bytes that were applied, want %d", name, entries, bytes, last-before)
		}
		synced := 0
		for _, s := range told.synced {
			synced += s.Bytes
		}
		if synced != bytes {
			t.Errorf("%s was told of %d bytes that were synced, and %d that were applied", name, synced, bytes)
		}
	}
}

func TestAMeterIsToldHowLongThereWasNoLeader(t *testing.T) {
	w, met := metered(t)
	all := w.cluster(nil, "a", "b", "c")
	old := w.leader()
	for _, m := range others(all, old) {
		met[m.name].changed = nil
	}
	died := w.now
	old.crash()
	next := w.leader()
	changes := met[next.name].changed
	if len(changes) == 0 {
		t.Fatal("the new leader's meter was told of no change")
	}
	campaigned := false
	for _, c := range changes {
		campaigned = campaigned || c.Role == raft.Candidate
	}
	last := changes[len(changes)-1]
	if !campaigned || last.Role != raft.Leader || last.Leader != next.card.ID || last.Left != 0 || last.Term != next.host.Status().Core.Term {
		t.Errorf("the new leader's meter was told %+v", changes)
	}
	if last.LeaderFor <= 0 || last.LeaderFor > w.now-died {
		t.Errorf("there was no leader for %s, of %s since the last one died", last.LeaderFor, w.now-died)
	}
}

func TestAMeterIsToldOfEachStepOfASnapshot(t *testing.T) {
	w, met := metered(t)
	leader, lags := lagging(w)
	lags.run()
	w.agree()
	w.until("the transfer is over", func() bool { return met[leader.name].did(host.SnapshotSend) })
	steps := map[string][]host.SnapshotStep{
		leader.name: {host.SnapshotCapture, host.SnapshotWrite, host.SnapshotSend},
		lags.name:   {host.SnapshotReceive, host.SnapshotRestore},
	}
	for name, want := range steps {
		for _, step := range want {
			if !met[name].did(step) {
				t.Errorf("the meter of %s was told of no %s: %+v", name, step, met[name].snapshot)
			}
		}
	}
}
