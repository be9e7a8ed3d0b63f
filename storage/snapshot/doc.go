// Package snapshot keeps snapshots of a state in files: streamed in and out, checked
// block by block, sent to other members as they are, and received so that a transfer
// that broke off goes on where it was.
//
// A Store is one directory. A state enters it through a Writer (taken here) or a
// Receiver (sent by another member), and leaves it through a Reader (to restore it) or
// a Source (to send it on). Never is more than a block in memory.
//
// What it promises:
//
//   - Once Commit has returned nil the snapshot survives every crash. Before that the
//     directory holds the snapshots it held, and nothing half written is listed.
//   - No byte is handed out that is not the one written: a Reader and a Source check
//     the block it stands in first, a Receiver checks the whole before it is listed.
//   - An older snapshot is removed only once as many newer ones as are kept have been
//     read back whole by this process.
//
// # Files
//
//	snap-<term>-<index>-<id>        a snapshot; term, index and id are 16 hex digits
//	snap-<term>-<index>-<id>.tmp    one being written, removed by Open
//	snap-<term>-<index>-<id>.part   one being received, kept for resumption
//
// # Bytes
//
// A file is a header, blocks and a trailer; numbers are little-endian, checksums are
// CRC-32C.
//
//	header
//	 0  8    "BALSASNP"
//	 8  u32  format version, 1
//	12  u32  length of the header, H, at most 2 MiB
//	16  u32  checksum of bytes 0 to 15; this far every version is the same
//	20  u32  state bytes in each block but the last, B
//	24  u64  id, drawn when the snapshot was taken
//	32  u64  cluster
//	40  u64  term of the last entry in the state
//	48  u64  index of it
//	56  i64  time of it, nanoseconds since 1970 by the replicated clock
//	64       membership as of it (wire.Membership.Append), H-68 bytes; none if 0
//	H-4 u32  checksum of all before it, S
//
//	block number n, from 0, at H + n*(8+B)
//	 0  u32  length of the data: B, in the last block 1 to B
//	 4  u32  checksum of S (u32), n (u64), the length (u32) and the data
//	 8       data
//
//	trailer, after the last block
//	 0  u32  0
//	 4  u32  checksum of S (u32), the number of blocks (u64), and bytes 0 to 3 and 8 to
//	         19 of the trailer
//	 8  u64  length of the state
//	16  u32  checksum of all blocks' checksums, in order
//
// A block verifies in its own place in its own snapshot only. Nothing follows the
// trailer.
package snapshot
