// Package introducer lets members meet that cannot be dialled, such as windows of
// browsers: it tells them who is in their room, carries their offers and answers, and
// relays their frames where no direct connection comes about.
//
//	member ═══ WebSocket ═══ visitor ─► room ─► visitor ═══ WebSocket ═══ member
//	                        (reads)          (outbox, writes)
//
// It knows rooms by identities that give nothing away, and understands nothing of what
// it carries: that is sealed with the room's secret (package room). It keeps nothing
// that must survive a restart: members come back by themselves, and clusters that run
// do not notice. docs/introducer.md is the protocol.
//
// Whoever reaches it may be anyone: rooms, members, connections, sizes, rates and the
// memory for what waits are bounded, and what is beyond gets an error that says so.
package introducer
