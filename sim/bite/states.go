package main

var inStates = []fault{
	{
		row: "nondeterministic-apply", what: "what members say of their states is not compared",
		file: "host/compare.go", by: simulator,
		old: "	if r == nil || h.view.Role != raft.Leader {\n",
		new: "	if true || r == nil || h.view.Role != raft.Leader {\n",
	},
	{
		row: "nondeterministic-apply", what: "the state is hashed where a batch ends, which is elsewhere on each member",
		file: "machine.go", by: ".",
		old: "	if err := m.applyGroup(b); err != nil || index < m.onDisk {\n		return err\n	}",
		new: "	if index < m.onDisk {\n		return nil\n	}",
	},
	{
		row: "nondeterministic-apply", what: "those who said something are taken for all",
		file: "host/compare.go", by: "host",
		old: "	return hash, 2*have > members\n",
		new: "	return hash, 2*have > len(r.said)\n",
	},
	{
		row: "nondeterministic-apply", what: "a member whose state differs is started again on its files",
		file: "host/compare.go", by: "host",
		old: "	if who.Diverged == 0 {\n",
		new: "	if who.Diverged < 1<<63 {\n",
	},
	{
		row: "nondeterministic-apply", what: "a leader does not look at its own state",
		file: "host/compare.go", by: simulator,
		old: "	if self != nil {\n		h.stopDiverged(r.index, self)\n	}",
		new: "	_ = self",
	},
	{
		row: "nondeterministic-apply", what: "an accusation is not compared with what the member's own state was",
		file: "host/compare.go", by: "host",
		old: "m.Term != h.view.Term || !known || own == m.ID:",
		new: "m.Term != h.view.Term || !known && false:",
	},
	{
		row: "rolled-back-disk", what: "an older image with a longer log is taken for whole",
		file: "host/regressed.go", by: "host",
		old: "inLog && (term == at.Term || at.Term == 0)",
		new: "inLog && (term == at.Term || at.Index > 0)",
	},
	{
		row: "rot-in-snapshot", what: "what a state's own disk holds is not known to be committed",
		file: "host/host.go", by: "host",
		old: "	return max(held, h.applying.at.Index)\n",
		new: "	return h.applying.at.Index\n",
	},
	{
		row: "rot-in-snapshot", what: "a snapshot is given to the state machine at the start before it is known to be whole",
		file: "host/snapshot.go", by: "host",
		old: "!durable || held < meta.Pos.Index {",
		new: "durable && held < meta.Pos.Index {",
	},
	{
		row: "rot-in-snapshot", what: "the log is replayed into what a failed restore has left",
		file: "host/snapshot.go", by: "host",
		old: "	if h.touched {\n",
		new: "	if false {\n",
	},
	{
		row: "rot-in-snapshot", what: "what a start leaves unread of a snapshot is never read",
		file: "host/unread.go", by: "host",
		old: "pos.Index == 0 || h.view.Leader == 0",
		new: "pos.Index >= 0",
	},
	{
		row: "rot-in-snapshot", what: "a snapshot that was found damaged after the start is not replaced",
		file: "host/unread.go", by: "host",
		old: "		h.captures.wanted = true\n",
		new: "",
	},
}
