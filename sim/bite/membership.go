package main

var inMembership = []fault{
	{
		row: "joint-crash", what: "a commit in a joint configuration counts the incoming voters alone",
		file: "raft/quorum/quorum.go", by: simulator,
		old: "	return min(Reached(incoming), Reached(outgoing))",
		new: "	return Reached(incoming)",
	},
	{
		row: "double-single-change", what: "a change of voters goes without a joint configuration",
		file: "raft/membership.go", by: simulator,
		old: "		next.Outgoing = votersOf(now)\n",
		new: "		_ = votersOf\n",
	},
	{
		row: "double-single-change", what: "a leader changes members before it has committed in its term",
		file: "raft/membership.go", by: simulator,
		old: "case !r.committedInTerm():",
		new: "case false:",
	},
	{
		row: "double-single-change", what: "a change begins while another is under way",
		file: "raft/membership.go", by: simulator,
		old: "case now.Joint() || r.members.latestAt() > r.committed:",
		new: "case false:",
	},
	{
		row: "config-forgotten", what: "a membership that was truncated stays in force",
		file: "raft/follower.go", by: simulator,
		old: "	if r.members.truncate(i) {\n		r.membershipChanged()\n	}",
		new: "",
	},
	{
		row: "config-forgotten", what: "a membership that is not committed is forgotten at restart",
		file: "raft/raft.go", by: simulator,
		old: "		r.log.append(s)\n		r.members.add(s)",
		new: "		r.log.append(s)\n		if s.Last <= st.Committed {\n			r.members.add(s)\n		}",
	},
	{
		row: "snapshot-stale-config", what: "the membership of before survives the install of a snapshot",
		file: "raft/follower.go", by: simulator,
		old: "	r.members = history{{e.Pos.Index, e.Membership}}\n	r.membershipChanged()",
		new: "	r.membershipChanged()",
	},
	{
		row: "learner-too-early", what: "a learner is promoted before it has caught up",
		file: "raft/membership.go", by: "raft",
		old: "p.Match >= r.lead.endAtLastHeartbeat && ",
		new: "",
	},
	{
		row: "leader-removes-itself", what: "a leader leads on after its removal is committed",
		file: "raft/membership.go", by: simulator,
		old: "		r.handOff()\n		r.stepDown()\n	}",
		new: "	}",
	},
	{
		row: "leader-counts-unsynced", what: "a leader counts itself while it is no voter",
		file: "raft/rounds.go", by: simulator,
		old: "	for _, id := range r.lead.voters {\n		values = append(values, value(id))\n	}\n	n",
		new: "	for _, id := range r.lead.voters {\n		values = append(values, value(id))\n	}\n	if !r.voter {\n		values = append(values, value(r.cfg.ID))\n	}\n	n",
	},
	{
		row: "rolling-upgrade", what: "the cluster's version is the highest that any member understands",
		file: "wire/version.go", by: simulator,
		old: "min(v.Log, r.Newest.Log), min(v.Commands, r.Newest.Commands)",
		new: "max(v.Log, r.Newest.Log), max(v.Commands, r.Newest.Commands)",
	},
	{
		row: "rolling-upgrade", what: "a member that is away counts as upgraded",
		file: "host/version.go", by: simulator,
		old: "		if !known {\n			return\n		}\n",
		new: "		if !known {\n			continue\n		}\n",
	},
	{
		row: "downgrade", what: "a member applies what its program does not understand",
		file: "host/version.go", by: simulator,
		old: "	case r.TooOld(v):\n		return fmt.Errorf(\"%w: the cluster's is",
		new: "	case false:\n		return fmt.Errorf(\"%w: the cluster's is",
	},
	{
		row: "downgrade", what: "who is added by another is taken in whatever it has said that it understands",
		file: "host/version.go", by: "host",
		old: "; in || !known {",
		new: "; in || !known || true {",
	},
	{
		row: "downgrade", what: "a newcomer is taken in whatever it understands",
		file: "host/version.go", by: "host",
		old: "	case r.TooOld(v):\n		return fmt.Errorf(\"%w: it is",
		new: "	case false:\n		return fmt.Errorf(\"%w: it is",
	},
}
