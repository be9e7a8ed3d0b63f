// Package client is a caller outside the cluster: it talks to members that offer package
// rpc's service, with the same typed Propose and Query as a Node has (balsa.Cluster is
// both).
//
//	c, err := client.Dial[int, int](ctx, "10.0.0.1:8080", "10.0.0.2:8080", "10.0.0.3:8080")
//	err = c.Ready(ctx)              // wait until there is a leader, if that is wanted
//	total, err := c.Propose(ctx, 5) // applied, exactly once
//
// Any member answers, so that one address is enough to begin with; with all of them the
// client goes to the leader, which spares a hop, and on to another when one is gone. It
// numbers its commands in a session of its own and repeats what was lost under the same
// number until its context ends: the cluster runs it once. Errors say whether it
// happened, as those of a Node do: balsa.ErrUnknown if nobody has said, and then nothing
// else does.
//
//	client.go  Config, Dial, Ready, Close
//	propose.go commands
//	session.go the session and its numbers
//	query.go   questions
//	watch.go   the stream of commands that were applied
//	members.go status and operations
//	try.go     one call, tried until it is decided
//	targets.go the addresses: who is there, who leads, who is gone
//	target.go  one of them
//	errors.go  what an attempt's failure means, and what the caller is told
package client
