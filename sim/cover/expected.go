package cover

import (
	"iter"
	"strings"

	"github.com/balsaraft/balsa/raft"
)

// row says what an event may make of a member in some roles.
type row struct {
	roles, event, outcomes string
}

// anyone are all roles: followers, pre-candidates, candidates and leaders.
const anyone = "F P C L"

// What there is. Outcomes are separated by "; ", the next role is named if it differs, and
// "raised" is a follower in a later term.
var rows = []row{
	{anyone, "append", "raised"},
	{"F", "append", "stays; commits"},
	{"P C", "append", "stays; follower"},
	{"L", "append", "stays"},
	{anyone, "append-reply", "stays"},
	{"L", "append-reply", "commits; follower"},
	{anyone, "append-reply refused", "stays; raised"},
	{anyone, "applied", "stays"},
	{anyone, "compacted", "stays"},
	{anyone, "link-down", "stays"},
	{anyone, "link-down, gone", "stays"},
	{anyone, "link-up", "stays"},
	{anyone, "prevote", "stays"},
	{anyone, "prevote-reply", "stays"},
	{"P", "prevote-reply", "candidate, later term"},
	{anyone, "prevote-reply refused", "stays; raised"},
	{"P", "prevote-reply refused", "follower"},
	{anyone, "read-index", "stays"},
	{anyone, "read-index-reply", "stays"},
	{anyone, "read-index-reply refused", "stays; raised"},
	{"F L", "request", "stays"},
	{"F", "request", "candidate, later term"}, // what a member that votes alone does as it starts
	{anyone, "saved", "stays"},
	{"C", "saved", "leader"},
	{"L", "saved", "commits"},
	{"F", "snapshot-installed", "stays; commits"},
	{"P C", "snapshot-installed", "follower; commits"},
	{"L", "snapshot-installed", "stays; commits"},
	{"F L", "snapshot-sent", "stays"},
	{"F P L", "snapshot-sent failed", "stays"},
	{"F", "tick", "stays; pre-candidate; candidate, later term"},
	{"P", "tick", "stays; follower"},
	{"C", "tick", "follower; pre-candidate; candidate, later term"},
	{"L", "tick", "stays; follower"},
	{anyone, "timeout-now", "stays"},
	{"F", "timeout-now", "candidate, later term"},
	{anyone, "vote", "stays; raised"},
	{anyone, "vote-reply", "stays"},
	{"C", "vote-reply", "leader"},
	{anyone, "vote-reply refused", "stays; raised"},
	{"C", "vote-reply refused", "follower"},
}

// Reason says why something is not in the list.
type Reason struct{ What, Why string }

// Impossible says why the rest is not there.
var Impossible = []Reason{
	{"anyone, prevote or prevote-reply granted: another role or term but a pre-candidate's", "a pre-vote touches no term (thesis §9.6)"},
	{"anyone, a reply that grants or acknowledges: later term", "it is of the term of what it answers, which the asker has saved before it asked"},
	{"anyone, read-index or timeout-now: raised", "they go to or come from the leader of a term that both are in, and have saved"},
	{"anyone but a leader, saved or append-reply: commits", "only a leader counts whose disks have what; others are told (paper §5.3)"},
	{"leader, saved: follower", "a leader steps down once a membership without it is committed, in which its own disk does not count"},
	{"leader, snapshot-sent: commits", "what a snapshot holds was committed before"},
	{"candidate, snapshot-sent or snapshot-sent failed", "a host gives its transfers up in the turn in which it was deposed, and to campaign takes an answer of others"},
	{"pre-candidate, snapshot-sent", "the same: within one turn, messages come before the tick that makes a pre-candidate"},
	{"leader, request: commits", "an own entry is not durable before its save has ended"},
	{"anyone, snapshot-installed: later term", "it comes from the leader of the own term, and holds nothing later"},
	{"pre-candidate and candidate, request", "a host asks for nothing while it knows no leader"},
	{"pre-candidate, tick: candidate", "who votes alone wins the pre-vote in the step that begins it"},
	{"candidate, tick: stays", "a tick comes when the election is over, and begins another or gives up"},
	{"anyone, applied, compacted, link-up, link-down: another role", "they change what is told and sent, and nobody's role: who loses the leader's process hurries its next tick"},
}

var roles = map[string]raft.Role{"F": raft.Follower, "P": raft.PreCandidate, "C": raft.Candidate, "L": raft.Leader}

// Expected lists the transitions that there are.
func Expected() iter.Seq[Transition] {
	return func(yield func(Transition) bool) {
		for _, r := range rows {
			for letter := range strings.FieldsSeq(r.roles) {
				for outcome := range strings.SplitSeq(r.outcomes, "; ") {
					if outcome == "raised" {
						outcome = raft.Follower.String() + later
					}
					if !yield(Transition{roles[letter], r.event, outcome}) {
						return
					}
				}
			}
		}
	}
}
