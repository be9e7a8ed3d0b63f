package metrics

import (
	"sync/atomic"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/raft"
	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are those of one member. It is a prometheus.Collector; any goroutine may use it.
type Metrics struct {
	member atomic.Pointer[Member]

	stages  [stageCount]*histogram
	whole   *histogram
	batches prometheus.Counter
	bytes   prometheus.Counter
	refused *prometheus.CounterVec

	reads       *histogram
	readsFailed *prometheus.CounterVec

	syncs       *histogram
	syncBytes   prometheus.Counter
	syncsFailed prometheus.Counter

	applies      *histogram
	appliedBytes prometheus.Counter
	applied      prometheus.Counter

	campaigns  prometheus.Counter
	elected    prometheus.Counter
	leaders    prometheus.Counter
	leaderless *histogram

	snapshots       map[balsa.SnapshotStep]*histogram
	snapshotBytes   *prometheus.CounterVec
	snapshotsFailed *prometheus.CounterVec

	all []prometheus.Collector
}

// Member is what is watched: a *balsa.Node is one.
type Member interface{ Status() balsa.Status }

// The stages of a proposal, in their order.
const (
	waited = iota
	ordered
	persisted
	committed
	applied
	stageCount
)

var stageNames = [stageCount]string{"waited", "ordered", "persisted", "committed", "applied"}

var snapshotSteps = []balsa.SnapshotStep{
	balsa.SnapshotCapture, balsa.SnapshotWrite, balsa.SnapshotSend, balsa.SnapshotReceive, balsa.SnapshotRestore,
}

// New makes the metrics of a member that is still to be opened.
func New() *Metrics {
	m := &Metrics{snapshots: map[balsa.SnapshotStep]*histogram{}}
	stage := describe("proposal_stage_seconds", "How long proposals of this member took in each stage on their way.", "stage")
	for i, name := range stageNames {
		m.stages[i] = keep(m, newHistogram(stage, times, name))
	}
	m.whole = keep(m, newHistogram(describe("proposal_seconds", "How long proposals of this member took until they were answered."), times))
	m.batches = m.counter("proposal_batches_total", "Batches in which proposals of this member were answered.")
	m.bytes = m.counter("proposal_bytes_total", "Bytes of proposals of this member that were answered, as they stand in the log.")
	m.refused = m.counters("rejected_total", "Proposals that got an error, by its cause.", "cause")

	m.reads = keep(m, newHistogram(describe("read_wait_seconds", "How long reads waited for a state new enough."), times))
	m.readsFailed = m.counters("reads_failed_total", "Reads that got an error, by its cause.", "cause")

	m.syncs = keep(m, newHistogram(describe("log_sync_seconds", "How long a write of the log took, with its fsync."), times))
	m.syncBytes = m.counter("log_sync_bytes_total", "Bytes of entries that were written to the log and synced.")
	m.syncsFailed = m.counter("log_syncs_failed_total", "Writes of the log that failed, such as of a full disk.")

	m.applies = keep(m, newHistogram(describe("apply_seconds", "How long the state machine took for each run of entries."), times))
	m.applied = m.counter("applied_entries_total", "Entries that the state machine was given.")
	m.appliedBytes = m.counter("applied_bytes_total", "Bytes of entries that the state machine was given.")

	m.campaigns = m.counter("elections_started_total", "Elections in which this member was a candidate.")
	m.elected = m.counter("elections_won_total", "Elections that this member won.")
	m.leaders = m.counter("leader_changes_total", "How often this member heard of another leader.")
	m.leaderless = keep(m, newHistogram(describe("leaderless_seconds", "How long this member knew no leader, each time that it knew none."), times))

	snapshot := describe("snapshot_seconds", "How long the steps of snapshots took that went well.", "step")
	for _, step := range snapshotSteps {
		m.snapshots[step] = keep(m, newHistogram(snapshot, longTimes, step.String()))
	}
	m.snapshotBytes = m.counters("snapshot_bytes_total", "Bytes of snapshots that were written, sent, received and restored.", "step")
	m.snapshotsFailed = m.counters("snapshots_failed_total", "Steps of snapshots that failed.", "step")
	m.start()
	return m
}

// start makes the series that are known beforehand, so that a rate over the first event
// is seen.
func (m *Metrics) start() {
	for _, c := range append([]string{other}, causeNames()...) {
		m.refused.WithLabelValues(c)
		m.readsFailed.WithLabelValues(c)
	}
	for _, step := range snapshotSteps {
		m.snapshotsFailed.WithLabelValues(step.String())
		if step != balsa.SnapshotCapture {
			m.snapshotBytes.WithLabelValues(step.String())
		}
	}
}

const prefix = "balsa_"

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prefix+name, help, labels, nil)
}

func keep[C prometheus.Collector](m *Metrics, c C) C {
	m.all = append(m.all, c)
	return c
}

func (m *Metrics) counter(name, help string) prometheus.Counter {
	return keep(m, prometheus.NewCounter(prometheus.CounterOpts{Name: prefix + name, Help: help}))
}

func (m *Metrics) counters(name, help string, label string) *prometheus.CounterVec {
	return keep(m, prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + name, Help: help}, []string{label}))
}

// Watch makes each scrape look at a member's Status, too; another one before it is not
// looked at any more.
func (m *Metrics) Watch(member Member) { m.member.Store(&member) }

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(out chan<- *prometheus.Desc) {
	for _, c := range m.all {
		c.Describe(out)
	}
	for _, d := range statusDescs {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(out chan<- prometheus.Metric) {
	for _, c := range m.all {
		c.Collect(out)
	}
	if member := m.member.Load(); member != nil {
		collectStatus((*member).Status(), out)
	}
}

// Meter is for balsa.Config.Meter.
func (m *Metrics) Meter() balsa.Meter {
	return balsa.Meter{
		Proposed: m.proposed, Synced: m.synced, Applied: m.appliedBatch, Changed: m.changed, Snapshot: m.snapshot,
		Read: m.read, Refused: func(err error) { m.refused.WithLabelValues(causeOf(err)).Inc() },
	}
}

func (m *Metrics) proposed(s balsa.Stages) {
	m.batches.Inc()
	m.bytes.Add(float64(s.Bytes))
	m.whole.observe(s.Total, s.Commands)
	m.stages[waited].observe(s.Waited, s.Commands)
	m.stages[ordered].observe(s.Ordered, s.Commands)
	m.stages[committed].observe(s.Committed, s.Commands)
	m.stages[applied].observe(s.Applied, s.Commands)
	if s.Persisted > 0 {
		m.stages[persisted].observe(s.Persisted, s.Commands)
	}
}

func (m *Metrics) synced(s balsa.Sync) {
	if s.Err != nil {
		m.syncsFailed.Inc()
		return
	}
	m.syncs.observe(s.Took, 1)
	m.syncBytes.Add(float64(s.Bytes))
}

func (m *Metrics) appliedBatch(a balsa.Applied) {
	m.applies.observe(a.Took, 1)
	m.applied.Add(float64(a.Entries))
	m.appliedBytes.Add(float64(a.Bytes))
}

func (m *Metrics) changed(c balsa.Change) {
	if c.Role == raft.Candidate && c.Was != raft.Candidate {
		m.campaigns.Inc()
	}
	if c.Role == raft.Leader && c.Was != raft.Leader {
		m.elected.Inc()
	}
	if c.Leader == c.Left || c.Leader == 0 {
		return
	}
	m.leaders.Inc()
	if c.Left == 0 {
		m.leaderless.observe(c.LeaderFor, 1)
	}
}

func (m *Metrics) snapshot(s balsa.SnapshotWork) {
	step := s.Step.String()
	if s.Err != nil {
		m.snapshotsFailed.WithLabelValues(step).Inc()
		return
	}
	m.snapshots[s.Step].observe(s.Took, 1)
	if s.Bytes > 0 {
		m.snapshotBytes.WithLabelValues(step).Add(float64(s.Bytes))
	}
}

func (m *Metrics) read(took time.Duration, err error) {
	if err != nil {
		m.readsFailed.WithLabelValues(causeOf(err)).Inc()
		return
	}
	m.reads.observe(took, 1)
}
