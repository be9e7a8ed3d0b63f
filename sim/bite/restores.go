package main

var inRestores = []fault{
	{
		row: "restore-under-way", what: "snapshots are taken while the pieces of a backup come",
		file: "host/snapshot.go", by: ".",
		old: "h.applyBusy() || h.applying.staged.ID != 0 ||",
		new: "h.applyBusy() ||",
	},
	{
		row: "restore-under-way", what: "a restore that nobody goes on with is waited for",
		file: "host/installing.go", by: ".",
		old: "return s.since + restoring.Patience }",
		new: "return s.since + 1000*restoring.Patience }",
	},
	{
		row: "restore-under-way", what: "entries after the last one of a restore are applied before it is the state",
		file: "host/apply.go", by: simulator,
		old: "return h.busy[ApplyLane] || h.installing != nil }",
		new: "return h.busy[ApplyLane] }",
	},
	{
		row: "restore-under-way", what: "a backup of a longer log becomes the state at a lesser index",
		file: "restoring/tracker.go", by: ".",
		old: "	case under != 0 && index <= f.Beyond:\n",
		new: "	case f.Pieces < 0:\n",
	},
	{
		row: "restore-under-way", what: "pieces count in the order in which they come",
		file: "restoring/tracker.go", by: "restoring",
		old: "	if t.pieces[number] == 0 {\n		t.pieces[number] = index\n	}\n",
		new: "	t.pieces[number] = index\n",
	},
	{
		row: "retry-after-restore", what: "what has run is forgotten with a restore",
		file: "staged.go", by: ".",
		old: "	m.table.Finish(member, none)\n	var err error\n",
		new: "	m.table = session.Table[R]{}\n	m.table.Finish(member, none)\n	var err error\n",
	},
}
