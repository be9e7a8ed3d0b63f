// Package timeline draws a world: one page of HTML with a drawing in it, which needs
// nothing from outside. Time goes to the right, each member has a lane whose colour is
// its role, with its terms; above and below are what it commits, where it dies and starts,
// stands still, or has trouble; between lanes go the messages that decide something.
//
// A world has thousands of events. What lies closer together than the eye can tell apart
// is drawn once, with its number: the drawing has a width in pixels, and each of them has
// room for so much.
package timeline

import (
	"strings"
	"time"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

// Timeline is what happened in one world. It has one owner.
type Timeline struct {
	lanes    []*lane
	byName   map[string]*lane
	byID     map[wire.MemberID]*lane
	messages []message
	global   []mark // what is about the whole world
	end      time.Duration
}

// lane is one seat: a name at which members live, one after the other.
type lane struct {
	name    string
	roles   []phase // the last one goes on
	commits []progress
	marks   []mark
	pauses  []phase
}

// phase is a time in which a member was something.
type phase struct {
	from, to time.Duration // to is 0 while it goes on
	role     string        // a role, down or waiting
	term     wire.Term
}

// Roles of who is none of the algorithm's: it does not run, or belongs to no cluster yet.
const (
	down    = "down"
	waiting = "waiting"
)

type progress struct {
	at    time.Duration
	index wire.Index
}

type mark struct {
	at   time.Duration
	kind string
	text string
}

// message is one that decides something, or a crowd of Appends.
type message struct {
	from, to wire.MemberID
	at       time.Duration // when it was sent
	kind     string
	text     string
}

// New is a timeline on which nothing has happened.
func New() *Timeline {
	return &Timeline{byName: map[string]*lane{}, byID: map[wire.MemberID]*lane{}}
}

func (t *Timeline) lane(name string) *lane {
	l := t.byName[name]
	if l == nil {
		l = &lane{name: name}
		t.byName[name] = l
		t.lanes = append(t.lanes, l)
	}
	return l
}

// Started implements world.Witness.
func (t *Timeline) Started(at time.Duration, seat string, id wire.MemberID, st raft.State) {
	l := t.lane(seat)
	t.byID[id] = l
	l.enter(at, raft.Follower.String(), st.Status(id).Term)
	t.end = max(t.end, at)
}

// Did implements world.Witness.
func (t *Timeline) Did(at time.Duration, seat string, s raft.Status, _ raft.Event, o raft.Orders) {
	l := t.lane(seat)
	t.byID[s.ID] = l
	l.enter(at, s.Role.String(), s.Term)
	if o.Committed > 0 && s.Role == raft.Leader {
		l.commits = append(l.commits, progress{at, o.Committed})
	}
	for _, m := range o.Send {
		t.send(at, m)
	}
	t.end = max(t.end, at)
}

func (t *Timeline) send(at time.Duration, m wire.Message) {
	kind := ""
	switch m.Kind {
	case wire.Vote, wire.TimeoutNow:
		kind = "asks"
	case wire.VoteReply:
		kind = "grants"
		if m.Reject {
			kind = "refuses"
		}
	case wire.Append:
		kind = "append"
	default:
		return // answers and pre-votes follow from the rest
	}
	t.messages = append(t.messages, message{m.From, m.To, at, kind, m.String()})
}

// enter begins a phase, unless it goes on.
func (l *lane) enter(at time.Duration, role string, term wire.Term) {
	if n := len(l.roles); n > 0 {
		last := &l.roles[n-1]
		if last.role == role && last.term == term {
			return
		}
		last.to = at
	}
	l.roles = append(l.roles, phase{from: at, role: role, term: term})
}

// Said implements world.Witness.
func (t *Timeline) Said(at time.Duration, seat, line string) {
	t.end = max(t.end, at)
	if seat == "" {
		t.global = append(t.global, mark{at, kindOf(line), line})
		return
	}
	l := t.lane(seat)
	switch kind := kindOf(line); kind {
	case "state":
		return // its roles say so
	case "dies":
		l.enter(at, down, 0)
		l.wake(at)
		l.marks = append(l.marks, mark{at, kind, line})
	case "starts":
		l.enter(at, waiting, 0)
		l.marks = append(l.marks, mark{at, kind, line})
	case "sleeps":
		l.pauses = append(l.pauses, phase{from: at, role: line})
	case "wakes":
		l.wake(at)
	default:
		l.marks = append(l.marks, mark{at, kind, line})
	}
}

// wake ends a pause.
func (l *lane) wake(at time.Duration) {
	if n := len(l.pauses); n > 0 && l.pauses[n-1].to == 0 {
		l.pauses[n-1].to = at
	}
}

// kinds tell lines of a world's trace apart by how they begin. A line that is none of
// them is a note.
var kinds = []struct{ begins, kind string }{
	{"dies", "dies"}, {"stops", "dies"},
	{"starts as", "starts"}, {"does not start", "trouble"},
	{"stands still", "sleeps"}, {"goes on", "wakes"},
	{"hears nobody", "cut"}, {"is heard by nobody", "cut"}, {"is the bridge", "cut"}, {"is not heard by", "cut"},
	{"is on the one side", "cut"}, {"is on the other side", "cut"}, {"loses and finds", "cut"}, {"loses its connections", "trouble"},
	{"the network is whole", "healed"}, {"the troubles end", "healed"},
	{"has a disk", "trouble"}, {"has rot", "trouble"}, {"loses its disk", "trouble"}, {"clock", "trouble"}, {"weather", "trouble"},
	{"BROKEN", "broken"},
}

func kindOf(line string) string {
	for _, k := range kinds {
		if strings.HasPrefix(line, k.begins) {
			return k.kind
		}
	}
	if strings.Contains(line, " term=") && strings.Contains(line, " members=") {
		return "state"
	}
	return "note"
}
