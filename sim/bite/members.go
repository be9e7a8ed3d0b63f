package main

var inHost = []fault{
	{
		row: "stalled-disk-leader", what: "the algorithm hears of a save before it is durable",
		file: "host/logging.go", by: simulator,
		old: "	upTo := h.logging.staged\n	var err error",
		new: "	upTo := h.logging.staged\n	defer h.step(raft.Saved{Seq: upTo})\n	var err error",
	},
	{
		row: "cache-after-truncate", what: "a save that came while another was written counts as written with it",
		file: "host/logging.go", by: simulator,
		old: "finish: func() { h.flushed(upTo, err) },",
		new: "finish: func() { h.flushed(max(upTo, h.logging.staged), err) },",
	},
	{
		row: "fsyncgate", what: "a member goes on after its log could not be written",
		file: "host/logging.go", by: "host",
		old: "		h.fail(fmt.Errorf(\"write the log: %w\", err))",
		new: "		h.cfg.Logger.Error(\"write the log\", \"error\", err)",
	},
	{
		row: "refound", what: "a founder's cluster identity is saved before the log's first entry",
		file: "host/standing.go", by: "host",
		old: "	if flush := h.log.Flush(); flush != nil {\n		if err := h.log.Flushed(flush, flush.Run()); err != nil {\n			return fmt.Errorf(\"write the start of the log: %w\", err)\n		}\n	}\n	i := h.cfg.Identity\n	i.Cluster = cluster\n	if err := identity.Save(h.cfg.Files, i); err != nil {\n		return err\n	}",
		new: "	i := h.cfg.Identity\n	i.Cluster = cluster\n	if err := identity.Save(h.cfg.Files, i); err != nil {\n		return err\n	}\n	if flush := h.log.Flush(); flush != nil {\n		if err := h.log.Flushed(flush, flush.Run()); err != nil {\n			return fmt.Errorf(\"write the start of the log: %w\", err)\n		}\n	}",
	},
	{
		row: "refound", what: "a founding that was cut short is not forgotten",
		file: "host/standing.go", by: "host",
		old: "		h.log.Reset(wire.Pos{}) // a",
		new: "		// a",
	},
	{
		row: "clock-backwards", what: "entries take their time from a clock that went back",
		file: "host/orders.go", by: "host",
		old: "return max(h.wall, h.log.LastTime(), h.applying.time) }",
		new: "return h.wall }",
	},
	{
		row: "clock-backwards", what: "the time of a snapshot is no bound for entries after it",
		file: "host/orders.go", by: "host",
		old: "return max(h.wall, h.log.LastTime(), h.applying.time) }",
		new: "return max(h.wall, h.log.LastTime()) }",
	},
	{
		row: "zombie-leader-read", what: "an append that had to wait is sent by who leads no more",
		file: "host/replicate.go", by: "host",
		old: "return s.Role == raft.Leader && s.Term == m.Term",
		new: "return s.Role == raft.Leader || s.Term >= m.Term",
	},
	{
		row: "snapshot-conflict", what: "the log is not reset after a snapshot that it does not hold",
		file: "host/receiving.go", by: "host",
		old: "ok && term == meta.Pos.Term {",
		new: "ok || term == meta.Pos.Term && meta.Pos.Index <= h.log.Last().Index {",
	},
	{
		row: "snapshot-membership", what: "a snapshot carries the latest membership instead of its own",
		file: "host/snapshot.go", by: "host",
		old: "Time: h.applying.time, Membership: h.applying.membership,",
		new: "Time: h.applying.time, Membership: h.view.Membership,",
	},
	{
		row: "snapshot-stale-config", what: "an installed snapshot's membership is not taken over",
		file: "host/receiving.go", by: "host",
		old: "a.at, a.time, a.membership, a.memberAt, a.bytes = meta.Pos, meta.Time, meta.Membership, meta.Pos.Index, 0",
		new: "a.at, a.time, a.memberAt, a.bytes = meta.Pos, meta.Time, meta.Pos.Index, 0",
	},
	{
		row: "snapshot-loop", what: "the log is compacted while a snapshot is under way",
		file: "host/snapshot.go", by: "host",
		old: "		if s.source != nil && s.meta.Pos.Index < upTo.Index {",
		new: "		if s.source != nil && s.meta.Pos.Index < upTo.Index && false {",
	},
	{
		row: "snapshot-slides", what: "a log that ends before a snapshot is not reset at the start",
		file: "host/snapshot.go", by: "host",
		old: "	case at.Index > last.Index || !h.logHolds(at):\n		h.log.Reset(at)",
		new: "	case at.Index > last.Index:\n		h.log.Reset(at)",
	},
	{
		row: "inconsistent-apply", what: "the log is compacted beyond what is applied",
		file: "host/snapshot.go", by: "host",
		old: " || upTo.Index > h.applying.at.Index {",
		new: " {",
	},
	{
		row: "zombie-leader-read", what: "a read is served before its index is applied",
		file: "host/read.go", by: simulator,
		old: "		if g.index > h.applying.at.Index {",
		new: "		if g.index > h.logging.committed {",
	},
	{
		row: "late-commit", what: "the caller of a command that has left is told that it is surely not committed",
		file: "host/outbox.go", by: simulator,
		old: "	sure := p != nil && !p.sent\n",
		new: "	sure := p != nil\n",
	},
	{
		row: "retry-twice", what: "a command that is sent again gets the session of today",
		file: "host/outbox.go", by: simulator,
		old: "		if !p.sent && !p.opens {",
		new: "		if !p.opens {",
	},
	{
		row: "hung-future", what: "what was handed to a leader that is gone is not sent again",
		file: "host/outbox.go", by: simulator,
		old: "	for _, p := range o.chunks {\n		p.state = parcelWaiting\n	}\n	if",
		new: "	if",
	},
	{
		row: "forwarded-result", what: "what a snapshot stands for is not asked for again",
		file: "host/receiving.go", by: "host",
		old: "	h.outbox.skipped()\n",
		new: "",
	},
	{
		row: "own-incarnation", what: "a stale read dates from a mark of this process's earlier life",
		file: "host/fresh.go", by: "host",
		old: "mark >= 0 && since >= 0 && since < longAgo {",
		new: "since < longAgo {",
	},
	{
		row: "zombie-leader-read", what: "a stale read is dated by when it was heard, not by when it was true",
		file: "host/fresh.go", by: simulator,
		old: "h.fresh.saw(mark-h.cfg.Raft.ElectionTimeout-h.cfg.Raft.Heartbeat, m.Commit)",
		new: "h.fresh.saw(h.now, m.Commit)",
	},
	{
		row: "mixed-versions", what: "a malformed proposal of another member is appended",
		file: "host/forward.go", by: "host",
		old: "err != nil || !onlyProposals(m.Data) {",
		new: "err != nil {",
	},
	{
		row: "removed-disruptor", what: "nobody tells a removed member that it is one",
		file: "host/removed.go", by: "host",
		old: "	if current || committed || h",
		new: "	if true || current || committed || h",
	},
}

var inSessions = []fault{
	{
		row: "retry-twice", what: "a command that ran is not remembered",
		file: "session/table.go", by: simulator,
		old: "	if slot := s.find(e.Seq); slot != nil {\n		if slot.lost {",
		new: "	if slot := s.find(e.Seq); slot != nil && slot.seq != e.Seq {\n		if slot.lost {",
	},
	{
		row: "retry-twice", what: "a command that its caller has an answer to runs again",
		file: "session/table.go", by: "session",
		old: "	if e.Seq < s.low {\n		return Answered, none\n	}",
		new: "",
	},
	{
		row: "session-in-snapshot", what: "a snapshot holds no sessions",
		file: "session/persist.go", by: simulator,
		old: "	t.sessions = sessions\n",
		new: "	clear(sessions)\n	t.sessions = sessions\n",
	},
	{
		row: "session-in-snapshot", what: "a snapshot holds sessions without their results",
		file: "session/persist.go", by: simulator,
		old: "	s.put(read)\n",
		new: "",
	},
	{
		row: "session-expiry", what: "the command of an expired session runs",
		file: "session/table.go", by: "session",
		old: "	if s.expired(now) || e.Seq-e.Low >= MaxWindow {",
		new: "	if e.Seq-e.Low >= MaxWindow {",
	},
	{
		row: "session-expiry", what: "when a session was last used is not in a snapshot",
		file: "session/persist.go", by: "session",
		old: "uint64(s.lastUsed))",
		new: "uint64(0*s.lastUsed))",
	},
	{
		row: "session-expiry", what: "members forget different sessions of those used longest ago",
		file: "session/table.go", by: "session",
		old: " || s.lastUsed == of.lastUsed && id < oldest {",
		new: " {",
	},
	{
		row: "session-expiry", what: "sessions expire by a time that is the member's own",
		file: "machine.go", by: ".",
		old: "verdict, result := m.table.Begin(a.member, b.Time())",
		new: "verdict, result := m.table.Begin(a.member, b.Time()+int64(len(m.own))<<40)",
	},
}
