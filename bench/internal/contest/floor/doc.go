// Package floor is not Raft: it is the least work for a log that a majority of members
// have on disk, as a mark of how much a library costs beyond that. Member 0 leads for
// ever; there are no terms, elections, reads, sessions, snapshots or checksums, and nothing is
// recovered. What is left is what no library can avoid: commands that came together are
// one batch, which is written to every member's disk and synced, and counts once a
// majority has it. Files are laid out beforehand and used over and over.
//
// The log is a stream of bytes, in records:
//
//	offset  size  field
//	0       4     size of the command
//	4       n     the command
//
// A connection from the leader carries pieces of it, each under a head:
//
//	offset  size  field
//	0       4     size of the piece, which may be 0
//	4       8     up to where of the stream a majority has it
//	12      n     the piece
//
// Back come 8 bytes each: up to where the follower has it on disk.
package floor
