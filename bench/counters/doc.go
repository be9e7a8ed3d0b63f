// Package counters is one durable counter, written on Balsa and on three other libraries: what
// docs/comparison.md shows. Each is a cluster of one member whose total survives a restart,
// with no more around it than the library needs. It has no code of its own, only the test
// that they count alike.
package counters
