package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/metrics"
	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/transport/memory"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
)

// member is a running one with its metrics.
type member struct {
	t       *testing.T
	node    *balsa.Node[*balsa.State[int, int, int], int, int]
	metrics *metrics.Metrics
	all     *prometheus.Registry
}

// cluster is three members.
func cluster(t *testing.T, tune func(*balsa.Config)) map[string]*member {
	t.Helper()
	network, all := memory.NewNetwork(1), map[string]*member{}
	for _, name := range []string{"a", "b", "c"} {
		transport, err := network.Listen(name + ":1")
		if err != nil {
			t.Fatal(err)
		}
		cfg := balsa.Config{
			Name: name, Transport: transport, Advertise: name + ":1", Logger: slog.New(slog.DiscardHandler),
			Cluster: map[string]string{"a": "a:1", "b": "b:1", "c": "c:1"},
		}
		all[name] = open(t, cfg, tune)
	}
	all["a"].propose(1)
	return all
}

func open(t *testing.T, cfg balsa.Config, tune func(*balsa.Config)) *member {
	t.Helper()
	m := &member{t: t, metrics: metrics.New(), all: prometheus.NewPedanticRegistry()}
	cfg.Meter = m.metrics.Meter()
	if tune != nil {
		tune(&cfg)
	}
	var err error
	if m.node, err = balsa.Open(t.Context(), cfg, balsa.Func(0, func(sum *int, _ balsa.Entry, add int) int { *sum += add; return *sum })); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.node.Close() })
	m.metrics.Watch(m.node)
	m.all.MustRegister(m.metrics)
	return m
}

func (m *member) propose(times int) {
	m.t.Helper()
	for range times {
		if _, err := m.node.Propose(m.t.Context(), 1); err != nil {
			m.t.Fatal(err)
		}
	}
}

// scrape is what Prometheus would get, by name.
func (m *member) scrape() map[string]*dto.MetricFamily {
	m.t.Helper()
	families, err := m.all.Gather()
	if err != nil {
		m.t.Fatal(err)
	}
	all := map[string]*dto.MetricFamily{}
	for _, f := range families {
		all[f.GetName()] = f
	}
	return all
}

// value is the one value of a metric with these labels, each as name=value; of a histogram
// how many were observed.
func (m *member) value(name string, labels ...string) float64 {
	m.t.Helper()
	metric := m.find(name, labels...)
	switch {
	case metric == nil:
		return math.NaN()
	case metric.Histogram != nil:
		return float64(metric.Histogram.GetSampleCount())
	case metric.Counter != nil:
		return metric.Counter.GetValue()
	}
	return metric.Gauge.GetValue()
}

// sum is what a histogram has observed, all together.
func (m *member) sum(name string, labels ...string) float64 {
	m.t.Helper()
	return m.find(name, labels...).GetHistogram().GetSampleSum()
}

// find is the one series with these labels, nil if there is none.
func (m *member) find(name string, labels ...string) *dto.Metric {
	m.t.Helper()
	for _, metric := range m.scrape()[name].GetMetric() {
		var has []string
		for _, l := range metric.GetLabel() {
			has = append(has, l.GetName()+"="+l.GetValue())
		}
		if slices.Equal(has, labels) {
			return metric
		}
	}
	return nil
}

func (m *member) eventually(what string, holds func() bool) {
	m.t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			m.t.Fatalf("it never came to this: %s", what)
		}
	}
}

func TestWhatAClusterDoesIsCounted(t *testing.T) {
	all := cluster(t, nil)
	leader := all[all["a"].node.Status().Leader]
	follower := all["b"]
	if follower == leader {
		follower = all["c"]
	}
	follower.propose(20)
	if err := follower.node.Read(t.Context(), func(*balsa.State[int, int, int]) {}); err != nil {
		t.Fatal(err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if err := follower.node.Read(done, func(*balsa.State[int, int, int]) {}); err == nil {
		t.Fatal("a read whose context has ended went through")
	}
	follower.eventually("20 proposals are counted", func() bool { return follower.value("balsa_proposal_seconds") == 20 })
	for _, stage := range []string{"waited", "ordered", "committed", "applied"} {
		if n := follower.value("balsa_proposal_stage_seconds", "stage="+stage); n != 20 {
			t.Errorf("%v proposals were counted in stage %s, want 20", n, stage)
		}
	}
	name := follower.node.Status().Name
	for what, holds := range map[string]bool{
		"the leader leads":                   leader.value("balsa_leader") == 1 && follower.value("balsa_leader") == 0,
		"all know it":                        leader.value("balsa_has_leader") == 1 && follower.value("balsa_has_leader") == 1,
		"its role":                           leader.value("balsa_role", "role=leader") == 1 && follower.value("balsa_role", "role=follower") == 1,
		"an election was won":                leader.value("balsa_elections_won_total") >= 1,
		"a leader was found":                 follower.value("balsa_leader_changes_total") >= 1 && follower.value("balsa_leaderless_seconds") >= 1,
		"there is a term":                    leader.value("balsa_term") >= 1,
		"the log was synced":                 follower.value("balsa_log_sync_seconds") > 0 && follower.value("balsa_log_sync_bytes_total") > 0,
		"entries were applied":               follower.value("balsa_applied_entries_total") >= 20 && follower.value("balsa_apply_seconds") > 0,
		"a read was let go, another was not": follower.value("balsa_read_wait_seconds") >= 1 && follower.value("balsa_reads_failed_total", "cause=canceled") == 1,
		"there are sessions":                 leader.value("balsa_sessions") >= 2,
		"the cache was of use":               follower.value("balsa_log_cache_hits_total") > 0 && follower.value("balsa_log_cache_misses_total") == 0,
		"three members vote":                 leader.value("balsa_members", "role=voter") == 3 && leader.value("balsa_members", "role=learner") == 0,
		"the follower is there":              leader.value("balsa_peer_active", "peer="+name, "role=voter") == 1,
		"it is not far away":                 leader.value("balsa_peer_round_trip_seconds", "peer="+name) > 0,
		"followers do not know lags":         math.IsNaN(follower.value("balsa_peer_lag_entries", "peer=a")),
	} {
		if !holds {
			t.Errorf("not so: %s", what)
		}
	}
	leader.eventually("the follower has all", func() bool { return leader.value("balsa_peer_lag_entries", "peer="+name) == 0 })
}

// What a scrape shows are the very figures of the status and of the meter: none stands under
// another one's name.
func TestEachFigureHasItsOwnName(t *testing.T) {
	m := open(t, balsa.Config{}, nil)
	of := func(s balsa.Status) { m.metrics.Watch(fixed{s}) }
	of(balsa.Status{Name: "a", ID: 1, Role: "leader", Leader: "a", Term: 2, Last: 9, Durable: 8, Commit: 7, Applied: 6, Snapshot: 5, Compacted: 4, LogBytes: 10, Diverged: "b", Changing: true,
		Load: balsa.Load{Proposals: 11, ProposalBytes: 12, Reads: 13, Forwards: 14, Sessions: 15, CacheBytes: 16, CacheHits: 17, CacheMisses: 18},
		Members: []balsa.MemberStatus{
			{Name: "a", ID: 1, Role: "voter", Match: 8, Active: true},
			{Name: "b", ID: 2, Role: "learner", Match: 3, RTT: 1500 * time.Millisecond, Sent: 19, Received: 20, Dropped: 21, Snapshot: &balsa.SnapshotTransfer{Bytes: 22, Size: 23}},
		}})
	for name, want := range map[string]float64{
		"leader": 1, "has_leader": 1, "term": 2, "log_last_index": 9, "log_durable_index": 8, "commit_index": 7, "applied_index": 6, "snapshot_index": 5,
		"log_compacted_index": 4, "log_bytes": 10, "members_changing": 1, "state_diverged": 1, "pending_proposals": 11, "pending_proposal_bytes": 12, "pending_reads": 13,
		"pending_forwards": 14, "sessions": 15, "log_cache_bytes": 16, "log_cache_hits_total": 17, "log_cache_misses_total": 18,
		"peer_lag_entries peer=b": 6, "peer_round_trip_seconds peer=b": 1.5, "peer_sent_bytes_total peer=b": 19, "peer_received_bytes_total peer=b": 20,
		"peer_dropped_messages_total peer=b": 21, "peer_active peer=b role=learner": 0, "members role=voter": 1, "members role=learner": 1, "members role=leaving": 0, "role role=leader": 1,
		"snapshot_transfer_bytes direction=out peer=b": 22, "snapshot_transfer_size_bytes peer=b": 23,
	} {
		words := strings.Fields(name)
		if got := m.value("balsa_"+words[0], words[1:]...); got != want {
			t.Errorf("balsa_%s is %v, want %v", name, got, want)
		}
	}
	of(balsa.Status{Name: "a", ID: 1, Role: "follower", Leader: "b", Members: []balsa.MemberStatus{{Name: "a", ID: 1}, {Name: "b", ID: 2, Sent: 1}}})
	for name, want := range map[string]float64{"leader": 0, "has_leader": 1, "state_diverged": 0, "members_changing": 0, "role role=follower": 1, "peer_sent_bytes_total peer=b": 1} {
		words := strings.Fields(name)
		if got := m.value("balsa_"+words[0], words[1:]...); got != want {
			t.Errorf("of a follower balsa_%s is %v, want %v", name, got, want)
		}
	}

	meter := metrics.New()
	n := &member{t: t, metrics: meter, all: prometheus.NewPedanticRegistry()}
	n.all.MustRegister(meter)
	to := meter.Meter()
	to.Proposed(balsa.Stages{Commands: 3, Bytes: 4, Waited: 1 * time.Second, Ordered: 2 * time.Second, Persisted: 3 * time.Second, Committed: 4 * time.Second, Applied: 5 * time.Second, Total: 6 * time.Second})
	to.Proposed(balsa.Stages{Commands: 1}) // which was answered before this member's disk had it
	to.Synced(balsa.Sync{Took: 7 * time.Second, Bytes: 8})
	to.Synced(balsa.Sync{Err: errors.New("no")})
	to.Applied(balsa.Applied{Took: 9 * time.Second, Entries: 10, Bytes: 11})
	to.Changed(balsa.Change{Role: raft.Candidate})
	to.Changed(balsa.Change{Was: raft.Candidate, Role: raft.Follower})
	to.Changed(balsa.Change{Role: raft.Candidate})
	to.Changed(balsa.Change{Was: raft.Candidate, Role: raft.Leader, Leader: 1, LeaderFor: 12 * time.Second})
	to.Changed(balsa.Change{Role: raft.Follower, Was: raft.Leader, Left: 1, Leader: 2})
	for name, want := range map[string]float64{
		"proposal_stage_seconds stage=waited": 3, "proposal_stage_seconds stage=ordered": 6, "proposal_stage_seconds stage=persisted": 9,
		"proposal_stage_seconds stage=committed": 12, "proposal_stage_seconds stage=applied": 15, "proposal_seconds": 18,
		"log_sync_seconds": 7, "apply_seconds": 9, "leaderless_seconds": 12,
	} {
		words := strings.Fields(name)
		if got := n.sum("balsa_"+words[0], words[1:]...); got != want {
			t.Errorf("balsa_%s are %v together, want %v", name, got, want)
		}
	}
	for name, want := range map[string]float64{
		"proposal_stage_seconds stage=waited": 4, "proposal_stage_seconds stage=persisted": 3, "proposal_batches_total": 2, "proposal_bytes_total": 4,
		"log_syncs_failed_total": 1, "log_sync_bytes_total": 8, "applied_entries_total": 10, "applied_bytes_total": 11,
		"elections_started_total": 2, "elections_won_total": 1, "leader_changes_total": 2, "leaderless_seconds": 1,
	} {
		words := strings.Fields(name)
		if got := n.value("balsa_"+words[0], words[1:]...); got != want {
			t.Errorf("balsa_%s is %v, want %v", name, got, want)
		}
	}
}

// fixed is a member that stands as it is told.
type fixed struct{ status balsa.Status }

func (f fixed) Status() balsa.Status { return f.status }

func TestRejectionsAreCountedByCause(t *testing.T) {
	m := open(t, balsa.Config{MaxCommand: 4}, nil)
	m.propose(1)
	m.node.Propose(t.Context(), 1e9)
	m.node.Close()
	m.node.Propose(t.Context(), 1)
	for cause, want := range map[string]float64{"too_large": 1, "closed": 1, "overloaded": 0, "other": 0} {
		if got := m.value("balsa_rejected_total", "cause="+cause); got != want {
			t.Errorf("%v rejections because of %s, want %v", got, cause, want)
		}
	}
}

func TestStepsOfSnapshotsAreCounted(t *testing.T) {
	m := open(t, balsa.Config{}, nil)
	m.propose(1)
	if err := m.node.Snapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
	if m.value("balsa_snapshot_seconds", "step=capture") != 1 || m.value("balsa_snapshot_seconds", "step=write") != 1 || m.value("balsa_snapshot_bytes_total", "step=write") == 0 {
		t.Errorf("a snapshot was taken, and there is %v", m.scrape()["balsa_snapshot_seconds"])
	}
	if m.value("balsa_snapshot_index") == 0 {
		t.Error("the snapshot has no index")
	}
}

func TestNamesAreAsPrometheusWantsThem(t *testing.T) {
	m := open(t, balsa.Config{}, nil)
	m.propose(1)
	problems, err := testutil.GatherAndLint(m.all)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// exported is the kind of each metric there is, by name.
func exported(t *testing.T) map[string]string {
	t.Helper()
	descs := make(chan *prometheus.Desc, 1000)
	metrics.New().Describe(descs)
	metrics.NewRequests().Describe(descs)
	close(descs)
	kinds, name := map[string]string{}, regexp.MustCompile(`fqName: "([^"]+)"`)
	for d := range descs {
		kinds[name.FindStringSubmatch(d.String())[1]] = "gauge" // of those that no scrape shows
	}
	m := open(t, balsa.Config{}, nil)
	m.propose(1)
	for name, f := range m.scrape() {
		if kinds[name] == "" {
			t.Errorf("%s is not described", name)
		}
		kinds[name] = strings.ToLower(f.GetType().String())
	}
	for name := range kinds {
		if strings.HasPrefix(name, "balsa_peer_") && strings.HasSuffix(name, "_total") {
			kinds[name] = "counter"
		}
	}
	kinds["balsa_request_seconds"] = "histogram" // of faces, which this member has not
	return kinds
}

// TestEachMetricIsDocumented: docs/metrics.md has a row for each, and no other.
func TestEachMetricIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	kinds, documented := exported(t), map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(balsa_[a-z_]+)`[^|]*\\| (\\w+) \\| ([^|]*) \\|").FindAllStringSubmatch(string(page), -1) {
		name, kind, unit := row[1], row[2], row[3]
		switch {
		case documented[name]:
			t.Errorf("%s is documented twice", name)
		case kinds[name] == "":
			t.Errorf("%s is documented, and there is no such metric", name)
		case kinds[name] != kind:
			t.Errorf("%s is a %s, and documented as a %s", name, kinds[name], kind)
		}
		for suffix, want := range map[string]string{"_seconds": "seconds", "_bytes": "bytes", "_bytes_total": "bytes"} {
			if strings.HasSuffix(name, suffix) && unit != want {
				t.Errorf("the unit of %s is documented as %q", name, unit)
			}
		}
		documented[name] = true
	}
	for name := range kinds {
		if !documented[name] {
			t.Errorf("%s is not in docs/metrics.md", name)
		}
	}
	for _, cause := range []string{"too_large", "overloaded", "no_space", "session_expired", "result_lost", "removed", "closed", "no_leader", "timeout", "canceled", "other"} {
		if !strings.Contains(string(page), "`"+cause+"`") {
			t.Errorf("docs/metrics.md does not say what the cause %s is", cause)
		}
	}
}

// BenchmarkProposed is what a batch of proposals costs the goroutine that turns a member.
func BenchmarkProposed(b *testing.B) {
	meter := metrics.New().Meter()
	s := balsa.Stages{Commands: 64, Bytes: 16 << 10, Waited: 1e5, Persisted: 3e5, Committed: 4e5, Applied: 5e4, Total: 55e4}
	b.ReportAllocs()
	for b.Loop() {
		meter.Proposed(s)
	}
}

func TestToMeterABatchAllocatesNothing(t *testing.T) {
	meter := metrics.New().Meter()
	for what, do := range map[string]func(){
		"a batch of proposals": func() { meter.Proposed(balsa.Stages{Commands: 3, Persisted: 1}) },
		"a sync":               func() { meter.Synced(balsa.Sync{Took: 1, Bytes: 1}) },
		"an apply":             func() { meter.Applied(balsa.Applied{Took: 1, Entries: 1}) },
		"a read":               func() { meter.Read(1, nil) },
	} {
		if n := testing.AllocsPerRun(100, do); n != 0 {
			t.Errorf("%s: %v allocations", what, n)
		}
	}
}

func Example() {
	m := metrics.New()
	sum := balsa.Func(0, func(total *int, _ balsa.Entry, add int) int { *total += add; return *total })
	node, err := balsa.Open(context.Background(), balsa.Config{Meter: m.Meter()}, sum)
	if err != nil {
		panic(err)
	}
	defer node.Close()
	m.Watch(node)
	registry := prometheus.NewRegistry()
	registry.MustRegister(m) // to be served with promhttp.HandlerFor
	node.Propose(context.Background(), 5)
	families, _ := registry.Gather()
	for _, f := range families {
		if f.GetName() == "balsa_leader" {
			fmt.Println(f.GetName(), f.GetMetric()[0].GetGauge().GetValue())
		}
	}
	// Output: balsa_leader 1
}
