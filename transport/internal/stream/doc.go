// Package stream is what transports have in common that carry messages over streams of
// bytes: TCP has its connections, HTTP/2 its streams. Hub is one process's end of all
// of them. It says hello, writes and reads frames, dials again, and reports; Carrier is
// what a transport adds to it, and Conn one stream.
//
// A connection carries messages one way, from who dialled it. Each member dials each
// other member: once for messages, and, while there is need, once more for bulk data,
// so that a heartbeat never waits behind a snapshot, and once to introduce itself
// where it is not known yet. Before any message both ends say who they are
// (wire/handshake.go); two that do not belong together part with an error that names
// the difference.
//
//	Send ─► queue ─► writer ═══ one write for all that waits ═══► reader ─► inbox ─► Drain
//	        (a link, link.go)                             (an incoming, serve.go)
//
// What enters a queue is not copied: frame headers are made beside the batches, which
// leave in the form in which they lie in the log. What arrives lies in one piece of
// memory a message, which its batches share and which goes into the log as it is.
//
// Nothing here waits for another member: a queue that is full drops, because the
// algorithm repeats whatever matters; a reader whose owner does not Drain stops
// reading, so that the stream pushes back.
//
// When a connection breaks, the link dials again at once. If the Carrier says that
// this shows the other process to be dead, ArrivedDown says Gone. Silence, as of a
// stopped process or a cut cable, is never Gone.
//
// It knows no sockets, and is as good in a browser.
package stream
