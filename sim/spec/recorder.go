package spec

import (
	"encoding/json"
	"io"
	"strconv"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

// Recorder writes a trace. Whoever turns members tells it of every start and of every
// input, in the order in which they happened. It has one owner.
type Recorder struct {
	out     *json.Encoder
	members map[wire.MemberID]*view
	err     error
}

// view is what the recorder keeps of a member because its status does not say it.
type view struct {
	vote     wire.MemberID
	voted    wire.Term  // the last term in which it has counted its own vote
	reported wire.Index // up to here it has counted its own disk, in this reign
}

// NewRecorder writes to out.
func NewRecorder(out io.Writer) *Recorder {
	return &Recorder{out: json.NewEncoder(out), members: map[wire.MemberID]*view{}}
}

// Err is the first error of writing.
func (r *Recorder) Err() error { return r.err }

// Started tells that a member starts with that vote and a log of those terms.
func (r *Recorder) Started(s raft.Status, vote wire.MemberID, terms []wire.Term) {
	r.members[s.ID] = &view{vote: vote}
	p := &Prop{Terms: make([]uint64, len(terms))}
	for k, t := range terms {
		p.Terms[k] = uint64(t)
	}
	e := r.event(initState, s)
	e.Prop = p
	r.write(e)
}

// Said tells of a message that a member sent without an input.
func (r *Recorder) Said(s raft.Status, m wire.Message) { r.sends(s, m) }

// Did tells what an input made of a member. The event is nil if it was a request.
func (r *Recorder) Did(before, after raft.Status, e raft.Event, o raft.Orders) {
	v := r.members[after.ID]
	if in, ok := e.(raft.Received); ok {
		r.receives(before, after, in.Message, o)
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
	if after.Role == raft.Leader && (before.Role != raft.Leader || before.Term != after.Term) {
		at.Role, at.Leader = raft.Leader, after.ID
		v.reported = 0
		r.write(r.event(becomeLeader, at))
	}
	if after.Role == raft.Leader {
		r.leads(v, &at, after, o)
	}
	last := steppedDown(before, after) && before.Role == raft.Leader
	if last {
		// What it still said, it said as the leader.
		at.Committed = after.Committed
		if after.Committed > before.Committed {
			r.write(r.event(commit, at))
		}
		r.sendsAll(at, o, leaders)
	}
	if steppedDown(before, after) {
		r.write(r.event(becomeFollower, after))
	}
	r.sendsAll(after, o, func(m wire.Message) bool { return m.Kind != wire.Vote && !(last && leaders(m)) })
	if len(o.Saves)+len(o.Send) > 0 {
		r.write(r.event(ready, after))
	}
}

func steppedDown(before, after raft.Status) bool {
	return before.Term == after.Term && roleOf(before) != follower && roleOf(after) == follower
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
		r.write(r.event(becomeCandidate, at))
		return at
	}
	v.vote = 0
	r.write(r.event(becomeFollower, at))
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
	own := Message{Type: "MsgVoteResp", Term: uint64(at.Term), From: name(at.ID), To: name(at.ID), Vote: "0"}
	r.toItself(at, sendVoted, receiveVoted, own)
}

func (r *Recorder) toItself(at raft.Status, sends, receives string, m Message) {
	e := r.event(sends, at)
	e.Message = &m
	r.write(e)
	r.write(r.event(ready, at))
	e.Name = receives
	r.write(e)
}

// leads tells what only a leader does: it counts its disk, commits, and appends.
func (r *Recorder) leads(v *view, at *raft.Status, after raft.Status, o raft.Orders) {
	if after.Durable > v.reported && after.Membership.IsVoter(after.ID) {
		v.reported = after.Durable
		r.toItself(*at, sendAppended, receiveAppended, Message{
			Type: "MsgAppResp", Term: uint64(at.Term), From: name(at.ID), To: name(at.ID), Index: uint64(after.Durable), Vote: "0",
		})
	}
	if after.Committed > at.Committed {
		at.Committed = after.Committed
		r.write(r.event(commit, *at))
	}
	for _, s := range o.Saves {
		for _, span := range s.Entries {
			r.appends(at, span.Span)
		}
	}
}

func (r *Recorder) appends(at *raft.Status, s wire.Span) {
	for i := s.First; i <= s.Last; i++ {
		e := r.event(replicate, *at)
		if s.Membership != nil {
			e.Name = changeConf
			e.Prop = &Prop{Change: &Change{NewConf: names(s.Membership.Voters())}, Outgoing: names(s.Membership.OutgoingVoters())}
			at.Membership = *s.Membership
		}
		r.write(e)
		at.Last = wire.Pos{Term: s.Term, Index: i}
	}
}

// receives tells of a message that was looked at. One that was ignored was as good as
// lost.
func (r *Recorder) receives(before, after raft.Status, m wire.Message, o raft.Orders) {
	raised := m.Term > before.Term && after.Term >= m.Term
	if m.Term > before.Term && !raised {
		return
	}
	e := r.event(receiveMessage, before)
	switch m.Kind {
	case wire.Vote:
		if !raised && len(o.Send)+len(o.Saves) == 0 {
			return
		}
		e.Name = receiveVote
	case wire.VoteReply:
		e.Name = receiveVoted
	case wire.Append:
		e.Name = receiveAppend
	case wire.AppendReply:
		if !raised && m.Session == 0 {
			return
		}
		e.Name = receiveAppended
	default:
		if !raised || m.Kind == wire.PreVoteReply && !m.Reject {
			return
		}
	}
	e.Message = messageOf(m)
	r.write(e)
}

func (r *Recorder) sends(s raft.Status, m wire.Message) {
	e := r.event(sendMessage, s)
	switch m.Kind {
	case wire.Vote:
		e.Name = sendVote
	case wire.VoteReply:
		e.Name = sendVoted
	case wire.Append:
		e.Name = sendAppend
	case wire.AppendReply:
		e.Name = sendAppended
	case wire.PreVote:
		return
	case wire.PreVoteReply:
		if !m.Reject {
			return
		}
	}
	e.Message = messageOf(m)
	r.write(e)
}

var typeNames = map[wire.MessageKind]string{
	wire.Vote: "MsgVote", wire.VoteReply: "MsgVoteResp", wire.Append: "MsgApp", wire.AppendReply: "MsgAppResp",
	wire.PreVoteReply: "MsgPreVoteResp", wire.TimeoutNow: "MsgTimeoutNow",
	wire.ReadIndex: "MsgReadIndex", wire.ReadIndexReply: "MsgReadIndexResp",
}

func messageOf(m wire.Message) *Message {
	e := &Message{
		Type: typeNames[m.Kind], Term: uint64(m.Term), From: name(m.From), To: name(m.To), Vote: "0",
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
		Conf:  [2][]string{names(s.Membership.Voters()), names(s.Membership.OutgoingVoters())},
	}
}

// roleOf is the role in the paper's words: who asks for pre-votes still follows.
func roleOf(s raft.Status) string {
	switch s.Role {
	case raft.Candidate:
		return candidate
	case raft.Leader:
		return leader
	}
	return follower
}

func (r *Recorder) write(e Event) {
	if err := r.out.Encode(Line{"trace", e}); err != nil && r.err == nil {
		r.err = err
	}
}

func name(id wire.MemberID) string { return strconv.FormatUint(uint64(id), 10) }

func names(ids []wire.MemberID) []string {
	all := make([]string, len(ids))
	for k, id := range ids {
		all[k] = name(id)
	}
	return all
}
