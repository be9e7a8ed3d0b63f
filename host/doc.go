// Package host is a member that somebody else turns. It joins the algorithm (raft),
// the log, the snapshots, the state machine and the transport into one, with no
// goroutine and no clock of its own: whoever holds a Host calls Turn when something
// happened, runs the tasks that come out, wherever and whenever it likes, and hands
// each back with Finish. A server's node does so with goroutines, the simulator in one
// thread, in an order that a seed decides.
//
//	            Propose, Read, Control                answers
//	                     │                               ▲
//	transport ──arrivals─▼──────────────┐                │
//	          ┌────────► Host.Turn ─────┴─► Output: tasks, answers, events, deadline
//	          │             │ ▲
//	          │      events ▼ │ orders
//	          │            raft
//	   Finish(task)
//	          └── Task.Run: log write and sync, apply, snapshot, transfer, fetch
//
// The files, in the order of a proposal's way: host.go (Turn), outbox.go (proposals of
// this member), forward.go (those of others), orders.go (what the algorithm wants
// done), logging.go, replicate.go, apply.go, read.go. Then what happens now and then:
// snapshot.go, sending.go and receiving.go (snapshots), control.go (changes of
// members), standing.go (founding and joining), contact.go (addresses, links).
package host
