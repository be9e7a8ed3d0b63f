package main

var inReads = []fault{
	{
		row: "zombie-leader-read", what: "a leader answers reads at once",
		file: "raft/read.go", by: simulator,
		old: "	r.lead.reads.waiting = append(r.lead.reads.waiting, q)",
		new: "	q.index = r.committed\n	r.answerRead(q)",
	},
	{
		row: "lease-clock", what: "a lease that was taken once is held for the rest of the term",
		file: "raft/lease.go", by: simulator,
		old: "r.now < r.lead.lease.until }",
		new: "r.lead.lease.until > 0 }",
	},
	{
		row: "zombie-leader-read", what: "a leader answers a read without asking whether it still leads",
		file: "raft/read.go", by: simulator,
		old: "reads.started[n].round <= r.lead.rounds.confirmed {",
		new: "true {",
	},
	{
		row: "read-before-noop", what: "a leader serves reads before it has committed in its term",
		file: "raft/read.go", by: simulator,
		old: "func (r *Raft) committedInTerm() bool { return r.committed >= r.lead.began }",
		new: "func (r *Raft) committedInTerm() bool { return true }",
	},
	{
		row: "zombie-leader-read", what: "a round counts as answered that began before the read",
		file: "raft/read.go", by: simulator,
		old: "q.round, q.index = r.lead.rounds.newest, r.committed",
		new: "q.round, q.index = r.lead.rounds.confirmed, r.committed",
	},
	{
		row: "lease-clock", what: "a lease allows nothing for clocks that differ",
		file: "raft/lease.go", by: simulator,
		old: "time.Duration(1000-r.cfg.ClockDrift)",
		new: "time.Duration(1000+r.cfg.ClockDrift)",
	},
	{
		row: "lease-clock", what: "a lease counts from when it is confirmed instead of from when it was asked for",
		file: "raft/lease.go", by: "raft",
		old: "max(l.until, began+r",
		new: "max(l.until, began-began+r.now+r",
	},
	{
		row: "transfer-crash", what: "the lease outlives the handover of leadership",
		file: "raft/transfer.go", by: simulator,
		old: "	r.dropLease()\n",
		new: "",
	},
	{
		row: "lease-clock", what: "nobody promises a vote away to a lease",
		file: "raft/follower.go", by: "raft",
		old: "		r.following.promise = promise{r.now + r.cfg.ElectionTimeout, r.hard.Term}\n",
		new: "",
	},
	{
		row: "lease-sole-voter", what: "a member promises nothing to the leader of its earlier life",
		file: "raft/raft.go", by: "raft",
		old: "	if st.HardState.Promised {\n",
		new: "	if false {\n",
	},
	{
		row: "promise-outlived", what: "any leader's word ends what was promised in an earlier life",
		file: "raft/follower.go", by: "raft",
		old: "	case r.hard.Term > r.following.promise.term:\n",
		new: "	default:\n",
	},
	{
		row: "promise-durable", what: "a promise is given before the term that it belongs to is durable",
		file: "raft/follower.go", by: "raft",
		old: "if r.promised() && !r.saves.hardDurable() {",
		new: "if false {",
	},
	{
		row: "promise-durable", what: "a promise is not written to the disk",
		file: "raft/follower.go", by: "raft",
		old: "		if !r.hard.Promised {\n",
		new: "		if false {\n",
	},
	{
		row: "promise-raised", what: "the disk forgets a promise with the term in which it was given",
		file: "raft/saves.go", by: "raft",
		old: "	h.Promised = r.promised()\n",
		new: "	h.Promised = r.promised() && h.Term == r.hard.Term\n",
	},
	{
		row: "promise-raised", what: "a log of before promises were written is taken to have made none",
		file: "storage/wal/record.go", by: "storage/wal",
		old: "Promised: term&voteFree == 0}",
		new: "Promised: false}",
	},
	{
		row: "promise-raised", what: "a segment that a program of before may read says what that would take for a term",
		file: "storage/wal/writer.go", by: "storage/wal",
		old: "hard.Promised || p.seg != nil && p.seg.version < promiseVersion\n",
		new: "hard.Promised\n",
	},
	{
		row: "restart-together", what: "who starts waits for a leader, though it has promised nothing",
		file: "raft/raft.go", by: "raft",
		old: "	r.hurry(0)\n",
		new: "	r.postponeElection()\n",
	},
	{
		row: "lease-sole-voter", what: "a sole voter that had others beside it campaigns at once at its start",
		file: "raft/raft.go", by: "raft",
		old: "if r.votesAlone() && !r.members.list(r.othersVote) {",
		new: "if r.votesAlone() {",
	},
}
