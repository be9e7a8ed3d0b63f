// Package tcp carries messages between members over TCP, with TLS if it is given a
// configuration for it.
//
// A connection carries messages one way, from who dialled it. Each member dials each
// other member: once for messages, and, while there is need, once more for bulk data,
// so that a heartbeat never waits behind a snapshot, and once to introduce itself
// where it is not known yet. Before any message both ends say who they are
// (wire/handshake.go); two that do not belong together part with an error that names
// the difference.
//
//	Send ─► queue ─► writer ═══ one writev for all that waits ═══► reader ─► inbox ─► Drain
//	        (a link, link.go)                             (an incoming, accept.go)
//
// What enters a queue is not copied: frame headers are made beside the batches, which
// leave in the form in which they lie in the log. What arrives lies in one piece of
// memory a message, which its batches share and which goes into the log as it is.
//
// Nothing here waits for another member: a queue that is full drops, because the
// algorithm repeats whatever matters; a reader whose owner does not Drain stops
// reading, so that TCP pushes back.
//
// When a connection breaks, the link dials again at once. If that is refused, the
// other process is dead, and ArrivedDown says Gone. Silence, as of a stopped process
// or a cut cable, is never Gone.
package tcp
