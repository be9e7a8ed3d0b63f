// Package room is what those say to each other who meet in a room: members that cannot
// be dialled, and the introducer between them. It has the keys that come from a room's
// secret, the seal on all that passes the introducer, and the form of every message.
//
// docs/introducer.md is the protocol. Nothing here waits, connects or decides: bytes
// come in, values come out. What comes from outside is checked and bounded; what was
// sealed by nobody who knows the secret, for another member, for another connection, or
// was seen before, does not open.
package room
