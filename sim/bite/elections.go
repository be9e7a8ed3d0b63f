package main

var inElections = []fault{
	{
		row: "vote-lost-in-crash", what: "a vote is granted before it is durable",
		file: "raft/election.go", by: simulator,
		old: "	r.postponeElection()\n	r.sendSaved(wire.Message{Kind: wire.VoteReply, To: m.From})",
		new: "	r.postponeElection()\n	r.send(wire.Message{Kind: wire.VoteReply, To: m.From})",
	},
	{
		row: "vote-lost-in-crash", what: "a candidate asks for votes before its own is durable",
		file: "raft/election.go", by: simulator,
		old: "r.sendSaved(wire.Message{Kind: wire.Vote, To: id",
		new: "r.send(wire.Message{Kind: wire.Vote, To: id",
	},
	{
		row: "vote-by-length", what: "a vote asks nothing of the candidate's log",
		file: "raft/election.go", by: "raft",
		old: "if !free || !m.Pos.AtLeastAsUpToDate(r.log.last()) {",
		new: "if !free {",
	},
	{
		row: "vote-by-length", what: "logs are compared by their length alone",
		file: "wire/ids.go", by: simulator,
		old: "return p.Term > q.Term || p.Term == q.Term && p.Index >= q.Index",
		new: "return p.Index >= q.Index",
	},
	{
		row: "vote-everyone", what: "a vote is granted to everybody, twice in a term",
		file: "raft/election.go", by: simulator,
		old: "free := r.hard.Vote == m.From || r.hard.Vote == 0 && r.leader == 0",
		new: "free := true",
	},
	{
		row: "vote-replies-twice", what: "the same vote counts as often as it comes",
		file: "raft/election.go", by: simulator,
		old: "if !e.answered(from) {",
		new: "{",
	},
	{
		row: "vote-replies-twice", what: "a candidate does not look of which term a vote is",
		file: "raft/raft.go", by: simulator,
		old: "if m.Term < r.hard.Term && m.Kind != wire.PreVote {",
		new: "if m.Term < r.hard.Term && m.Kind != wire.PreVote && m.Kind != wire.VoteReply {",
	},
	{
		row: "vote-cleared", what: "the vote is forgotten when its member steps down in its term",
		file: "raft/election.go", by: simulator,
		old: "	if r.role != Follower {\n		r.become(Follower)\n	}\n	if news",
		new: "	if r.role != Follower {\n		r.become(Follower)\n		r.hard.Vote = 0\n	}\n	if news",
	},
	{
		row: "removed-disruptor", what: "followers of a healthy leader answer pre-votes and votes",
		file: "raft/election.go", by: "raft",
		old: "return r.role == Leader || heard || r.promised()",
		new: "return heard && r.promised()",
	},
	{
		row: "prevote-joint", what: "an election counts the incoming configuration alone",
		file: "raft/election.go", by: simulator,
		old: "return quorum.JointResult(r.election.tally(m.Voters(), dead), r.election.tally(m.OutgoingVoters(), dead))",
		new: "return r.election.tally(m.Voters(), dead).Result()",
	},
	{
		row: "failover-return", what: "a dead leader that is back still counts as one that rejects",
		file: "raft/raft.go", by: "raft",
		old: "	if id == r.election.dead {\n		r.election.dead = 0\n	}\n",
		new: "",
	},
	{
		row: "learner-votes", what: "a learner campaigns",
		file: "raft/election.go", by: simulator,
		old: "	return r.voter || r.members",
		new: "	return true || r.members",
	},
}
