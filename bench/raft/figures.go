package main

// Figures are what was measured, by name. What is not there could not be measured.
type Figures map[Figure]float64

// Figure names one thing that is measured, with its unit.
type Figure string

const (
	count               Figure = "count"               // operations that ended meanwhile
	seconds             Figure = "seconds"             // how long it was measured, or how long it took
	perSecond           Figure = "per second"          // operations a second
	p50                 Figure = "p50 ms"              // half of the operations took no longer
	p90                 Figure = "p90 ms"              // nine of ten
	p99                 Figure = "p99 ms"              // 99 of a hundred
	slowest             Figure = "slowest ms"          // all
	processor           Figure = "processor s"         // of all members and of the callers
	processorPerMillion Figure = "processor s/million" // the same for a million operations
	peakMiB             Figure = "peak MiB"            // the most memory of the process that holds all members and the callers
	residentMiB         Figure = "resident MiB"        // its memory once it has given back what it could
	written             Figure = "written bytes"       // by the disk, for whomever
	bytesPerEntry       Figure = "written bytes/entry" // the same for an operation
	syncCount           Figure = "syncs"               // of all members
	entriesPerSync      Figure = "entries/sync"        // operations for each of them
	diskPerEntry        Figure = "disk bytes/entry"    // what a member's files take
	readingSeconds      Figure = "reading s"           // to read the files of all members once
	mibPerSecond        Figure = "MiB/s"               // of what a member lacked
	fastest             Figure = "fastest ms"
)
