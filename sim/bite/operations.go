package main

var inOperations = []fault{
	{
		row: "quorum-lost", what: "a recovered member's log begins its new life before the directory does",
		file: "host/recover.go", by: "host",
		old: "	who.Cluster, who.Lost = r.New, false\n	if err := identity.Save(h.cfg.Files, who); err != nil {\n		return err\n	}\n",
		new: "	who.Cluster, who.Lost = r.New, false\n	defer identity.Save(h.cfg.Files, who)\n",
	},
	{
		row: "quorum-lost", what: "a recovered member keeps the identity of the former cluster",
		file: "host/recover.go", by: "host",
		old: "who.Cluster, who.Lost = r.New, false",
		new: "who.Lost = false",
	},
	{
		row: "quorum-lost", what: "newcomers are sent a snapshot of the former life",
		file: "host/sending.go", by: "host",
		old: " || latest.Cluster != h.card.Cluster {",
		new: " {",
	},
	{
		row: "quorum-lost", what: "a dry run does not notice that the member was removed",
		file: "host/recover.go", by: "host",
		old: "	case !in:\n",
		new: "	case !in && !dry:\n",
	},
	{
		row: "slow-follower", what: "the log grows as long as a snapshot is on its way",
		file: "host/snapshot.go", by: "host",
		old: " && h.log.DiskBytes() < h.worthKeeping(s) {",
		new: " {",
	},
	{
		row: "stale-watch", what: "a stream skips what was compacted, and does not say so",
		file: "entries.go", by: ".",
		old: "		return nil, fmt.Errorf(\"balsa: entry %d: %w: the log starts later\", from, ErrCompacted)",
		new: "		return n.read(from+1, bytes)",
	},
}
