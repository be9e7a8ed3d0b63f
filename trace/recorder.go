package trace

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

// Recorder writes a trace. Whoever turns members tells it of every start and of every
// input, in the order in which they happened. It is a host.Tracer. It has one owner.
type Recorder struct {
	out     io.Writer
	clock   func() int64 // nil if there is none
	lines   bytes.Buffer // of the input under way
	encoder *json.Encoder
	members map[wire.MemberID]*view
	err     error
}

// view is what the recorder keeps of a member because its status does not say it.
type view struct {
	last     raft.Status // after the last input
	vote     wire.MemberID
	voted    wire.Term  // the last term in which it has counted its own vote
	reported wire.Index // up to here it has counted its own disk, in this reign
}

// NewRecorder writes to out: what an input made of a member in one Write, which returns
// before anybody hears of it. The clock, if it is not nil, says when.
func NewRecorder(out io.Writer, clock func() int64) *Recorder {
	r := &Recorder{out: out, clock: clock, members: map[wire.MemberID]*view{}}
	r.encoder = json.NewEncoder(&r.lines)
	return r
}

// Err is the first error of writing, after which nothing more is written: a trace with a
// hole would break rules that the members did not.
func (r *Recorder) Err() error { return r.err }

// Started tells that a member starts with what its disk holds.
func (r *Recorder) Started(id wire.MemberID, st raft.State) {
	s := st.Status(id)
	v := &view{last: s}
	if s.Term == st.HardState.Term {
		v.vote = st.HardState.Vote
	}
	r.members[id] = v
	e := r.event(InitState, s)
	e.Prop = &Prop{Entries: runsOf(st.Spans)}
	if st.Start.Index > 0 {
		e.Prop.Start = startOf(st.Start, st.Membership)
	}
	r.add(e)
	r.flush()
}

// Said tells of a message that a member sent without an input.
func (r *Recorder) Said(s raft.Status, m wire.Message) {
	r.sends(s, m)
	r.flush()
}

// Did tells what an input made of a member. The event is nil if it was a request.
func (r *Recorder) Did(after raft.Status, e raft.Event, o raft.Orders) {
	v := r.members[after.ID]
	before := v.last
	v.last = after
	switch in := e.(type) {
	case raft.Received:
		r.receives(before, after, in.Message, o)
	case raft.SnapshotInstalled:
		before = r.installs(before, after, in)
	}
	vote := v.vote
	for _, s := range o.Saves {
		if s.HardState != nil {
			vote = s.HardState.Vote
		}
	}
	at := r.changesRole(before, after, vote)
	v.vote = vote
	if (after.Role == raft.Candidate || after.Role == raft.Leader) && v.voted < after.Term && (after.Role == raft.Leader || asks(o)) {
		v.voted = after.Term
		r.countsOwnVote(at, o)
	} else {
		// Questions that waited for the disk, and whose asker has given up meanwhile.
		r.sendsAll(after, o, func(m wire.Message) bool { return m.Kind == wire.Vote })
	}
	r.reigns(v, before, after, at, o)
	r.flush()
}

// reigns tells of the rest, which differs with the role.
func (r *Recorder) reigns(v *view, before, after, at raft.Status, o raft.Orders) {
	if after.Role == raft.Leader && (before.Role != raft.Leader || before.Term != after.Term) {
		at.Role, at.Leader = raft.Leader, after.ID
		v.reported = 0
		r.add(r.event(BecomeLeader, at))
	}
	if after.Role == raft.Leader {
		r.leads(v, &at, after, o)
	}
	last := steppedDown(before, after) && before.Role == raft.Leader
	if last {
		// What it still said, it said as the leader.
		at.Committed = after.Committed
		if after.Committed > before.Committed {
			r.add(r.event(Commit, at))
		}
		r.sendsAll(at, o, leaders)
	}
	if steppedDown(before, after) {
		r.add(r.event(BecomeFollower, after))
	}
	r.sendsAll(after, o, func(m wire.Message) bool { return m.Kind != wire.Vote && !(last && leaders(m)) })
	if len(o.Saves)+len(o.Send) > 0 {
		r.add(r.event(Ready, after))
	}
}

func steppedDown(before, after raft.Status) bool {
	return before.Term == after.Term && roleOf(before) != Follower && roleOf(after) == Follower
}

// leaders says whether only a leader sends such a message.
func leaders(m wire.Message) bool { return m.Kind == wire.Append || m.Kind == wire.TimeoutNow }

func (r *Recorder) sendsAll(s raft.Status, o raft.Orders, which func(wire.Message) bool) {
	for _, m := range o.Send {
		if which(m) {
			r.sends(s, m)
		}
	}
}

func asks(o raft.Orders) bool {
	for _, m := range o.Send {
		if m.Kind == wire.Vote {
			return true
		}
	}
	return false
}

// changesRole tells of a new term, and returns how the member stands in it at first.
func (r *Recorder) changesRole(before, after raft.Status, vote wire.MemberID) raft.Status {
	if after.Term == before.Term {
		return before
	}
	at := before
	at.Term, at.Role = after.Term, raft.Follower
	v := r.members[after.ID]
	if vote == after.ID {
		at.Role, v.vote = raft.Candidate, vote
		r.add(r.event(BecomeCandidate, at))
		return at
	}
	v.vote = 0
	r.add(r.event(BecomeFollower, at))
	return at
}

// countsOwnVote: a candidate's own vote is durable, and others are asked.
func (r *Recorder) countsOwnVote(at raft.Status, o raft.Orders) {
	at.Role = raft.Candidate
	for _, m := range o.Send {
		if m.Kind == wire.Vote {
			r.sends(at, m)
		}
	}
	own := Message{Type: "MsgVoteResp", Term: uint64(at.Term), From: name(at.ID), To: name(at.ID), Vote: Nobody}
	r.toItself(at, SendVoted, ReceiveVoted, own)
}

func (r *Recorder) toItself(at raft.Status, sends, receives string, m Message) {
	e := r.event(sends, at)
	e.Message = &m
	r.add(e)
	r.add(r.event(Ready, at))
	e.Name = receives
	r.add(e)
}

// leads tells what only a leader does: it counts its disk, commits, and appends.
func (r *Recorder) leads(v *view, at *raft.Status, after raft.Status, o raft.Orders) {
	if after.Durable > v.reported && after.Membership.IsVoter(after.ID) {
		v.reported = after.Durable
		r.toItself(*at, SendAppended, ReceiveAppended, Message{
			Type: "MsgAppResp", Term: uint64(at.Term), From: name(at.ID), To: name(at.ID), Index: uint64(after.Durable), Vote: Nobody,
		})
	}
	if after.Committed > at.Committed {
		at.Committed = after.Committed
		r.add(r.event(Commit, *at))
	}
	for _, s := range o.Saves {
		for _, span := range s.Entries {
			r.appends(at, span.Span)
		}
	}
}

func (r *Recorder) appends(at *raft.Status, s wire.Span) {
	for i := s.First; i <= s.Last; i++ {
		e := r.event(Replicate, *at)
		if s.Membership != nil {
			e.Name = ChangeConf
			conf := confOf(*s.Membership)
			e.Prop = &Prop{Change: &Change{NewConf: conf[0]}, Outgoing: conf[1]}
			at.Membership = *s.Membership
		}
		r.add(e)
		at.Last = wire.Pos{Term: s.Term, Index: i}
	}
}

// installs tells of a snapshot that has become the state, and returns how the member
// stands with it.
func (r *Recorder) installs(before, after raft.Status, in raft.SnapshotInstalled) raft.Status {
	e := r.event(ReceiveSnapshot, before)
	e.Prop = &Prop{Start: startOf(in.Pos, in.Membership)}
	r.add(e)
	before.Last, before.Membership = after.Last, after.Membership
	before.Committed = max(before.Committed, in.Pos.Index)
	return before
}

// receives tells of a message that was looked at. One that was ignored was as good as
// lost.
func (r *Recorder) receives(before, after raft.Status, m wire.Message, o raft.Orders) {
	raised := m.Term > before.Term && after.Term >= m.Term
	if m.Term > before.Term && !raised {
		return
	}
	e := r.event(ReceiveMessage, before)
	switch m.Kind {
	case wire.Vote:
		if !raised && len(o.Send)+len(o.Saves) == 0 {
			return
		}
		e.Name = ReceiveVote
	case wire.VoteReply:
		e.Name = ReceiveVoted
	case wire.Append:
		e.Name = ReceiveAppend
	case wire.AppendReply:
		if !raised && m.Session == 0 {
			return
		}
		e.Name = ReceiveAppended
	default:
		if !raised || m.Kind == wire.PreVoteReply && !m.Reject {
			return
		}
	}
	e.tellOf(m)
	r.add(e)
}

func (r *Recorder) sends(s raft.Status, m wire.Message) {
	e := r.event(SendMessage, s)
	switch m.Kind {
	case wire.Vote:
		e.Name = SendVote
	case wire.VoteReply:
		e.Name = SendVoted
	case wire.Append:
		e.Name = SendAppend
	case wire.AppendReply:
		e.Name = SendAppended
	case wire.PreVote:
		return
	case wire.PreVoteReply:
		if !m.Reject {
			return
		}
	}
	e.tellOf(m)
	r.add(e)
}

var typeNames = map[wire.MessageKind]string{
	wire.Vote: "MsgVote", wire.VoteReply: "MsgVoteResp", wire.Append: "MsgApp", wire.AppendReply: "MsgAppResp",
	wire.PreVoteReply: "MsgPreVoteResp", wire.TimeoutNow: "MsgTimeoutNow",
	wire.ReadIndex: "MsgReadIndex", wire.ReadIndexReply: "MsgReadIndexResp",
}

// tellOf puts a message into the event.
func (e *Event) tellOf(m wire.Message) {
	e.Message = messageOf(m)
	if len(m.Spans) > 0 {
		e.Prop = &Prop{Entries: runsOf(m.Spans)}
	}
}

func messageOf(m wire.Message) *Message {
	e := &Message{
		Type: typeNames[m.Kind], Term: uint64(m.Term), From: name(m.From), To: name(m.To), Vote: Nobody,
		LogTerm: uint64(m.Pos.Term), Index: uint64(m.Pos.Index), Reject: m.Reject,
	}
	switch m.Kind {
	case wire.Append:
		last := m.Pos.Index
		if n := len(m.Spans); n > 0 {
			last = m.Spans[n-1].Last
		}
		e.Entries = int(last - m.Pos.Index)
		e.Commit = uint64(min(m.Commit, last)) // what the receiver may take of it
	case wire.AppendReply:
		e.Index, e.LogTerm, e.RejectHint = uint64(m.Index), uint64(m.Pos.Term), uint64(m.Pos.Index)
	}
	return e
}

func (r *Recorder) event(what string, s raft.Status) Event {
	return Event{
		Name: what, Node: name(s.ID), Role: roleOf(s), Log: uint64(s.Last.Index),
		State: State{Term: uint64(s.Term), Vote: name(r.members[s.ID].vote), Commit: uint64(s.Committed)},
		Conf:  confOf(s.Membership),
	}
}

// roleOf is the role in the paper's words: who asks for pre-votes still follows.
func roleOf(s raft.Status) string {
	switch s.Role {
	case raft.Candidate:
		return Candidate
	case raft.Leader:
		return Leader
	}
	return Follower
}

// add puts a line behind those of the input under way.
func (r *Recorder) add(e Event) {
	l := Line{Tag: Tag, Event: e}
	if r.clock != nil {
		l.Time = r.clock()
	}
	if err := r.encoder.Encode(l); err != nil && r.err == nil {
		r.err = err
	}
}

func (r *Recorder) flush() {
	if r.err == nil {
		_, r.err = r.out.Write(r.lines.Bytes())
	}
	r.lines.Reset()
}

func name(id wire.MemberID) string { return strconv.FormatUint(uint64(id), 10) }

func names(ids []wire.MemberID) []string {
	all := make([]string, len(ids))
	for k, id := range ids {
		all[k] = name(id)
	}
	return all
}

func confOf(m wire.Membership) Conf { return Conf{names(m.Voters()), names(m.OutgoingVoters())} }

func startOf(p wire.Pos, m wire.Membership) *Start {
	return &Start{Term: uint64(p.Term), Index: uint64(p.Index), Conf: confOf(m)}
}

func runsOf(spans []wire.Span) []Run {
	var all []Run
	for _, s := range spans {
		run := Run{Term: uint64(s.Term), Last: uint64(s.Last)}
		if s.Membership != nil {
			conf := confOf(*s.Membership)
			run.Conf = &conf
		}
		if n := len(all); n > 0 && run.Conf == nil && all[n-1].Conf == nil && all[n-1].Term == run.Term {
			all[n-1].Last = run.Last
			continue
		}
		all = append(all, run)
	}
	return all
}
