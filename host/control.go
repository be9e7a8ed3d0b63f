package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

// Op is an operation on the cluster.
type Op string

const (
	// SetMembers makes Command.Members the members, each with its role.
	SetMembers Op = "set-members"
	// AddMember adds Command.Member, or gives a member its role.
	AddMember Op = "add-member"
	// RemoveMember removes the member with Command.Member's identity.
	RemoveMember Op = "remove-member"
	// SetRole gives the member with Command.Member's identity its role, once it has caught
	// up if it is to vote.
	SetRole Op = "set-role"
	// Transfer makes Command.Member lead; without an identity, anybody but From, the
	// most up-to-date first.
	Transfer Op = "transfer"
	// Survey changes nothing: it asks the leader how far the members are. The answer is
	// ControlDone.Survey.
	Survey Op = "survey"
	// Reach makes the log reach to Command.Index at least, with entries that do nothing.
	Reach Op = "reach"
	// prefer makes Command.Member lead, which is preferred, unless the leader is, too.
	prefer Op = "prefer"
	// move says that Command.Member listens at its Addr.
	move Op = "move"
	// join adds Command.Member as a learner, in place of a dead one of its name.
	join Op = "join"
	// tell changes nothing: Command.Note is for whom it is sent to, who need not lead.
	tell Op = "tell"
)

// Command is an operation with what it needs. All are idempotent: one that has been
// carried out already succeeds.
type Command struct {
	Op      Op
	Member  wire.Member   `json:",omitzero"`
	Members []wire.Member `json:",omitempty"`
	Note    []byte        `json:",omitempty"`
	Index   wire.Index    `json:",omitzero"`
	From    wire.MemberID `json:",omitzero"` // filled in: who led when it was first asked
	Force   bool          `json:",omitzero"` // though a quorum or the last copy may be lost: see caution.go
	// Versions are those that a newcomer understands.
	Versions wire.Versions `json:",omitzero"`
}

// ControlDone answers Control: Err is nil once the operation has taken effect.
type ControlDone struct {
	Token  uint64
	Survey []Progress
	Err    error
}

// Progress is how far a member is, as the leader knows it.
type Progress struct {
	ID     wire.MemberID
	Match  wire.Index // up to here its log is known to be durable and equal to the leader's
	Active bool       // it has answered within an election timeout
	// Snapshot is one that the leader sends it, nil if there is none: Match stands still
	// until it has arrived.
	Snapshot *SnapshotTransfer `json:",omitempty"`
}

// ErrRefused is under the answer to an operation that the leader would not carry out.
var ErrRefused = errors.New("refused")

// controls are operations: own ones, that wait for the leader's answer, and those
// that this member carries out as the leader.
type controls struct {
	own      []*request
	underWay []*operation
	forwards []*wire.Message // proposals of others that wait for their turn
	random   func() uint64
}

// request is an operation asked for on this member.
type request struct {
	id      uint64
	command Command
	asked   bool // a leader may have heard of it
	again   time.Duration
	answer  func([]Progress, error)
}

// operation is one that this leader carries out.
type operation struct {
	from    wire.MemberID
	id      uint64
	command Command
	started bool
	at      wire.Index    // of the entry that begins the change of members
	since   time.Duration // when it was first looked at
	goal    wire.Index    // what was in the log then
}

func (c *controls) init(random func() uint64) { c.random = random }

func (c *controls) due() time.Duration {
	due := never
	for _, r := range c.own {
		due = min(due, r.again)
	}
	return due
}

func (c *controls) leaderChanged() {
	for _, r := range c.own {
		r.again = 0
	}
	c.underWay = nil
}

// Control asks for an operation, on any member. It is repeated until the leader has
// answered or CancelControl.
func (h *Host) Control(token uint64, c Command) {
	h.request(token, c, func(survey []Progress, err error) {
		h.out.Controls = append(h.out.Controls, ControlDone{token, survey, err})
	})
}

func (h *Host) request(id uint64, c Command, answer func([]Progress, error)) {
	if h.standing.removed {
		answer(nil, h.outcomeOfRemoval(c))
		return
	}
	h.controls.own = append(h.controls.own, &request{id: id, command: c, answer: answer})
}

// CancelControl gives an operation up. It says whether no leader has ever heard of it;
// else it may still be carried out.
func (h *Host) CancelControl(token uint64) (neverAsked bool) {
	h.controls.own = slices.DeleteFunc(h.controls.own, func(r *request) bool {
		if r.id == token {
			neverAsked = !r.asked
		}
		return r.id == token
	})
	return neverAsked
}

// turnControls brings requests to the leader, and gets on with operations if this
// member is it.
func (h *Host) turnControls() {
	if h.view.Leader != 0 {
		for _, r := range slices.Clone(h.controls.own) {
			h.askLeader(r)
		}
	}
	if h.view.Role != raft.Leader {
		return
	}
	for _, o := range slices.Clone(h.controls.underWay) {
		done, err := h.carryOut(o)
		if done {
			h.controls.underWay = slices.DeleteFunc(h.controls.underWay, func(x *operation) bool { return x == o })
			h.answerOperation(o, err)
		}
	}
}

func (h *Host) askLeader(r *request) {
	if h.now < r.again {
		return
	}
	r.asked, r.again = true, h.now+h.retryAfter()
	if r.command.From == 0 {
		r.command.From = h.view.Leader
	}
	m := wire.Message{
		Kind: wire.Control, From: h.card.ID, To: h.view.Leader, Term: h.view.Term, ID: r.id, Data: encode(r.command),
	}
	if h.view.Leader == h.card.ID {
		h.onControl(&m)
		return
	}
	h.cfg.Transport.Send(h.contact.peer(m.To), &m)
}

// onControl takes an operation to carry out, once.
func (h *Host) onControl(m *wire.Message) {
	if h.hearNote(m) {
		return
	}
	same := func(o *operation) bool { return o.from == m.From && o.id == m.ID }
	if h.view.Role != raft.Leader || slices.ContainsFunc(h.controls.underWay, same) {
		return // who asked will ask again
	}
	o := &operation{from: m.From, id: m.ID, since: h.now, goal: h.core.Status().Last.Index}
	if err := json.Unmarshal(m.Data, &o.command); err != nil {
		h.answerOperation(o, fmt.Errorf("operation not understood: %w", err))
		return
	}
	h.controls.underWay = append(h.controls.underWay, o)
}

func (h *Host) answerOperation(o *operation, err error) {
	m := wire.Message{Kind: wire.ControlReply, From: h.card.ID, To: o.from, Term: h.view.Term, ID: o.id}
	switch {
	case err != nil:
		m.Reject, m.Data = true, []byte(err.Error())
	case o.command.Op == Survey:
		m.Data = encode(h.survey())
	}
	if o.from == h.card.ID {
		h.onControlReply(&m)
		return
	}
	h.cfg.Transport.Send(h.contact.peer(m.To), &m)
}

func (h *Host) onControlReply(m *wire.Message) {
	i := slices.IndexFunc(h.controls.own, func(r *request) bool { return r.id == m.ID })
	if i < 0 {
		return
	}
	r := h.controls.own[i]
	h.controls.own = slices.Delete(h.controls.own, i, i+1)
	if m.Reject {
		r.answer(nil, fmt.Errorf("%w: %s", ErrRefused, m.Data))
		return
	}
	var survey []Progress
	if len(m.Data) > 0 {
		if err := json.Unmarshal(m.Data, &survey); err != nil {
			r.answer(nil, fmt.Errorf("%w: the leader's answer is not understood: %w", ErrRefused, err))
			return
		}
	}
	r.answer(survey, nil)
}

// survey is how far the members are, this leader among them.
func (h *Host) survey() []Progress {
	s := h.core.Status()
	all := []Progress{{ID: s.ID, Match: s.Durable, Active: true}}
	for _, p := range s.Peers {
		all = append(all, Progress{ID: p.ID, Match: p.Match, Active: p.Active, Snapshot: h.sendingTo(p.ID)})
	}
	return all
}

// encode makes JSON of a value that holds nothing that JSON lacks.
func encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("host: encode %v: %v", v, err))
	}
	return data
}

// carryOut gets an operation on: begins it, or looks whether it has taken effect.
func (h *Host) carryOut(o *operation) (done bool, err error) {
	switch o.command.Op {
	case Survey:
		return true, nil
	case move:
		h.hearOf(o.command.Member)
		return true, nil
	case Transfer:
		return h.carryOutTransfer(o)
	case prefer:
		return h.carryOutPreference(o)
	case Reach:
		return h.carryOutReach(o)
	}
	if o.started {
		// Not whether the members still are those: somebody else may have changed them
		// again, and two who want the opposite would go on for ever.
		return h.applying.memberAt >= o.at && !h.applying.membership.Joint(), nil
	}
	target, err := h.target(o.command)
	if err != nil {
		return true, err
	}
	m := h.applying.membership
	if sameMembers(m.Members, target) && !m.Joint() && sameMembers(h.view.Membership.Members, target) {
		return true, nil
	}
	if ready, err := h.mayChange(o, target); !ready || err != nil {
		return err != nil, err
	}
	switch err := h.core.ChangeMembers(h.now, target); {
	case errors.Is(err, raft.ErrChangeInProgress), errors.Is(err, raft.ErrNotReady), errors.Is(err, raft.ErrTransferring):
		return false, nil // one change at a time: its turn will come
	case err != nil:
		return true, err
	}
	o.started, o.at = true, h.core.Status().MembershipAt
	h.execute(nil)
	return false, nil
}

func sameMembers(a, b []wire.Member) bool { return slices.Equal(a, b) }

func (h *Host) carryOutTransfer(o *operation) (done bool, err error) {
	to := o.command.Member.ID
	if to == h.card.ID || to == 0 && o.command.From != h.card.ID {
		return true, nil
	}
	if to == 0 {
		to = h.mostUpToDate()
	}
	if err := h.cannotLead(to); err != nil && !o.started {
		if errors.Is(err, errSilent) && h.inGrace(o) {
			return false, nil
		}
		return true, err
	}
	if o.started {
		if h.core.Status().Transferee != 0 {
			return false, nil
		}
		return true, fmt.Errorf("member %s did not take over in time", to)
	}
	o.started = true
	if err := h.core.Transfer(h.now, to); err != nil {
		return true, err
	}
	h.execute(nil)
	return false, nil
}

// mostUpToDate is the voter that could take over soonest, of those that answer if one does.
func (h *Host) mostUpToDate() (best wire.MemberID) {
	var match wire.Index
	answers := false
	for _, p := range h.core.Status().Peers {
		if !h.view.Membership.IsVoter(p.ID) || p.ID == h.card.ID {
			continue
		}
		reachable := h.reachable(p.ID)
		if best == 0 || reachable && !answers || reachable == answers && p.Match > match {
			best, match, answers = p.ID, p.Match, reachable
		}
	}
	return best
}

// target is the list of members that a command asks for, given those there are.
func (h *Host) target(c Command) ([]wire.Member, error) {
	now := h.view.Membership.Members
	switch c.Op {
	case SetMembers:
		if err := h.mayAdd(c.Members...); err != nil {
			return nil, err
		}
		m, err := wire.NewMembership(c.Members...)
		return m.Members, err
	case AddMember:
		if err := h.mayAdd(c.Member); err != nil {
			return nil, err
		}
		return replace(now, c.Member, c.Member.ID)
	case SetRole:
		return withRole(now, c.Member.ID, c.Member.Role)
	case RemoveMember:
		return replace(now, wire.Member{}, c.Member.ID)
	case join:
		if _, in := h.view.Membership.Find(c.Member.ID); !in {
			if err := h.mayJoin(c.Versions); err != nil {
				return nil, err
			}
		}
		return h.targetOfJoin(now, c.Member)
	}
	return nil, fmt.Errorf("unknown operation %q; is another member a newer version?", c.Op)
}

// replace puts member in the place of the one with identity id, or removes that one
// if member has no identity.
func replace(members []wire.Member, member wire.Member, id wire.MemberID) ([]wire.Member, error) {
	kept := slices.DeleteFunc(slices.Clone(members), func(m wire.Member) bool { return m.ID == id })
	if member.ID == 0 && len(kept) < len(members) && !slices.ContainsFunc(kept, isVoter) {
		return nil, errors.New("it is the only voter: without it the cluster would be gone; add another voter first")
	}
	if member.ID != 0 {
		kept = append(kept, member)
	}
	m, err := wire.NewMembership(kept...)
	return m.Members, err
}

func isVoter(m wire.Member) bool { return m.Role == wire.Voter }

// targetOfJoin adds a learner. One that bears the name of a member that cannot be
// reached takes its place: its disk was lost, and with it its identity. While that
// member is there, its name is taken.
func (h *Host) targetOfJoin(now []wire.Member, joiner wire.Member) ([]wire.Member, error) {
	for _, m := range now {
		if m.ID == joiner.ID {
			return now, nil
		}
		if m.Name != joiner.Name {
			continue
		}
		if m.ID == h.card.ID || h.reachable(m.ID) {
			return nil, fmt.Errorf("the name %q is taken by member %s, which is alive at %s; start the newcomer with another name", m.Name, m.ID, m.Addr)
		}
		kept, err := replace(now, wire.Member{}, m.ID)
		if err != nil {
			return nil, err
		}
		now = kept
	}
	joiner.Role = wire.Learner
	return replace(now, joiner, joiner.ID)
}

// reachable says whether a member has answered within an election timeout.
func (h *Host) reachable(id wire.MemberID) bool {
	for _, p := range h.core.Status().Peers {
		if p.ID == id {
			return p.Active && p.SinceContact < 2*h.cfg.Raft.ElectionTimeout
		}
	}
	return false
}
