// Package tcp carries messages between members over TCP, with TLS if it is given a
// configuration for it.
//
// What travels on a connection, when one is made and how it ends is of package stream,
// which other transports share. This one has the sockets, TLS on them, and answers for
// those who dialled the wrong port: one writev sends all that waits, and a reader that
// does not read pushes back as TCP does.
//
// When a connection breaks, it is dialled again at once. If that is refused, the
// other process is dead, and ArrivedDown says Gone. Silence, as of a stopped process
// or a cut cable, is never Gone.
package tcp
