// Package spec holds runs of the algorithm against the paper. A Recorder tells, event by
// event, what members did, as lines of JSON in the form that the trace validation of
// etcd-io/raft reads (state_trace.go, tla/Traceetcdraft.tla there). Check reads such a
// trace and judges each event against the rules of the paper, figure 2 and §6. It was
// written from these, knows nothing of package raft, and keeps its own idea of every
// member: what an event says of a member must be what the rules make of it.
//
// Beyond that form, an InitState says the terms of the log in prop.terms, a ChangeConf
// the voters that are being left in prop.outgoing, and messages that only tell of a term
// are SendMessage and ReceiveMessage. Not told: pre-votes that are granted, snapshots.
//
// Where the core does what the published specification does not know, that one cannot
// follow a run, and Check can: joint changes that count when appended, acknowledgements
// of less than was received because the disk is behind, and restarts, after which the
// commit index is not known any more.
package spec

// Line is one line of a trace.
type Line struct {
	Tag   string `json:"tag"` // always "trace"
	Event Event  `json:"event"`
}

// Event is something that a member did, and how it stands: before the event if it
// receives a message or appends an entry, after it in all other cases.
type Event struct {
	Name    string      `json:"name"`
	Node    string      `json:"nid"`
	State   State       `json:"state"`
	Role    string      `json:"role"`
	Log     uint64      `json:"log"`  // index of the last entry
	Conf    [2][]string `json:"conf"` // voters, and those that are being left
	Message *Message    `json:"msg,omitempty"`
	Prop    *Prop       `json:"prop,omitempty"`
}

// State is what a member keeps.
type State struct {
	Term   uint64 `json:"term"`
	Vote   string `json:"vote"` // "0" for nobody
	Commit uint64 `json:"commit"`
}

// Message is one between members.
type Message struct {
	Type       string `json:"type"`
	Term       uint64 `json:"term"`
	From       string `json:"from"`
	To         string `json:"to"`
	Entries    int    `json:"entries"`
	LogTerm    uint64 `json:"logTerm"`
	Index      uint64 `json:"index"`
	Commit     uint64 `json:"commit"`
	Vote       string `json:"vote"`
	Reject     bool   `json:"reject"`
	RejectHint uint64 `json:"rejectHint"`
}

// Prop is what some events say beyond the rest.
type Prop struct {
	Change   *Change  `json:"cc,omitempty"`
	Outgoing []string `json:"outgoing,omitempty"`
	Terms    []uint64 `json:"terms,omitempty"`
}

// Change is a change of the voters.
type Change struct {
	NewConf []string `json:"newconf"`
}

// Names of events.
const (
	initState       = "InitState"
	becomeCandidate = "BecomeCandidate"
	becomeFollower  = "BecomeFollower"
	becomeLeader    = "BecomeLeader"
	commit          = "Commit"
	replicate       = "Replicate"
	changeConf      = "ChangeConf"
	ready           = "Ready"
	sendAppend      = "SendAppendEntriesRequest"
	receiveAppend   = "ReceiveAppendEntriesRequest"
	sendAppended    = "SendAppendEntriesResponse"
	receiveAppended = "ReceiveAppendEntriesResponse"
	sendVote        = "SendRequestVoteRequest"
	receiveVote     = "ReceiveRequestVoteRequest"
	sendVoted       = "SendRequestVoteResponse"
	receiveVoted    = "ReceiveRequestVoteResponse"
	sendMessage     = "SendMessage"
	receiveMessage  = "ReceiveMessage"
)

// Names of roles.
const (
	follower  = "StateFollower"
	candidate = "StateCandidate"
	leader    = "StateLeader"
)
