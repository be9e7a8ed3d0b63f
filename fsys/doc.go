// Package fsys is the few file operations that durable code needs, so that the same
// log and snapshot code runs on a server's disk (Dir), in memory (NewMemory), in a
// browser (fsys/opfs) and on a disk that misbehaves on purpose (fsys/fault).
//
// What an implementation promises, and no more:
//
//   - WriteAt may be lost, in part and in any order, until Sync of that file returned
//     nil. Truncate likewise.
//   - Create, Rename and Remove may be lost until SyncDir returned nil. Before that a
//     crash may show the old name, the new one, or for Create none.
//   - After Sync returned an error nothing is known about what was written since the
//     last one that succeeded; calling it again proves nothing.
//
// Names are single path elements: a file system here is one flat directory.
package fsys
