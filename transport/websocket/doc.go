// Package websocket carries messages between members of a room: programs and windows
// that cannot be dialled, and meet through an introducer (docs/introducer.md).
//
//	hub ─► streams (mux) ─► sealed frames ═══ WebSocket ═══ introducer ═══ WebSocket ═══ …
//
// Each member keeps one WebSocket to the introducer, which relays what members seal for
// each other with the room's secret. It is trusted with nothing: it learns who talks to
// whom, and how much. Streams carry what connections carry over TCP, handshake
// included, and a member's card must be that of the member whose seal the stream has.
//
// A member whose WebSocket breaks comes back by itself, under a new nonce. Where two
// members have a connection of their own (WebRTC, between windows), nothing goes this
// way.
package websocket
