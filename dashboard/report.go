package dashboard

import (
	"time"

	"github.com/balsaraft/balsa"
)

// Report is what a member says of itself. It travels in notes between members, whose size
// is limited, so its names are short and its lists are the last of many.
type Report struct {
	Name      string         `json:"name"`
	ID        balsa.MemberID `json:"id"`
	Addr      string         `json:"addr"`
	HTTP      string         `json:"http,omitempty"` // where its own page is
	Role      string         `json:"role"`           // as in balsa.Status
	Leader    string         `json:"leader"`
	Term      balsa.Term     `json:"term"`
	Last      balsa.Index    `json:"last"`
	Durable   balsa.Index    `json:"durable"`
	Commit    balsa.Index    `json:"commit"`
	Applied   balsa.Index    `json:"applied"`
	Snapshot  balsa.Index    `json:"snapshot"`
	Compacted balsa.Index    `json:"compacted"`
	LogBytes  int64          `json:"log_bytes"`
	Waiting   string         `json:"waiting,omitempty"`
	Diverged  string         `json:"diverged,omitempty"`
	// Queue is how many proposals of its own callers wait for an answer, Reads how many
	// reads for a state new enough.
	Queue int `json:"queue"`
	Reads int `json:"reads"`
	// Snapshots are on their way between it and others.
	Snapshots []Transfer `json:"snapshots,omitempty"`
	// Writing is the snapshot that it takes of its own state now, nil if there is none; it is
	// with nobody, and its size is that of the last one.
	Writing *Transfer `json:"writing,omitempty"`
	Seats   []Seat    `json:"seats"`
	Hears   []Contact `json:"hears"`
	Sample  Sample    `json:"sample"`
	Events  []Event   `json:"events"`
	// Stopped says why the member has ended, "" while it runs.
	Stopped string `json:"stopped,omitempty"`

	// Age is how long ago, in milliseconds, the member said this; -1 if it was never heard.
	// It is filled in by who passes the report on to a page.
	Age  int64 `json:"age"`
	made int64 // when, in milliseconds since 1970
}

// Seat is a member as the membership lists it. Match is what the leader knows of it.
type Seat struct {
	Name  string         `json:"name"`
	ID    balsa.MemberID `json:"id"`
	Role  string         `json:"role"` // voter, learner, leaving
	Match balsa.Index    `json:"match,omitempty"`
}

// Transfer is a snapshot on its way between two members.
type Transfer struct {
	With     string `json:"with,omitempty"` // the other member's name
	Incoming bool   `json:"incoming"`
	Bytes    int64  `json:"bytes"`
	Size     int64  `json:"size"` // 0 if it is not known
}

// Contact is another member as this one hears it.
type Contact struct {
	ID  balsa.MemberID `json:"id"`
	Age int64          `json:"age"` // milliseconds since its last note
	// RTT is how long a note and its answer take, in microseconds, the time between apart;
	// 0 if it is not known.
	RTT int64 `json:"rtt,omitempty"`
}

// Event is something that has happened to a member, once or again and again.
type Event struct {
	Seq    uint64 `json:"seq"`    // counts this member's events since it started, repeats apart
	At     int64  `json:"at"`     // the first time, by its clock, in milliseconds since 1970
	Latest int64  `json:"latest"` // the last time
	Times  int    `json:"times"`
	Kind   string `json:"kind"`
	Text   string `json:"text"`
	Role   string `json:"role,omitempty"` // of a change of role
}

func (r *Report) seat(members []balsa.MemberStatus) {
	for _, m := range members {
		r.Seats = append(r.Seats, Seat{Name: m.Name, ID: m.ID, Role: m.Role, Match: m.Match})
		if t := m.Snapshot; t != nil {
			r.Snapshots = append(r.Snapshots, Transfer{m.Name, t.Incoming, t.Bytes, t.Size})
		}
	}
}

// reportOf begins a report with what a status says.
func reportOf(s balsa.Status) Report {
	r := Report{
		Name: s.Name, ID: s.ID, Addr: s.Addr, Role: s.Role, Leader: s.Leader, Term: s.Term,
		Last: s.Last, Durable: s.Durable, Commit: s.Commit, Applied: s.Applied, Snapshot: s.Snapshot,
		Compacted: s.Compacted, LogBytes: s.LogBytes, Waiting: cut(s.Waiting), Diverged: cut(s.Diverged),
		Queue: s.Load.Proposals, Reads: s.Load.Reads,
	}
	r.seat(s.Members)
	if w := s.Writing; w != nil {
		r.Writing = &Transfer{Bytes: w.Bytes, Size: w.Size}
	}
	return r
}

// note is what travels: a report, and what members need to agree on how long to go on.
type note struct {
	Report Report `json:"report"`
	// Watched is for how long, in milliseconds, members are still to tell how they stand:
	// it only falls on its way, so that it ends when nobody looks.
	Watched int64 `json:"watched"`
	Sent    int64 `json:"sent"` // by the sender's clock, in microseconds since it started
	// Echo is the Sent of the last note of each member that was heard, and how long ago.
	Echo map[balsa.MemberID]echo `json:"echo,omitempty"`
}

type echo struct {
	Sent int64 `json:"sent"`
	Held int64 `json:"held"` // microseconds
}

// heard is a member's last note, and when it came.
type heard struct {
	note
	at  time.Time
	rtt time.Duration
}
