// Package world is a whole cluster in one thread: members made of the very code that
// servers run (host, raft, the log, the snapshots, the sessions), on disks that fail and
// a network that loses, with a clock that is a number. One seed decides all of it: which
// faults there are, when they strike, what callers ask, which task ends first. The same
// seed plays the same world again, event by event.
//
//	        agenda: what happens next, by virtual time
//	           │
//	  ┌────────┼──────────┬────────────┬───────────┐
//	trouble  callers    network      tasks       turns
//	  │        │          │            │           │
//	  └────────┴──► process: host.Host.Turn ◄──────┘
//	                  │         │        │
//	               fault.Disk machine  transport
//	                  └─────────┴────────┘
//	                        judge
//
// A world has two acts. In the first, troubles come and go while callers propose and
// read on any member. In the second the troubles end, or all those that hit a quorum do;
// within a bounded time there must be a leader, every caller must have an answer and
// every member that can be reached must have caught up. The judge looks on from outside
// and knows what no member does: all that was ever applied, answered, voted and led.
//
// The files: world.go (Run), agenda.go (time), seat.go and process.go (a member, its
// disk and its lives), task.go (what a disk takes its time for), clock.go, network.go
// and transport.go, machine.go and call.go (the state and who waits for it), caller.go
// (the load), guest.go and relay.go (callers outside, with sessions of their own), kept.go
// (states with a disk of their own), admin.go (changes of members), trouble.go (the faults),
// plot.go, plots.go and plot_*.go (dramas in several steps), recovery.go (the second act),
// judge.go (the promises), rules.go and ledger.go (the paper's, and the sessions once more), history.go (what callers saw), trace.go and
// witness.go (what is told of it).
package world
