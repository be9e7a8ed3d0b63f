package raft

import "fmt"

// broken stops the member: what follows would build on something impossible.
func broken(format string, args ...any) { panic("raft: " + fmt.Sprintf(format, args...)) }

// check holds after every input:
//
//	start ≤ applied ≤ committed ≤ last, durable ≤ last
func (r *Raft) check() {
	start, last := r.log.start.Index, r.log.last()
	switch {
	case r.applied < start:
		broken("applied %d before the log's start %d", r.applied, start)
	case r.committed < r.applied:
		broken("applied %d beyond committed %d", r.applied, r.committed)
	case last.Index < r.committed:
		broken("committed %d beyond the log's end %s", r.committed, last)
	case last.Index < r.saves.durable:
		broken("durable %d beyond the log's end %s", r.saves.durable, last)
	case last.Term > r.hard.Term:
		broken("the log ends at %s beyond term %d", last, r.hard.Term)
	case (r.role == Leader) != (r.lead != nil):
		broken("a %s with the state of another role", r.role)
	}
}
