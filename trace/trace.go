package trace

// Line is one line of a trace.
type Line struct {
	Tag   string `json:"tag"` // always Tag
	Time  int64  `json:"ts,omitempty"`
	Event Event  `json:"event"`
}

// Tag marks the lines of a trace among others in the same file.
const Tag = "trace"

// Event is something that a member did, and how it stands: before the event if it
// receives a message or appends an entry, after it in all other cases.
type Event struct {
	Name    string   `json:"name"`
	Node    string   `json:"nid"`
	State   State    `json:"state"`
	Role    string   `json:"role"`
	Log     uint64   `json:"log"` // index of the last entry
	Conf    Conf     `json:"conf"`
	Message *Message `json:"msg,omitempty"`
	Prop    *Prop    `json:"prop,omitempty"`
}

// Conf are the voters, and those that are being left.
type Conf [2][]string

// State is what a member keeps.
type State struct {
	Term   uint64 `json:"term"`
	Vote   string `json:"vote"` // Nobody if there is none
	Commit uint64 `json:"commit"`
}

// Nobody is the vote of a member that has not voted.
const Nobody = "0"

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
	Start    *Start   `json:"start,omitempty"`
	Entries  []Run    `json:"entries,omitempty"`
}

// Change is a change of the voters.
type Change struct {
	NewConf []string `json:"newconf"`
}

// Start is a position that a snapshot stands for: all up to it is committed.
type Start struct {
	Term  uint64 `json:"term"`
	Index uint64 `json:"index"`
	Conf  Conf   `json:"conf"` // as of there
}

// Run is a run of entries of one term that ends at an index.
type Run struct {
	Term uint64 `json:"term"`
	Last uint64 `json:"last"`
	Conf *Conf  `json:"conf,omitempty"` // if it is one entry, a membership
}

// Names of events.
const (
	InitState       = "InitState"
	BecomeCandidate = "BecomeCandidate"
	BecomeFollower  = "BecomeFollower"
	BecomeLeader    = "BecomeLeader"
	Commit          = "Commit"
	Replicate       = "Replicate"
	ChangeConf      = "ChangeConf"
	Ready           = "Ready"
	SendAppend      = "SendAppendEntriesRequest"
	ReceiveAppend   = "ReceiveAppendEntriesRequest"
	SendAppended    = "SendAppendEntriesResponse"
	ReceiveAppended = "ReceiveAppendEntriesResponse"
	SendVote        = "SendRequestVoteRequest"
	ReceiveVote     = "ReceiveRequestVoteRequest"
	SendVoted       = "SendRequestVoteResponse"
	ReceiveVoted    = "ReceiveRequestVoteResponse"
	SendMessage     = "SendMessage"
	ReceiveMessage  = "ReceiveMessage"
	ReceiveSnapshot = "ReceiveSnapshot"
)

// Names of roles.
const (
	Follower  = "StateFollower"
	Candidate = "StateCandidate"
	Leader    = "StateLeader"
)
