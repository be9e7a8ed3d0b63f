package main

// Not listed, because it changes nothing: a window of messages that counts as full while
// it is empty. What is empty weighs nothing, and no bound is 0.

var inReplication = []fault{
	{
		row: "older-term-commit", what: "entries of earlier terms are committed by counting",
		file: "raft/commit.go", by: simulator,
		old: "if reached <= r.committed || reached < r.lead.began {",
		new: "if reached <= r.committed {",
	},
	{
		row: "commit-beyond-match", what: "a follower commits what the leader has committed, checked or not",
		file: "raft/follower.go", by: simulator,
		old: "r.commitTo(min(m.Commit, end))",
		new: "r.commitTo(min(m.Commit, r.log.last().Index))",
	},
	{
		row: "match-by-sent", what: "a peer's match is what was sent to it",
		file: "raft/tracker/tracker.go", by: simulator,
		old: "	p.Next = last + 1\n}",
		new: "	p.Next, p.Match = last+1, last\n}",
	},
	{
		row: "truncate-without-conflict", what: "an append truncates the log behind it, conflict or not",
		file: "raft/follower.go", by: simulator,
		old: "		if agreed := r.log.agreesUntil(s); agreed < s.Last {",
		new: "		if agreed := min(r.log.agreesUntil(s), s.First-1); agreed < s.Last && s.First > r.committed {",
	},
	{
		row: "leader-counts-unsynced", what: "the leader counts itself before its own disk has the entries",
		file: "raft/commit.go", by: simulator,
		old: "return r.saves.durable\n		}",
		new: "return r.log.last().Index\n		}",
	},
	{
		row: "unsynced-ack", what: "a follower acknowledges what its disk does not have yet",
		file: "raft/follower.go", by: simulator,
		old: "return min(r.saves.durable, r.following.matched) }",
		new: "return r.following.matched }",
	},
	{
		row: "silent-follower-write", what: "an append is taken without a look at the entry before it",
		file: "raft/follower.go", by: simulator,
		old: "	if m.Pos.Index > r.committed && !r.log.holds(m.Pos) {",
		new: "	if m.Pos.Index > r.log.last().Index {",
	},
	{
		row: "progress-backwards", what: "an old rejection moves next to or below match",
		file: "raft/tracker/tracker.go", by: "raft",
		old: "p.probe(max(p.Match, min(agreed, asked-1)) + 1)",
		new: "p.probe(min(agreed, asked-1) + 1)",
	},
	{
		row: "rejoin-same-term", what: "answers of a former life count",
		file: "raft/replication.go", by: "raft",
		old: "if p == nil || m.Session != p.Session || m.Round",
		new: "if p == nil || m.Round",
	},
	{
		row: "cache-after-truncate", what: "a save that was under way completes for entries that replaced its own",
		file: "raft/saves.go", by: simulator,
		old: "	for k := range s.queue {\n		s.queue[k].last = min(s.queue[k].last, i)\n	}",
		new: "",
	},
	{
		row: "stalled-disk-leader", what: "a leader whose disk hangs goes on leading",
		file: "raft/leadership.go", by: "raft",
		old: "case r.stalled() && r.othersWrite():",
		new: "case false:",
	},
	{
		row: "quota-deadlock", what: "what was answered goes on to weigh in the window",
		file: "raft/tracker/window.go", by: "raft",
		old: "		w.bytes -= w.flights[n].bytes\n",
		new: "",
	},
	{
		row: "snapshot-slides", what: "a snapshot that the log holds truncates what follows it",
		file: "raft/follower.go", by: "raft",
		old: "	case r.log.holds(e.Pos):\n		r.commitTo",
		new: "	case e.Pos.Index < r.committed:\n		r.commitTo",
	},
}
