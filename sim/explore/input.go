package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

// kind is a kind of input.
type kind uint8

const (
	deliver   kind = iota // a message arrives; the argument is its number
	timeout               // an election timeout, on anybody but a leader
	campaign              // the same, and whatever pre-votes it takes
	beat                  // a leader's heartbeat
	abdicate              // a leader has not heard of a majority for too long
	propose               // one command is proposed to a leader
	saved                 // the oldest save is durable
	crash                 // the process ends and starts again on what the disk holds
	reconnect             // a leader's connection to the member of the argument is new
	transfer              // a leader is told to hand over to the member of the argument
	read                  // a read is asked
	remove                // a leader is told to remove the member of the argument
)

var kindNames = [...]string{"deliver", "timeout", "campaign", "beat", "abdicate", "propose", "saved", "crash", "reconnect", "transfer", "read", "remove"}

func (k kind) String() string { return kindNames[k] }

// input is what happens to one member. Its argument is a message's number or a member's.
type input struct {
	kind kind
	to   uint8 // the member's place
	arg  int32
}

// outcome is what an input makes of a member, and what the member then says. The core
// is deterministic, so that each input to each state of a member is played once.
type outcome struct {
	next    int32   // number of the member's next state
	sent    []int32 // numbers of messages
	answers []raft.ReadAnswer
}

// did is an input as it was carried out, for whoever tells of it.
type did struct {
	before, after *member
	event         raft.Event // nil if it was a request
	orders        raft.Orders
	started       bool
}

// play gives a member an input, and judges what can be judged by that member alone. At
// once, what it has saved is durable, and it is told so, before anything else happens.
func play(m *member, in input, message *wire.Message, atOnce bool) []did {
	var steps []did
	if in.kind == campaign {
		steps = playCampaign(m, in)
	} else {
		steps = []did{playOne(m, in, message)}
	}
	for atOnce && len(steps[len(steps)-1].after.pending) > 0 {
		steps = append(steps, playOne(steps[len(steps)-1].after, input{kind: saved, to: in.to}, nil))
	}
	return steps
}

// playCampaign lets others grant a pre-vote until it is won.
func playCampaign(m *member, in input) []did {
	steps := []did{playOne(m, input{kind: timeout, to: in.to}, nil)}
	for _, a := range m.status.Membership.All() {
		now := steps[len(steps)-1].after
		if a.ID != m.id && now.status.Role == raft.PreCandidate {
			grant := wire.Message{Kind: wire.PreVoteReply, From: a.ID, To: m.id, Term: now.status.Term + 1}
			steps = append(steps, playOne(now, input{kind: deliver, to: in.to}, &grant))
		}
	}
	return steps
}

func playOne(m *member, in input, message *wire.Message) did {
	d := did{before: m}
	defer stopped(m, in, message)
	if in.kind == crash {
		d.started = true
		d.after, d.orders = start(m.id, m.clock+lapse, m.disk)
		m.judgeRestart(d.after)
		return d
	}
	next := m.clone()
	d.after = next
	d.event = next.take(in, message)
	if d.event != nil {
		next.core.Step(next.clock, d.event)
	}
	d.orders = next.carryOut()
	if next.status.Role != raft.Leader || m.status.Role != raft.Leader {
		next.beats = 0
	}
	m.judgeStep(next, d.orders)
	return d
}

// stopped makes a broken promise of a core that found itself in an impossible state.
func stopped(m *member, in input, message *wire.Message) {
	if p := recover(); p != nil {
		if reason, ok := p.(string); ok && strings.HasPrefix(reason, "raft: ") {
			broken("%s stops at %s: %s", m, in.tell(message), reason)
		}
		panic(p)
	}
}

// take makes the input's request of the core, or its event.
func (m *member) take(in input, message *wire.Message) raft.Event {
	now := m.moment()
	switch in.kind {
	case deliver:
		return raft.Received{Message: *message}
	case timeout:
		return raft.Tick{}
	case beat:
		m.clock, m.beats = max(now, m.core.Deadline()), m.beats+1
		return raft.Tick{}
	case abdicate:
		m.clock += lapse
		return raft.Tick{}
	case saved:
		return raft.Saved{Seq: m.sync()}
	case reconnect:
		return raft.LinkUp{ID: wire.MemberID(in.arg)}
	case propose:
		if _, err := m.core.Propose(now, 1, 1); err != nil {
			broken("%s refuses a proposal: %v", m, err)
		}
	case transfer:
		if err := m.core.Transfer(now, wire.MemberID(in.arg)); err != nil {
			broken("%s refuses to hand over: %v", m, err)
		}
	case read:
		m.core.Read(now, readID, false)
	case remove:
		members := slices.DeleteFunc(slices.Clone(m.status.Membership.Members), func(a wire.Member) bool { return a.ID == wire.MemberID(in.arg) })
		// What stands in the way, an earlier change or a term in which nothing is
		// committed yet, is no fault: then nothing happens.
		_ = m.core.ChangeMembers(now, members)
	}
	return nil
}

// readID names the only read there is.
const readID = 1

// tell describes an input for people.
func (in input) tell(message *wire.Message) string {
	who := wire.MemberID(in.to + 1)
	switch in.kind {
	case deliver:
		return fmt.Sprintf("%s receives %s", who, message)
	case reconnect, transfer, remove:
		return fmt.Sprintf("%s: %s %s", who, in.kind, wire.MemberID(in.arg))
	}
	return fmt.Sprintf("%s: %s", who, in.kind)
}
