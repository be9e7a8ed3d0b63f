package main

import (
	"slices"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

const (
	maxMembers = 5
	maxTerms   = 7
	maxEntries = 15
)

// state is a whole cluster at a moment: the states of its members and the messages that
// were sent, both by number, and what the judge remembers.
//
// The network is a set that only grows: whatever was ever said may arrive at any moment,
// any number of times, in any order, or never. That is all that a network can do, and
// needs no inputs for loss and repetition.
type state struct {
	members [maxMembers]int32
	mail    []int32 // ordered
	memory  memory
}

// memory is what the judge has to know of the past.
type memory struct {
	leaders   [maxTerms + 2]uint8 // identity of the leader of each term, 0 for none yet
	committed [maxEntries + 1]commitment
	known     uint8 // how many entries are known to be committed, to anybody

	crashes, reconnects, transfers, removals, reads uint8

	reader, floor uint8 // who was asked the read, and what was committed then
}

// commitment is a committed entry's term, and the term in which it was committed.
type commitment struct{ term, by uint8 }

func (c commitment) at(i wire.Index) wire.Pos { return wire.Pos{Term: wire.Term(c.term), Index: i} }

func (m *memory) digest(n naming) uint64 {
	h := mix(memorySeed, uint64(m.known))
	for _, leader := range m.leaders {
		h = mix(h, n[leader])
	}
	for _, c := range m.committed[:m.known] {
		h = mix(h, uint64(c.term)<<8|uint64(c.by))
	}
	h = mix(h, uint64(m.crashes)<<32|uint64(m.reconnects)<<24|uint64(m.transfers)<<16|uint64(m.removals)<<8|uint64(m.reads))
	return finish(mix(h, n[m.reader]<<8|uint64(m.floor)))
}

// Seeds keep digests of different things apart.
const (
	memorySeed  = 0x8ebc6af09c88c6e3
	memberSeed  = 0x589965cc75374cc3
	messageSeed = 0x1d8e4e27c47d124f
	secondSeed  = 0xeb44accab455d165
)

// dead says whether a message can no longer do anything to its receiver, whatever else
// happens, beyond what rumour does:
//
//   - one of a term that the receiver's disk has left behind. If it is a question, the
//     receiver answers with its own term, and that is what rumour says anyway;
//   - an answer to a candidate or leader of a term that it can never be again;
//   - rumour of a term that the receiver is in.
func dead(m *wire.Message, receiver *member) bool {
	durable, role := receiver.disk.hard.Term, receiver.status.Role
	if m.Term < durable {
		return true
	}
	if m.Term > durable || receiver.status.Term != durable {
		return false
	}
	switch m.Kind {
	case wire.PreVoteReply:
		return !m.Reject
	case wire.VoteReply:
		return role != raft.Candidate
	case wire.AppendReply:
		return m.Session == 0 || role != raft.Leader && role != raft.Candidate
	}
	return false
}

// spent says whether a message that leaves its receiver as it is, and whose answer has
// been given, is dead from then on: a vote counts once, and is given once.
func spent(m *wire.Message, receiver *member) bool {
	h := receiver.disk.hard
	switch m.Kind {
	case wire.Vote:
		return h.Term == m.Term && h.Vote != 0
	case wire.VoteReply:
		return h.Term == m.Term && receiver.status.Role == raft.Candidate
	}
	return false
}

// rumour is the word that a member is in a term. Any member may hear it of any other at
// any time, as from the answer to an old question. That allows more than there is, for
// the question may never have been asked; but then the state need not tell which old
// questions are still on their way.
func rumour(from, to wire.MemberID, term wire.Term) wire.Message {
	return wire.Message{Kind: wire.AppendReply, From: from, To: to, Term: term, Reject: true}
}

// with is the mail with more messages in it, those that are wanted. It is the same slice
// if nothing is new.
func with(mail, sent []int32, wanted func(int32) bool) []int32 {
	out, own := mail, false
	for _, s := range sent {
		k, there := slices.BinarySearch(out, s)
		if there || !wanted(s) {
			continue
		}
		if !own {
			out, own = append(make([]int32, 0, len(mail)+len(sent)), mail...), true
		}
		out = slices.Insert(out, k, s)
	}
	return out
}
