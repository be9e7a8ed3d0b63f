// Package wal is a member's durable log: its entries, its term and its vote, in one
// sequence of records, so that one write and one sync make all of them durable.
//
// Batches enter through Append, term and vote through SaveHardState, what a snapshot
// makes superfluous through Compact and Reset. All of these only stage. Flush takes
// what is staged, its Run writes and syncs it in any goroutine, Flushed takes note of
// the result; what queues up meanwhile is the next flush. Entries come back through
// Cached from memory and through View from disk.
//
//	wal-0000000000000007.log   wal-0000000000000008.log   spare-0000000000000003.log
//	┌────────┬───────┬──────┐  ┌────────┬───────┬──────┐  ┌───────────────────────┐
//	│ header │ batch │ seal │  │ header │ batch │ left │  │ whatever it held last │
//	│ (sums  │ batch │      │  │        │ vote  │ over │  │                       │
//	│  up 1…6)│ …    │      │  │        │ batch │      │  │                       │
//	└────────┴───────┴──────┘  └────────┴───────┴──────┘  └───────────────────────┘
//
// # Bytes
//
// The log is a row of segments. A segment is a file of fixed size that was written to
// its end before it came into use, because a sync over such blocks touches no metadata
// of the file system. Its header (96 bytes, drawn at the type header) repeats what all
// segments before it add up to, so that they can be freed; a freed one becomes a spare
// and is used again. Records (drawn at the type record) follow, each at a multiple of
// 8 bytes, up to a seal if there is a next segment. A batch that does not fit into what is
// left of a segment is cut in two, if that is much.
//
// A record's checksum covers its bytes and, without their being stored, the member, the
// segment's number and the record's offset. So a record verifies in one place only, and
// what a recycled segment still holds never does. Each record also repeats the checksum
// of the one before it, through all segments, and says where the flush began that wrote
// it.
//
// A flush writes whole blocks of 4 KiB, past a system's page cache where that can be
// (fsys.BlockWriter). So the last block of the log is written again with the next flush,
// what was durable of it as it was: a sector that a crash leaves half written holds the
// same bytes there either way. The rest of the flush's last block becomes zeros. A flush of
// more than an eighth of a segment is written in pieces of that size, each synced before the
// next.
//
// # Order
//
// A flush writes reset, term and vote, batches, compaction, in this order; a batch
// replaces the entries from its first index on. Of a torn flush Open keeps the records
// up to the first that does not verify: never an entry of a term that the member does
// not know, never one that an acknowledged batch has replaced.
//
// A segment is named, and its name durable, before the seal that announces it; it is
// written only after a sync of the one before; and one is freed only after a sync of
// the record that makes it superfluous. So no crash makes a segment go missing.
//
// # Torn or damaged
//
// Flushes follow one on another. If a record verifies after the place where the log
// ends, and its flush began after that place, then what should stand there was
// durable: it is damage, and Open refuses the log and changes nothing. Damage to a
// segment does not count if all that it and those before it held was compacted.
//
// What no log can tell is damage to the very last flush from a crash in the middle of
// it: neither leaves anything after it. Open keeps the records of that flush up to the
// first that does not verify and cuts off the rest; if it began a segment, the header
// is a part of it. To its peers, a member that lost an acknowledged flush in this way
// is one that was put on an older image of its disk: no checksum on it shows that.
//
// # What it assumes of disks
//
// What fsys promises, and that damage does not forge checksums. It does not assume
// that sectors are written whole or in order, nor that a failed sync says which bytes
// are lost: a Log whose write or sync failed stays failed, and Open writes the last
// flush again before it relies on it, because a system's cache may show bytes that
// never reached the disk.
//
// It refuses nothing that the algorithm may ask for, and panics if asked for what the
// algorithm never may: an append that leaves a gap, a term that falls.
package wal
