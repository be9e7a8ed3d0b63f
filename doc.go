// Package balsa is the simplest way to replicate anything: hand it a state machine and
// it keeps identical, durable copies on several servers.
//
//	sum := balsa.Func(0, func(total *int, _ balsa.Entry, add int) int { *total += add; return *total })
//	node, err := balsa.Open(ctx, balsa.Config{Dir: "data/a"}, sum)
//	n, err := node.Propose(ctx, 5)
//	err = node.Read(ctx, func(s *balsa.State[int, int, int]) { n = s.Value })
//
// Read it in this order. StateMachine is what you bring, and Func the shortest way to
// bring it. Config says where the data lives and who the others are; its zero value is
// one member in memory. Open returns a Node. Its Propose changes the state, on any
// member, exactly once; its Read sees all that was acknowledged before, on any member.
// Every error says whether the command happened: it Is either ErrNotCommitted or
// ErrUnknown.
//
// Below this package lies host.Host, the same member for whoever wants to turn it by
// hand, and below that package raft, the algorithm alone.
package balsa
