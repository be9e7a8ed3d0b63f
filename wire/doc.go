// Package wire holds the nouns of Balsa and their one encoding, the same on the
// wire and on disk: positions in the log, batches of entries, memberships,
// messages between members, and the frames that carry them.
//
// Read it in this order: ids.go (Term, Index, Pos), batch.go (what a log is made
// of), membership.go (who takes part), message.go (what members say), frame.go
// (how bytes on a connection are cut into checked pieces).
//
// All integers are little-endian. Every decoder here takes bytes from outside, so
// none of them panics, and each names what was wrong. The package imports the
// standard library alone and knows no goroutine, clock or file.
package wire
