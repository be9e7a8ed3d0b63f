// Package backup is what a backup file is: the file of a snapshot (docs/FORMATS.md), as
// balsa.Node.Backup writes it, compressed with Zstandard, so that zstd -d makes a snapshot's
// file of it.
//
//	w := backup.Compress(file)
//	index, err := node.Backup(ctx, w)
//	err = errors.Join(err, w.Close())
//
//	r, err := backup.Open(file, "a.balsa")       // what it is of; then r yields the state
//	restored, err := balsa.Restore(cfg, backup.Decompress(file, "a.balsa"))
//
// Each block of the state has a checksum that ties it to its place, the whole ends in one
// over all, and nothing is handed out that does not verify. So a file that is cut short or
// altered is always noticed, at the latest at its end: Check reads it whole.
package backup
