package raft_test

import (
	"fmt"
	"time"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

// The core alone, with a log and a network of one's own: here a slice of strings for
// each member, and a queue. Saves are durable as soon as they are made, and nobody
// waits for a clock.
func Example() {
	three, _ := wire.NewMembership(
		wire.Member{ID: 1, Role: wire.Voter}, wire.Member{ID: 2, Role: wire.Voter}, wire.Member{ID: 3, Role: wire.Voter})

	type post struct {
		wire.Message
		entries []string
	}
	cores, logs := map[wire.MemberID]*raft.Raft{}, map[wire.MemberID][]string{}
	var network []post
	now := time.Duration(0)

	// carryOut does what a member orders. carried are the entries that came with the
	// last input, the first of them at an index.
	carryOut := func(id wire.MemberID, first wire.Index, carried []string) {
		for {
			orders := cores[id].Orders()
			for _, save := range orders.Saves {
				for _, e := range save.Entries {
					for i := e.First; i <= e.Last; i++ {
						text := fmt.Sprintf("(term %d begins)", e.Term)
						if e.Origin != raft.FromCore {
							text = carried[i-first]
						}
						logs[id] = append(logs[id][:i-1], text) // what was there and after it goes
					}
				}
			}
			for _, m := range orders.Send {
				p := post{Message: m}
				if n := len(m.Spans); n > 0 {
					p.entries = append(p.entries, logs[id][m.Pos.Index:m.Spans[n-1].Last]...)
				}
				network = append(network, p)
			}
			if orders.Committed > 0 {
				cores[id].Step(now, raft.Applied{Index: orders.Committed})
			}
			if len(orders.Saves) == 0 {
				return
			}
			cores[id].Step(now, raft.Saved{Seq: orders.Saves[len(orders.Saves)-1].Seq})
		}
	}
	settle := func() {
		for len(network) > 0 {
			p := network[0]
			network = network[1:]
			cores[p.To].Step(now, raft.Received{Message: p.Message})
			carryOut(p.To, p.Pos.Index+1, p.entries)
		}
	}

	for id := wire.MemberID(1); id <= 3; id++ {
		core, err := raft.New(now, raft.Config{ID: id, Random: func() uint64 { return uint64(id) }}, raft.State{
			HardState: wire.HardState{Term: 1},
			Spans:     []wire.Span{{Term: 1, First: 1, Last: 1, Membership: &three}},
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		cores[id], logs[id] = core, []string{"(the members)"}
	}

	now = time.Second // nobody votes before: an earlier life may have promised not to
	cores[1].Campaign(now)
	carryOut(1, 0, nil)
	settle()

	first, err := cores[1].Propose(now, 2, 11)
	if err != nil {
		fmt.Println(err)
		return
	}
	carryOut(1, first.Index, []string{"hello", "world"})
	settle()

	for id := wire.MemberID(1); id <= 3; id++ {
		status := cores[id].Status()
		fmt.Println(status, logs[id][:status.Committed])
	}
	// Output:
	// 1 leader term=2 last=2/4 commit=4 [(the members) (term 2 begins) hello world]
	// 2 follower term=2 last=2/4 commit=4 [(the members) (term 2 begins) hello world]
	// 3 follower term=2 last=2/4 commit=4 [(the members) (term 2 begins) hello world]
}
