package metrics

import (
	"slices"

	"github.com/balsaraft/balsa"
	"github.com/prometheus/client_golang/prometheus"
)

// gauge is a number that a status has, and counter one that only grows.
func gauge(name, help string, value func(balsa.Status) float64) number {
	return number{describe(name, help), prometheus.GaugeValue, value}
}

func counter(name, help string, value func(balsa.Status) float64) number {
	return number{describe(name, help), prometheus.CounterValue, value}
}

// number is a metric of the member itself.
type number struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(balsa.Status) float64
}

var numbers = []number{
	gauge("leader", "1 if this member leads.", func(s balsa.Status) float64 { return truth(s.Role == "leader") }),
	gauge("has_leader", "1 if this member knows a leader.", func(s balsa.Status) float64 { return truth(s.Leader != "") }),
	gauge("term", "The term that this member is in.", func(s balsa.Status) float64 { return float64(s.Term) }),
	gauge("log_last_index", "Index of the last entry of the log.", func(s balsa.Status) float64 { return float64(s.Last) }),
	gauge("log_durable_index", "Index up to which entries are on this member's disk.", func(s balsa.Status) float64 { return float64(s.Durable) }),
	gauge("commit_index", "Index up to which entries are committed, as this member knows.", func(s balsa.Status) float64 { return float64(s.Commit) }),
	gauge("applied_index", "Index up to which entries are applied on this member.", func(s balsa.Status) float64 { return float64(s.Applied) }),
	gauge("snapshot_index", "Index of the newest snapshot on this member's disk.", func(s balsa.Status) float64 { return float64(s.Snapshot) }),
	gauge("log_compacted_index", "Index up to which entries are no longer in the log.", func(s balsa.Status) float64 { return float64(s.Compacted) }),
	gauge("log_bytes", "Bytes of the log on this member's disk.", func(s balsa.Status) float64 { return float64(s.LogBytes) }),
	gauge("members_changing", "1 while a change of the members is under way.", func(s balsa.Status) float64 { return truth(s.Changing) }),
	gauge("state_diverged", "1 if members' states are known to differ.", func(s balsa.Status) float64 { return truth(s.Diverged != "") }),
	gauge("pending_proposals", "Proposals of this member that are not answered.", func(s balsa.Status) float64 { return float64(s.Load.Proposals) }),
	gauge("pending_proposal_bytes", "Bytes of the proposals of this member that are not answered.", func(s balsa.Status) float64 { return float64(s.Load.ProposalBytes) }),
	gauge("pending_reads", "Reads on this member that wait for a state new enough.", func(s balsa.Status) float64 { return float64(s.Load.Reads) }),
	gauge("pending_forwards", "Batches of other members' proposals that wait for this leader's log.", func(s balsa.Status) float64 { return float64(s.Load.Forwards) }),
	gauge("sessions", "Sessions that the cluster remembers, of members and of callers outside.", func(s balsa.Status) float64 { return float64(s.Load.Sessions) }),
	gauge("log_cache_bytes", "Bytes of log entries in memory.", func(s balsa.Status) float64 { return float64(s.Load.CacheBytes) }),
	counter("log_cache_hits_total", "How often entries to be applied or sent were in memory.", func(s balsa.Status) float64 { return float64(s.Load.CacheHits) }),
	counter("log_cache_misses_total", "How often entries to be applied or sent had to be read from the disk.", func(s balsa.Status) float64 { return float64(s.Load.CacheMisses) }),
}

// peerNumber is a metric of another member, by its name.
type peerNumber struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	lead  bool // only a leader knows it
	value func(balsa.Status, balsa.MemberStatus) float64
}

func ofPeer(name, help string, kind prometheus.ValueType, lead bool, value func(balsa.Status, balsa.MemberStatus) float64) peerNumber {
	return peerNumber{describe(name, help, "peer"), kind, lead, value}
}

var peerNumbers = []peerNumber{
	ofPeer("peer_lag_entries", "Entries of this leader's log that the peer is not known to have on disk.", prometheus.GaugeValue, true,
		func(s balsa.Status, m balsa.MemberStatus) float64 { return float64(s.Last - min(m.Match, s.Last)) }),
	ofPeer("peer_round_trip_seconds", "How long the peer lately took to answer this leader, at least.", prometheus.GaugeValue, true,
		func(_ balsa.Status, m balsa.MemberStatus) float64 { return m.RTT.Seconds() }),
	ofPeer("peer_sent_bytes_total", "Bytes that were sent to the peer.", prometheus.CounterValue, false,
		func(_ balsa.Status, m balsa.MemberStatus) float64 { return float64(m.Sent) }),
	ofPeer("peer_received_bytes_total", "Bytes that came from the peer.", prometheus.CounterValue, false,
		func(_ balsa.Status, m balsa.MemberStatus) float64 { return float64(m.Received) }),
	ofPeer("peer_dropped_messages_total", "Messages to the peer that were given up, because too many waited or it was not reached.", prometheus.CounterValue, false,
		func(_ balsa.Status, m balsa.MemberStatus) float64 { return float64(m.Dropped) }),
}

var (
	infoDesc     = describe("member_info", "1, with who this member is.", "name", "id", "cluster")
	roleDesc     = describe("role", "1 for the role that this member has: leader, candidate, follower, learner, founding, joining, removed or repairing.", "role")
	membersDesc  = describe("members", "Members of the cluster by what they are: voter, learner, or leaving.", "role")
	activeDesc   = describe("peer_active", "1 if the peer has answered this leader within an election timeout.", "peer", "role")
	transferDesc = describe("snapshot_transfer_bytes", "Bytes that have come through of the snapshot on its way to or from a peer.", "peer", "direction")
	sizeDesc     = describe("snapshot_transfer_size_bytes", "Size of the snapshot that is on its way to a peer.", "peer")
)

// statusDescs are the metrics that a status is made of.
var statusDescs = func() []*prometheus.Desc {
	all := []*prometheus.Desc{infoDesc, roleDesc, membersDesc, activeDesc, transferDesc, sizeDesc}
	for _, n := range numbers {
		all = append(all, n.desc)
	}
	for _, n := range peerNumbers {
		all = append(all, n.desc)
	}
	return all
}()

func collectStatus(s balsa.Status, out chan<- prometheus.Metric) {
	put := func(desc *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(desc, kind, value, labels...)
	}
	put(infoDesc, prometheus.GaugeValue, 1, s.Name, s.ID.String(), s.Cluster.String())
	put(roleDesc, prometheus.GaugeValue, 1, s.Role)
	for _, n := range numbers {
		put(n.desc, n.kind, n.value(s))
	}
	roles := map[string]int{"voter": 0, "learner": 0, "leaving": 0}
	for _, m := range s.Members {
		roles[m.Role]++
		if m.ID != s.ID && !replaced(m, s.Members) {
			collectPeer(s, m, put)
		}
	}
	for role, n := range roles {
		put(membersDesc, prometheus.GaugeValue, float64(n), role)
	}
}

// replaced says whether a member leaves to whose name another one comes: two of a name
// would be two metrics in one.
func replaced(m balsa.MemberStatus, by []balsa.MemberStatus) bool {
	return slices.ContainsFunc(by, func(o balsa.MemberStatus) bool {
		return o.Name == m.Name && o.ID != m.ID && (m.Role == "leaving" || o.Role != "leaving" && o.ID < m.ID)
	})
}

func collectPeer(s balsa.Status, m balsa.MemberStatus, put func(*prometheus.Desc, prometheus.ValueType, float64, ...string)) {
	for _, n := range peerNumbers {
		if !n.lead || s.Role == "leader" {
			put(n.desc, n.kind, n.value(s, m), m.Name)
		}
	}
	if s.Role == "leader" {
		put(activeDesc, prometheus.GaugeValue, truth(m.Active), m.Name, m.Role)
	}
	t := m.Snapshot
	switch {
	case t == nil:
	case t.Incoming:
		put(transferDesc, prometheus.GaugeValue, float64(t.Bytes), m.Name, "in")
	default:
		put(transferDesc, prometheus.GaugeValue, float64(t.Bytes), m.Name, "out")
		put(sizeDesc, prometheus.GaugeValue, float64(t.Size), m.Name)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
