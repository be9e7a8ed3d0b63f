// Package restoring brings a backup into a running cluster, through its log.
//
// Whoever restores cuts the backup's state into pieces and proposes each; the log carries
// them to all members, with the promises that it makes for any entry, through changes of
// leaders and crashes. Pieces change nothing. The last entry says how many there are and
// what they sum up to: with it every member reads the pieces back from its own log and
// changes to their state, all at that one index (host/installing.go).
//
// So the log must hold the pieces for as long as they may be asked for: while a restore is
// under way, no member takes a snapshot. One that was left behind by who began it must
// not stop snapshots for ever: a leader that sees nothing come for Patience ends it, with an
// entry, so that all members see that at the same place.
//
//	entry.go   the bytes of the entries
//	tracker.go which pieces are in the log, and whether the restore is still under way
package restoring
