// Package fault is a disk in memory that misbehaves on purpose, for tests and for
// the simulator.
//
// A Disk is an fsys.FS that keeps apart what was synced and what was not. Crash turns
// it into what a power loss leaves: each write since the last Sync of its file is
// there, gone or torn by sectors, each creation, renaming and removal since the last
// SyncDir there or gone. Chance decides within what fsys allows; all of it comes from
// the seed, so the same seed and the same operations give the same disk again.
//
// Crashing at every point of some code is a loop:
//
//	for n := range total {
//		disk := fault.New(seed)
//		disk.StopAfter(n)
//		run(disk) // ends with ErrCrashed
//		disk.Crash()
//		check(disk)
//	}
//
// where total is what Operations said after a run without a crash. Image does the same
// beside a single run.
//
// Faults are injected by a Rule (an operation fails, is lost, lands elsewhere, flips a
// bit), by SetCapacity (the disk fills up), by FlipBit and ZeroSector (what is there
// rots), and by Watch (a function that is called before each operation and may take its
// time). A Trace lists the operations.
//
// A Disk may be used from any goroutine. It has no goroutine and no clock of its own.
package fault
