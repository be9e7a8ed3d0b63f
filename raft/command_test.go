package raft_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

// commands are what a scenario may say. Nothing happens until it is said: run lets all
// that is under way come to rest without time passing, and advance lets time pass.
//
//	cluster voters=3 learners=1 leader=1 maxvoters=5 replace=2000 observer=4 inflight=2 message=100 uncommitted=1000
//	join 4                      start a member that knows nothing
//	campaign 1 | stepdown 1 | transfer 1 to=2
//	propose 1 x=1 y=2 bytes=10  one entry a command, appended at once
//	change 1 voters=1,2 learners=3
//	read 1 | read 1 lease       answers are printed as they come
//	compact 1 to=3
//	crash 1 | crash 1 gone      gone: the others are told that connecting is refused
//	restart 1 | restart 1 empty empty: with nothing on its disk; links are made anew
//	linkup 1 2 | linkdown 1 2 | linkdown 1 2 gone      tell 1 about its link to 2
//	cut 1>2 | cut 1 from=2,3    what is sent there is lost; without > both ways
//	heal | heal 1>2 | heal 1 from=2
//	hold 1>2 | hold 1 from=2    what is sent there stays on the way; release ends it
//	deliver 1>2 append last     one direction, perhaps one kind, perhaps first or last
//	drop, duplicate, reverse    likewise
//	inject 3>1 append term=2 pos=2/2 commit=3 entries=2/3,2/4    a message nobody here sent
//	stall 1 | unstall 1 | save 1 | save 1 count=2      a disk that waits to be told
//	run | advance 1s | advance 1 1s     the latter: the clock of 1 alone
//	advance 1 1s paused         1 stands still meanwhile: it is not even ticked
//	messages | log 1 | members | peers 1 | trace on | trace off
var commands = map[string]func(*scenario, words){
	"cluster": (*scenario).cluster, "join": (*scenario).join,
	"campaign": (*scenario).campaign, "stepdown": (*scenario).stepdown, "transfer": (*scenario).transfer,
	"propose": (*scenario).propose, "change": (*scenario).change, "read": (*scenario).read, "compact": (*scenario).compact,
	"crash": (*scenario).crash, "restart": (*scenario).restart,
	"linkup": (*scenario).linkUp, "linkdown": (*scenario).linkDown,
	"cut": (*scenario).cut, "heal": (*scenario).heal, "hold": (*scenario).hold, "release": (*scenario).release,
	"deliver": (*scenario).deliver, "drop": (*scenario).drop, "duplicate": (*scenario).duplicate, "reverse": (*scenario).reverse,
	"inject": (*scenario).inject,
	"stall":  (*scenario).stall, "unstall": (*scenario).unstall, "save": (*scenario).save,
	"run": (*scenario).settle, "advance": (*scenario).advance,
	"messages": (*scenario).messages, "log": (*scenario).log, "members": (*scenario).membersOf, "peers": (*scenario).peers,
	"trace": (*scenario).trace,
}

// words are a command's arguments: those with a name, and the others in order.
type words struct {
	t     *testing.T
	line  string
	plain []string
	named map[string]string
	order []string // as written, for propose
}

func parse(t *testing.T, line string, all []string) words {
	a := words{t: t, line: line, named: map[string]string{}, order: all}
	for _, word := range all {
		if name, value, ok := strings.Cut(word, "="); ok {
			a.named[name] = value
		} else {
			a.plain = append(a.plain, word)
		}
	}
	return a
}

func (a words) fail(why string) { a.t.Fatalf("%q: %s", a.line, why) }

func (a words) number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		a.fail(err.Error())
	}
	return n
}

// get is a named number, or 0.
func (a words) get(name string) int {
	if a.named[name] == "" {
		return 0
	}
	return a.number(a.named[name])
}

func (a words) id(k int) wire.MemberID {
	if k >= len(a.plain) {
		a.fail("no member is named")
	}
	return wire.MemberID(a.number(a.plain[k]))
}

func (a words) duration(k int) time.Duration {
	d, err := time.ParseDuration(a.plain[k])
	if err != nil {
		a.fail(err.Error())
	}
	return d
}

// pos reads a position as positions print.
func (a words) pos(text string) wire.Pos {
	term, index, ok := strings.Cut(text, "/")
	if !ok {
		a.fail("no position: " + text)
	}
	return wire.Pos{Term: wire.Term(a.number(term)), Index: wire.Index(a.number(index))}
}

func (a words) has(word string) bool { return slices.Contains(a.plain, word) }

func (a words) ids(name string) []wire.MemberID {
	var ids []wire.MemberID
	for part := range strings.SplitSeq(a.named[name], ",") {
		if part != "" {
			ids = append(ids, wire.MemberID(a.number(part)))
		}
	}
	return ids
}

// links are directions: those that are spelled out, or all between a member and those
// that it is cut off from.
func (a words) links(s *scenario) []link {
	var links []link
	for _, word := range a.plain {
		if from, to, ok := strings.Cut(word, ">"); ok {
			links = append(links, link{wire.MemberID(a.number(from)), wire.MemberID(a.number(to))})
		}
	}
	if len(links) > 0 {
		return links
	}
	id, others := a.id(0), a.ids("from")
	if len(others) == 0 {
		for _, m := range s.w.members {
			others = append(others, m.id)
		}
	}
	for _, o := range others {
		if o != id {
			links = append(links, link{id, o}, link{o, id})
		}
	}
	return links
}

func (s *scenario) who(a words) *member {
	m := s.w.member(a.id(0))
	if m == nil {
		a.fail("there is no such member")
	}
	return m
}

// refused prints why a request was not taken.
func (s *scenario) refused(m *member, what string, err error) {
	if err != nil {
		s.print("%s refuses to %s: %s", m.id, what, strings.TrimPrefix(err.Error(), "raft: "))
	}
}

func (s *scenario) cluster(a words) {
	s.w.cfg = raft.Config{
		MaxVoters: a.get("maxvoters"), ReplaceAfter: time.Duration(a.get("replace")) * time.Millisecond, MaxInflight: a.get("inflight"),
		MaxMessageBytes: a.get("message"), MaxUncommittedBytes: a.get("uncommitted"),
	}
	if observer := a.get("observer"); observer != 0 {
		s.w.cfg.MayVote = func(m wire.Member) bool { return m.ID != wire.MemberID(observer) }
	}
	var members []wire.Member
	for id := 1; id <= a.get("voters")+a.get("learners"); id++ {
		role := wire.Voter
		if id > a.get("voters") {
			role = wire.Learner
		}
		members = append(members, wire.Member{ID: wire.MemberID(id), Role: role})
	}
	s.w.found(members...)
	if id := a.get("leader"); id > 0 {
		s.settle(a) // who votes alone leads already
		s.w.do(s.w.member(wire.MemberID(id)), func(r *raft.Raft) { r.Campaign(0) })
		s.settle(a)
	}
}

func (s *scenario) join(a words) { s.w.start(s.w.add(a.id(0))) }

func (s *scenario) campaign(a words) {
	m := s.who(a)
	s.w.do(m, func(r *raft.Raft) { r.Campaign(m.now) })
}

func (s *scenario) stepdown(a words) {
	m := s.who(a)
	s.w.do(m, func(r *raft.Raft) { r.StepDown(m.now) })
}

func (s *scenario) transfer(a words) {
	m := s.who(a)
	s.w.do(m, func(r *raft.Raft) { s.refused(m, "hand over", r.Transfer(m.now, wire.MemberID(a.get("to")))) })
}

func (s *scenario) propose(a words) {
	m := s.who(a)
	var texts []string
	for _, word := range a.order[1:] {
		if !strings.HasPrefix(word, "bytes=") {
			texts = append(texts, word)
		}
	}
	_, err := s.w.propose(m, texts, max(1, a.get("bytes")))
	s.refused(m, "append "+strings.Join(texts, " "), err)
}

func (s *scenario) change(a words) {
	m := s.who(a)
	var members []wire.Member
	for _, id := range a.ids("voters") {
		members = append(members, wire.Member{ID: id, Role: wire.Voter})
	}
	for _, id := range a.ids("learners") {
		members = append(members, wire.Member{ID: id, Role: wire.Learner})
	}
	s.w.do(m, func(r *raft.Raft) { s.refused(m, "change members", r.ChangeMembers(m.now, members)) })
}

func (s *scenario) read(a words) {
	s.reads++
	s.w.read(s.who(a), s.reads, a.has("lease"))
}

func (s *scenario) compact(a words) { s.w.compact(s.who(a), wire.Index(a.get("to"))) }

func (s *scenario) crash(a words) {
	m := s.who(a)
	s.w.crash(m)
	for _, o := range s.w.members {
		if a.has("gone") && o.up() && !s.w.cut[link{o.id, m.id}] {
			s.w.step(o, raft.LinkDown{ID: m.id, Gone: true})
		}
	}
}

// restart starts a member again, and tells all that they have a new connection.
func (s *scenario) restart(a words) {
	m := s.who(a)
	if m.up() {
		a.fail("it is running")
	}
	if a.has("empty") {
		m.disk = disk{}
		s.w.judge.wiped(m.id)
	}
	s.w.start(m)
	for _, o := range s.w.members {
		if o != m && o.up() && !s.w.cut[link{o.id, m.id}] {
			s.w.step(o, raft.LinkDown{ID: m.id, Gone: true})
			s.w.step(o, raft.LinkUp{ID: m.id})
			s.w.step(m, raft.LinkUp{ID: o.id})
		}
	}
}

func (s *scenario) linkUp(a words) {
	s.w.step(s.who(a), raft.LinkUp{ID: a.id(1)})
}

func (s *scenario) linkDown(a words) {
	s.w.step(s.who(a), raft.LinkDown{ID: a.id(1), Gone: a.has("gone")})
}

func (s *scenario) cut(a words) {
	for _, l := range a.links(s) {
		s.w.cut[l] = true
	}
}

func (s *scenario) heal(a words) {
	if len(a.plain) == 0 {
		clear(s.w.cut)
		return
	}
	for _, l := range a.links(s) {
		delete(s.w.cut, l)
	}
}

func (s *scenario) hold(a words) {
	for _, l := range a.links(s) {
		s.w.held[l] = true
	}
}

func (s *scenario) release(a words) {
	if len(a.plain) == 0 {
		clear(s.w.held)
		return
	}
	for _, l := range a.links(s) {
		delete(s.w.held, l)
	}
}

// chosen are the places of the letters that a command names, in order.
func (s *scenario) chosen(a words) []int {
	wanted := a.links(s)
	kind := ""
	for _, word := range a.plain {
		if !strings.Contains(word, ">") && word != "first" && word != "last" {
			kind = word
		}
	}
	var places []int
	for k, l := range s.w.mail {
		if slices.Contains(wanted, l.link()) && (kind == "" || l.Kind.String() == kind) {
			places = append(places, k)
		}
	}
	switch {
	case len(places) == 0:
		a.fail("no such message is on the way")
	case a.has("first"):
		return places[:1]
	case a.has("last"):
		return places[len(places)-1:]
	}
	return places
}

func (s *scenario) deliver(a words) {
	for n, k := range s.chosen(a) {
		// Each that was delivered is gone; what it caused was added at the end.
		s.w.deliver(k - n)
	}
}

func (s *scenario) drop(a words) {
	for n, k := range s.chosen(a) {
		l := s.w.mail[k-n]
		s.w.mail = slices.Delete(s.w.mail, k-n, k-n+1)
		s.w.lose(l)
	}
}

func (s *scenario) duplicate(a words) {
	for _, k := range s.chosen(a) {
		s.w.mail = append(s.w.mail, s.w.mail[k])
	}
}

func (s *scenario) reverse(a words) {
	places := s.chosen(a)
	for i, j := 0, len(places)-1; i < j; i, j = i+1, j-1 {
		mail := s.w.mail
		mail[places[i]], mail[places[j]] = mail[places[j]], mail[places[i]]
	}
}

// inject puts a message on the way that none of these members sent: one that is very
// late, or that another version would send.
func (s *scenario) inject(a words) {
	l := a.links(s)[0]
	m := wire.Message{
		From: l.from, To: l.to, Reject: a.has("reject"), Force: a.has("force"), Lease: a.has("lease"),
		Term: wire.Term(a.get("term")), Commit: wire.Index(a.get("commit")), Index: wire.Index(a.get("index")),
		Session: uint64(a.get("session")), Round: uint64(a.get("round")), ID: uint64(a.get("id")),
	}
	for kind := wire.PreVote; kind <= wire.ReadIndexReply; kind++ {
		if a.has(kind.String()) {
			m.Kind = kind
		}
	}
	if m.Kind == 0 {
		a.fail("no kind of message is named")
	}
	if a.named["pos"] != "" {
		m.Pos = a.pos(a.named["pos"])
	}
	var entries []entry
	for part := range strings.SplitSeq(a.named["entries"], ",") {
		if part != "" {
			entries = append(entries, entry{term: a.pos(part).Term, text: s.w.judge.identity[a.pos(part)].text, bytes: 1})
		}
	}
	m.Spans = spansOf(m.Pos.Index+1, entries, 100)
	s.w.mail = append(s.w.mail, letter{Message: m, entries: entries})
}

func (s *scenario) stall(a words) { s.who(a).stalled = true }

func (s *scenario) unstall(a words) { s.who(a).stalled = false }

func (s *scenario) save(a words) {
	m := s.who(a)
	n := len(m.pending)
	if count := a.get("count"); count > 0 {
		n = min(n, count)
	}
	s.w.save(m, n)
}

func (s *scenario) settle(a words) {
	if !s.w.settle() {
		a.fail("it never comes to rest")
	}
}

func (s *scenario) advance(a words) {
	if len(a.plain) == 1 {
		s.passTime(a.duration(0))
		return
	}
	d := a.duration(1)
	m := s.who(a)
	m.now += d
	if a.has("paused") {
		return
	}
	if m.up() && m.core.Deadline() <= m.now {
		s.w.step(m, raft.Tick{})
	}
}

func (s *scenario) passTime(d time.Duration) {
	if !s.w.pass(d) {
		s.t.Fatalf("time stands still: something is due without end")
	}
}

func (s *scenario) messages(words) {
	for _, l := range s.w.mail {
		s.print("%s", l.Message)
	}
}

func (s *scenario) log(a words) {
	m := s.who(a)
	line := m.id.String() + " log"
	if m.log.start.Index > 0 {
		line += " after " + m.log.start.String()
	}
	for i := m.log.start.Index + 1; i <= m.log.last().Index; i++ {
		line += " " + m.log.pos(i).String() + ":" + strings.ReplaceAll(m.log.at(i).text, " ", ",")
	}
	s.print("%s", line)
}

func (s *scenario) membersOf(words) {
	for _, m := range s.w.members {
		if m.up() {
			s.print("%s knows %s", m.id, m.core.Status().Membership)
		}
	}
}

func (s *scenario) peers(a words) {
	for _, p := range s.who(a).core.Status().Peers {
		active := " silent"
		if p.Active {
			active = ""
		}
		s.print("%s sees %s %s match=%d next=%d%s", a.plain[0], p.ID, p.State, p.Match, p.Next, active)
	}
}

func (s *scenario) trace(a words) {
	s.w.delivering = nil
	if a.has("on") {
		s.w.delivering = func(l letter) { s.print("  %s", l.Message) }
	}
}
