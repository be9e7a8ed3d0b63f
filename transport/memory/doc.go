// Package memory is a network inside the process, for tests and for examples: members
// that listen on it exchange the same messages as over sockets, and meet the same
// handshakes, refusals and broken connections.
//
// A Network starts perfect: nothing is late, lost or doubled. SetWeather, Cut and
// Partition change that at any time; all chance comes from the seed, so that the same
// calls in the same order have the same effects. Waiting is done with timers of
// package time alone, so that a Network that was made in a testing/synctest bubble
// lives by the bubble's clock.
//
// Messages pass in encoded form: sender and receiver share no memory, and each test
// that uses this package tests the encoding, too.
package memory
