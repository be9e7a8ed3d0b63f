package main

import (
	"slices"
	"time"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

// explorer visits every state of a cluster that can be reached within bounds, breadth
// first, so that a broken promise is found by a shortest way. States that differ in
// nothing but who is who are one.
type explorer struct {
	bounds    bounds
	inspector inspector
	namings   []naming

	members  table[*member]
	messages table[wire.Message]
	outcomes map[question]outcome

	visited map[uint64]struct{}
	ways    []way   // of each state visited: how it was reached
	level   []visit // the states that are as many inputs away from the first
	next    []visit

	report report
	told   func(input) // of answers that close gives, nil if nobody cares

	// For tests: explore without taking any states for one or any answers for given, and
	// with members that break rules.
	plain bool
	flaw  flaw
	met   func(*state) // every state that is visited
}

// question is an input to a state of a member.
type question struct {
	member int32
	input  input
}

// way leads to a state from an earlier one.
type way struct {
	from  uint32
	input input
}

// visit is a state to go on from.
type visit struct {
	state  state
	number uint32
}

// report is how an exploration went.
type report struct {
	Bounds      bounds
	States      int // visited, those that differ in nothing but who is who counted once
	Transitions int
	Depth       int // inputs in a row to the farthest
	Complete    bool
	Members     int // distinct states of a single member
	Messages    int // distinct messages
	Outcomes    int // distinct inputs to distinct states of a member: how often the core was asked
	Commits     int // entries committed at most
	Leaders     int // terms with a leader at most
	Elapsed     time.Duration
	Err         error  // the broken promise
	Way         []step // to it, or to the farthest state
}

// table numbers things by what they consist of, and keeps their digests.
type table[T any] struct {
	things  []T
	digests [][]uint64 // by naming
	numbers map[[2]uint64]int32
}

// number is the thing's, which may be new.
func (t *table[T]) number(of tokens, thing T, all []naming, seed uint64) int32 {
	key := [2]uint64{of.digest(all[0], seed), of.digest(all[0], seed^secondSeed)}
	if n, ok := t.numbers[key]; ok {
		return n
	}
	digests := make([]uint64, len(all))
	for k, naming := range all {
		digests[k] = finish(of.digest(naming, seed))
	}
	n := int32(len(t.things))
	t.things, t.digests, t.numbers[key] = append(t.things, thing), append(t.digests, digests), n
	return n
}

func newExplorer(b bounds) *explorer {
	e := &explorer{
		bounds:    b,
		inspector: inspector{sessions: b.Reconnects > 0, known: map[string]bool{}},
		namings:   namings(b.Members),
		members:   table[*member]{numbers: map[[2]uint64]int32{}},
		messages:  table[wire.Message]{numbers: map[[2]uint64]int32{}},
		outcomes:  map[question]outcome{},
		visited:   map[uint64]struct{}{},
	}
	if b.Removals > 0 {
		// A leader that is removed prefers the lowest identity among equals for its
		// successor, so that members are not all alike.
		e.namings = e.namings[:1]
	}
	return e
}

func (e *explorer) numberMember(m *member) int32 {
	var t tokens
	e.inspector.describe(&t, m)
	return e.members.number(t, m, e.namings, memberSeed)
}

func (e *explorer) numberMessage(m wire.Message) int32 {
	var t tokens
	e.inspector.message(&t, &m)
	return e.messages.number(t, m, e.namings, messageSeed)
}

// digest is the same for all states that differ in nothing but who is who.
func (e *explorer) digest(s *state) uint64 {
	least := ^uint64(0)
	for k, naming := range e.namings {
		sum := s.memory.digest(naming)
		for _, m := range s.members[:e.bounds.Members] {
			sum += e.members.digests[m][k]
		}
		for _, m := range s.mail {
			sum += e.messages.digests[m][k]
		}
		least = min(least, finish(sum))
	}
	return least
}

// first is the state in which a founded cluster starts.
func (e *explorer) first() state {
	var s state
	for k := range e.bounds.Members {
		m, _ := start(wire.MemberID(k+1), 0, disk{hard: wire.HardState{Term: 1}, log: e.bounds.founded()})
		s.members[k] = e.numberMember(m)
	}
	return s
}

// run explores. Progress is told after every level.
func (e *explorer) run(progress func(depth, states, open int)) (r report) {
	began := time.Now()
	defer func() {
		e.report.Elapsed = time.Since(began)
		e.report.Bounds, e.report.States = e.bounds, len(e.ways)
		e.report.Members, e.report.Messages, e.report.Outcomes = len(e.members.things), len(e.messages.things), len(e.outcomes)
		r = e.report
	}()
	e.enter(e.first(), way{})
	for depth := 1; len(e.next) > 0; depth++ {
		if e.bounds.Depth > 0 && depth > e.bounds.Depth {
			return
		}
		e.level, e.next = e.next, e.level[:0]
		for k := range e.level {
			if !e.expand(&e.level[k]) {
				return
			}
			e.level[k].state.mail = nil
		}
		if len(e.next) > 0 {
			e.report.Depth = depth
			progress(depth, len(e.ways), len(e.next))
		}
	}
	e.report.Complete = true
	return
}

// enter notes a state, to go on from it if it is new.
func (e *explorer) enter(s state, w way) {
	d := e.digest(&s)
	if _, known := e.visited[d]; known {
		return
	}
	e.visited[d] = struct{}{}
	e.next = append(e.next, visit{s, uint32(len(e.ways))})
	e.ways = append(e.ways, w)
	if e.met != nil {
		e.met(&s)
	}
}

// expand takes every way on from a state. It says false when the exploration is over.
func (e *explorer) expand(v *visit) (goOn bool) {
	var in input
	defer func() {
		if p := recover(); p != nil {
			reason, ok := p.(violation)
			if !ok {
				panic(p)
			}
			e.report.Way = append(e.wayTo(v.number), step{input: in, text: in.tell(e.messageOf(in))})
			e.report.Err = brokenPromise(reason)
			goOn = false
		}
	}()
	for in = range e.inputs(&v.state) {
		e.report.Transitions++
		s := v.state
		e.apply(&s, in)
		e.enter(s, way{v.number, in})
	}
	return e.bounds.States == 0 || len(e.ways) < e.bounds.States
}

// apply lets an input happen, and judges what comes of it.
func (e *explorer) apply(s *state, in input) {
	k := int(in.to)
	before := e.members.things[s.members[k]]
	o := e.outcome(s.members[k], in)
	now := e.members.things[o.next]
	if in.kind == crash {
		// What it knew to be committed, it must hear again.
		unknowing := *before
		unknowing.status.Committed = 0
		unknowing.status.Role = raft.Follower
		before = &unknowing
	}
	s.members[k] = o.next
	if !e.plain {
		s.mail = e.living(s.mail, now)
	}
	e.post(s, o.sent)
	if now.status.Term > before.status.Term && !e.plain {
		e.spread(s, now)
	}
	if !e.plain {
		e.close(s, k, o.sent)
	}
	s.memory.count(in, s.memory.known)
	j := judge{members: e.things(s), memory: &s.memory}
	j.after(k, before, now)
	j.answered(now, o.answers)
	e.report.Commits = max(e.report.Commits, int(s.memory.known))
	e.report.Leaders = max(e.report.Leaders, s.memory.reigns())
}

func (e *explorer) things(s *state) []*member {
	all := make([]*member, e.bounds.Members)
	for k := range all {
		all[k] = e.members.things[s.members[k]]
	}
	return all
}

// post adds messages to the mail that can still do something to their receivers, and says
// whether any of them is new.
func (e *explorer) post(s *state, sent []int32) bool {
	before := len(s.mail)
	s.mail = with(s.mail, sent, func(n int32) bool {
		m := &e.messages.things[n]
		return int(m.To) <= e.bounds.Members && (e.plain || !dead(m, e.members.things[s.members[m.To-1]]))
	})
	return len(s.mail) > before
}

// living is the mail without what is dead to the member that has just changed. Others'
// mail has been looked at when they changed.
func (e *explorer) living(mail []int32, now *member) []int32 {
	kept := mail
	for k, n := range mail {
		m := &e.messages.things[n]
		if m.To == now.id && dead(m, now) {
			if len(kept) == len(mail) {
				kept = append(make([]int32, 0, len(mail)), mail[:k]...)
			}
			continue
		}
		if len(kept) < len(mail) {
			kept = append(kept, n)
		}
	}
	return kept
}

// close adds all that members say without changing: answers that follow from what they
// are already. More mail takes no way away, so that nothing is lost if such an answer is
// always given at once, and with it go all the states in which it is still to be given.
// Only mail for the member that has changed, or that is new, can bring such an answer.
func (e *explorer) close(s *state, changed int, sent []int32) {
	for _, n := range s.mail {
		if e.messages.things[n].To == wire.MemberID(changed+1) {
			e.answer(s, n)
		}
	}
	for _, n := range sent {
		e.answer(s, n)
	}
	s.mail = slices.DeleteFunc(slices.Clone(s.mail), func(n int32) bool {
		m := &e.messages.things[n]
		k := m.To - 1
		return spent(m, e.members.things[s.members[k]]) && e.outcome(s.members[k], input{deliver, uint8(k), n}).next == s.members[k]
	})
}

// spread lets the others hear that a member is in a later term.
func (e *explorer) spread(s *state, of *member) {
	for k := range e.bounds.Members {
		if to := wire.MemberID(k + 1); to != of.id {
			e.post(s, []int32{e.numberMessage(rumour(of.id, to, of.status.Term))})
		}
	}
}

// answer delivers a message if that leaves its receiver as it is, and what comes of it.
func (e *explorer) answer(s *state, n int32) {
	m := &e.messages.things[n]
	k := int(m.To) - 1
	if k >= e.bounds.Members {
		return
	}
	receiver := s.members[k]
	if !e.matters(m, e.members.things[receiver]) {
		return
	}
	in := input{deliver, uint8(k), n}
	o := e.outcome(receiver, in)
	if o.next != receiver || len(o.answers) > 0 {
		return
	}
	if !e.post(s, o.sent) {
		return
	}
	if e.told != nil {
		e.told(in)
	}
	for _, answer := range o.sent {
		e.answer(s, answer)
	}
}

// outcome asks the core, once for each question.
func (e *explorer) outcome(m int32, in input) outcome {
	q := question{m, in}
	if o, known := e.outcomes[q]; known {
		return o
	}
	steps := play(e.flaw.onDisk(e.members.things[m], in), in, e.messageOf(in), e.bounds.Unsaved == 0)
	o := outcome{next: e.numberMember(steps[len(steps)-1].after)}
	for _, d := range steps {
		for _, message := range d.orders.Send {
			if !e.bounds.PreVotes && (message.Kind == wire.PreVote || message.Kind == wire.PreVoteReply) {
				continue
			}
			o.sent = append(o.sent, e.numberMessage(e.flaw.onWire(message)))
		}
		o.answers = append(o.answers, d.orders.Reads...)
	}
	e.outcomes[q] = o
	return o
}

// messageOf is the message that an input delivers, or nil.
func (e *explorer) messageOf(in input) *wire.Message {
	if in.kind != deliver {
		return nil
	}
	return &e.messages.things[in.arg]
}
