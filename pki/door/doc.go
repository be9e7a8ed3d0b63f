// Package door accepts connections under TLS: those it hands out have agreed on it.
//
// Strangers can take little of a member that way. Whoever does not finish a handshake
// in time is hung up on; so is who has been at one for longest when too many are. Why
// somebody was turned away stands in the log, once in a while for each address, and who
// came without TLS is told so in its own language.
package door
