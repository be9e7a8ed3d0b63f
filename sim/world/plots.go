package world

// namedPlot is a plot and its name among the troubles.
type namedPlot struct {
	name   string
	exists bool
	play   func(*plot)
}

// plots lists those that exist in this world.
func (f *faults) plots() (list []namedPlot) {
	for _, p := range []namedPlot{
		{"long-tail", f.longTails, (*plot).longTail},
		{"short-reigns", f.shortReigns, (*plot).shortReigns},
		{"joint-cut", f.jointCuts, (*plot).jointCut},
		{"acknowledged-crash", f.ackCrashes, (*plot).acknowledgedCrash},
		{"handover-read", f.handoverReads, (*plot).handoverRead},
		{"drifting-lease", f.driftingLeases, (*plot).driftingLease},
		{"stale-start", f.staleStarts, (*plot).staleStart},
		{"overtaken", f.overtaken, (*plot).overtaken},
		{"snapshot-on-tail", f.snapshotsOnTails, (*plot).snapshotOnTail},
		{"crash-twice", f.crashesTwice, (*plot).crashTwice},
		{"rolled-back", f.rollbacks, (*plot).rolledBack},
		{"late-votes", f.lateVotes, (*plot).lateVotes},
		{"late-news", f.lateNews, (*plot).lateNews},
		{"slow-link", f.slowLinks, (*plot).slowLink},
		{"odd-state", f.oddStates, (*plot).oddState},
		{"restore-running", f.restores, (*plot).restoreRunning},
		{"lost-session", f.lostSessions, (*plot).lostSession},
	} {
		if p.exists {
			list = append(list, p)
		}
	}
	return list
}
