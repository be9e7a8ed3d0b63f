package main

import (
	"fmt"

	"github.com/balsaraft/balsa/wire"
)

// bounds say how far an exploration goes. Within them it leaves nothing out.
type bounds struct {
	Members int
	Terms   int // no campaign begins beyond this term; the cluster is founded in term 1
	Entries int // no command is proposed to a log that is as long, the founding entry included
	Crashes int // in all, each followed by a restart
	Beats   int // heartbeats of one reign
	Unsaved int // saves that a disk may be behind; 0: every save is durable at once

	Reconnects, Transfers, Reads, Removals int // in all

	// PreVotes plays them out. Otherwise a campaign may win its pre-vote at any time:
	// that allows more, for safety does not rest on them, and leaves fewer states.
	PreVotes bool

	Depth  int // inputs in a row; 0: as many as there are
	States int // stop after so many; 0: none
}

func (b bounds) String() string {
	return fmt.Sprintf("members=%d terms=%d entries=%d crashes=%d beats=%d unsaved=%d reconnects=%d transfers=%d reads=%d removals=%d prevotes=%t",
		b.Members, b.Terms, b.Entries, b.Crashes, b.Beats, b.Unsaved, b.Reconnects, b.Transfers, b.Reads, b.Removals, b.PreVotes)
}

func (b bounds) check() error {
	switch {
	case b.Members < 1 || b.Members > 5:
		return fmt.Errorf("explore: %d members; from 1 to 5 are possible", b.Members)
	case b.Terms < 1 || b.Terms > maxTerms:
		return fmt.Errorf("explore: %d terms; from 1 to %d are possible", b.Terms, maxTerms)
	case b.Entries < 1 || b.Entries+b.Terms+4*b.Removals > maxEntries:
		return fmt.Errorf("explore: %d entries; with one more a term, and four a removal, at most %d are possible", b.Entries, maxEntries)
	}
	return nil
}

// founded is the log with which a cluster begins.
func (b bounds) founded() []entry {
	var members []wire.Member
	for k := range b.Members {
		members = append(members, wire.Member{ID: wire.MemberID(k + 1), Role: wire.Voter})
	}
	m, err := wire.NewMembership(members...)
	if err != nil {
		panic(err)
	}
	return []entry{{1, &m}}
}
