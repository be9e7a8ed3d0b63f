// Package session makes a retried command run once (thesis §6.3).
//
// A caller opens a session, an entry of the log, and numbers its commands in it. The
// table of sessions is a part of the replicated state: each member decides alike, from
// the log alone, whether a command is new, and answers a repeated one with the first
// one's result. The caller says with each command below which number it has all
// answers, so that their results can be forgotten.
//
// A member of the cluster has a session of its own, for all that it brings to the log.
// A caller outside has one, too, and reaches the log through members: what it asks is
// relayed in a member's session, behind that one's envelope. The member's session makes
// one attempt run once, the caller's makes all attempts, through whichever members, run
// once.
//
//	entry.go   the bytes in front of a command, and those that open a session
//	relayed.go what a caller outside asks, as a member relays it
//	table.go   who is known, what was answered
//	persist.go the table in a snapshot
package session
