// Package mux makes streams of bytes out of frames that come whole and in order, such
// as those that an introducer relays (docs/introducer.md). Each side may open streams;
// what is read from one makes room for more, so that none holds the others up, and none
// takes more memory than its window.
//
//	Write ─► credit ─► data frames ─► Sender ═══ … ═══ Receive ─► window ─► Read
//
// Frames may be lost where the two sides meet: a gap in a stream's numbers ends it.
package mux
