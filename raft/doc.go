// Package raft is the algorithm and nothing else: no clock, no disk, no network, no
// goroutine, no chance of its own and no payload bytes. Events enter through Step,
// requests through Propose, Read, ChangeMembers and Transfer; the work they cause
// leaves as Orders. The same inputs always give the same outputs.
package raft
