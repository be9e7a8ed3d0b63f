package world

import (
	"strings"
	"time"

	"github.com/balsaraft/balsa/fsys/fault"
	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/wire"
)

// operation is one on the cluster that somebody waits for.
type operation struct {
	host.Command
	then func(error)
}

// administer changes the members now and then, as somebody would who looks first whether
// a change leaves enough of them.
func (w *World) administer() {
	if !w.acting {
		return
	}
	w.after(w.draw.between(200*time.Millisecond, 5*time.Second), w.administer)
	up := w.running()
	if len(up) == 0 {
		return
	}
	p := pick(w.draw, up).process
	if p.asleep || p.status.Removed || p.status.Core.ID == 0 {
		return
	}
	w.recountLost()
	switch w.draw.IntN(10) {
	case 0:
		w.addSeat()
	case 1:
		w.removeSomebody(p)
	case 2:
		w.changeRole(p)
	case 3:
		p.control(host.Command{Op: host.Transfer}, nil)
	case 4:
		if m := p.status.Core.Membership.Members; len(m) > 0 {
			p.control(host.Command{Op: host.Transfer, Member: pick(w.draw, m)}, nil)
		}
	case 5, 8, 9:
		w.replaceDisk()
	case 6:
		w.rot()
	case 7:
		w.count("snapshot-asked")
		p.host.TakeSnapshot(func(error) {})
		p.wake()
	}
}

// control asks for an operation on the cluster.
func (p *process) control(c host.Command, then func(error)) {
	p.token++
	token := p.token
	p.controls[token] = &operation{c, then}
	p.w.trace.line(p.seat.name, "is asked to %s %s %v", c.Op, c.Member, c.Members)
	p.host.Control(token, c)
	if p.w.acting && p.w.draw.one(2) {
		p.later(p.w.draw.between(time.Millisecond, 5*time.Second), func() { p.cancelControl(token) })
	}
	p.wake()
}

func (p *process) cancelControl(token uint64) {
	if p.controls[token] != nil {
		delete(p.controls, token)
		p.host.CancelControl(token)
		p.wake()
	}
}

func (p *process) controlled(c host.ControlDone) {
	if o := p.controls[c.Token]; o != nil {
		delete(p.controls, c.Token)
		p.w.count("control")
		p.w.trace.line(p.seat.name, "%s %s: %v", o.Op, o.Member, c.Err)
		if o.then != nil {
			o.then(c.Err)
		}
	}
}

const maxSeats = 9

// addSeat starts a newcomer that joins.
func (w *World) addSeat() {
	if len(w.seats) < maxSeats {
		w.newSeat(false).start()
	}
}

// removeSomebody removes a member, if enough remain that nobody has wiped.
func (w *World) removeSomebody(p *process) {
	members := p.status.Core.Membership.Members
	if len(members) == 0 || w.lost > 0 {
		return
	}
	m := pick(w.draw, members)
	if m.Role == wire.Voter && len(p.status.Core.Membership.Voters()) < 3 {
		return
	}
	c := host.Command{Op: host.RemoveMember, Member: m}
	if w.draw.one(3) {
		c = host.Command{Op: host.SetMembers, Members: without(members, m.ID)}
	}
	p.control(c, func(err error) {
		if err == nil && w.draw.one(3) {
			// It was a mistake: it comes back, with its old disk and in its old place.
			w.after(w.draw.between(0, time.Second), func() {
				if !p.dead && !p.asleep {
					p.control(host.Command{Op: host.AddMember, Member: m}, nil)
				}
			})
		}
	})
}

func without(members []wire.Member, id wire.MemberID) (kept []wire.Member) {
	for _, m := range members {
		if m.ID != id {
			kept = append(kept, m)
		}
	}
	return kept
}

// changeRole makes a voter of a learner or a learner of a voter.
func (w *World) changeRole(p *process) {
	members := p.status.Core.Membership.Members
	if len(members) == 0 || w.lost > 0 {
		return
	}
	m := pick(w.draw, members)
	switch {
	case m.Role == wire.Learner:
		m.Role = wire.Voter
	case len(p.status.Core.Membership.Voters()) < 3:
		return
	default:
		m.Role = wire.Learner
	}
	p.control(host.Command{Op: host.AddMember, Member: m}, nil)
}

// replaceDisk wipes a member's disk, if the others can do without it: one disk at a time,
// until the member that lived there is out of the cluster.
func (w *World) replaceDisk() {
	s := w.dispensable()
	if s == nil {
		return
	}
	w.trace.line(s.name, "loses its disk")
	w.count("wiped")
	w.lost++
	if s.process != nil {
		s.process.die(false, "with its disk")
	}
	s.wipe()
	if w.draw.one(2) {
		s.founder = false // it is started again with other options
	}
}

// rot damages a file of a member that the others can do without, if it has damage at all
// that can be told from what a crash leaves: none in the last segment of its log.
func (w *World) rot() {
	w.recountLost()
	s := w.dispensable()
	if !w.faults.rot || s == nil {
		return
	}
	s.dieAfter = -1 // these operations are not its own
	names, err := s.disk.List()
	if err != nil {
		return
	}
	logs, others := fileNames(names)
	if files := append(others, logs[:max(0, len(logs)-1)]...); len(files) > 0 {
		name := pick(w.draw, files)
		if s.damage(name) {
			w.trace.line(s.name, "has rot in %s", name)
			w.count("rotten")
			s.rotten = s.id
			w.judge.rules.excused[s.id] = true
			w.lost++
			if s.process != nil && !w.draw.one(3) {
				s.process.die(w.draw.one(2), "and its files rot")
			}
		}
	}
}

// fileNames sorts the files of a member into segments of its log and others that hold
// something.
func fileNames(names []string) (logs, others []string) {
	for _, name := range names {
		switch {
		case strings.HasPrefix(name, "wal-"):
			logs = append(logs, name)
		case name == "member", strings.HasPrefix(name, "snap-"):
			others = append(others, name)
		}
	}
	return logs, others
}

// damage flips a bit of a file, clears a sector of it or puts another one in its place, for
// ever or for one look.
func (s *seat) damage(name string) bool {
	file, err := s.disk.Open(name)
	if err != nil {
		return false
	}
	defer file.Close()
	size, err := file.Size()
	if err != nil || size == 0 {
		return false
	}
	d := s.w.draw
	sectors := (size + fault.SectorSize - 1) / fault.SectorSize
	switch {
	case d.one(2) && sectors > 1:
		s.w.count("rot-misplaced")
		to := d.Int64N(sectors)
		return s.disk.MisplaceSector(name, (to+1+d.Int64N(sectors-1))%sectors, to) == nil
	case d.one(3):
		// It is whole, and is read otherwise, once.
		s.w.count("rot-read")
		s.rules = append(s.rules, s.disk.Inject(fault.Rule{Op: fault.Read, File: name, Times: 1, Effect: fault.Corrupt}))
		return true
	case d.one(2):
		s.w.count("rot-sector")
		return s.disk.ZeroSector(name, d.Int64N(sectors)) == nil
	}
	s.w.count("rot-bit")
	return s.disk.FlipBit(name, d.Int64N(8*size)) == nil
}

// dispensable is a seat whose member the others can do without, nil if none was found.
func (w *World) dispensable() *seat {
	for range 3 {
		s := pick(w.draw, w.seats)
		if w.lost == 0 && !s.retired && s.id != 0 && w.canDoWithout(s.id) {
			return s
		}
	}
	return nil
}

// canDoWithout says whether each membership that any member holds has a quorum without
// one of its members, and that none is in transition.
func (w *World) canDoWithout(id wire.MemberID) bool {
	known := false
	for _, s := range w.seats {
		if s.process == nil {
			return false // who knows what it holds
		}
		m := s.process.status.Core.Membership
		if m.Joint() || m.Empty() || s.process.status.Removed {
			return false
		}
		voters := m.Voters()
		if m.IsVoter(id) && len(voters) < 3 {
			return false
		}
		known = true
	}
	return known
}

// recountLost counts the wiped members that some membership still lists.
func (w *World) recountLost() {
	w.lost = 0
	gone := w.gone
	for _, s := range w.seats {
		if s.rotten != 0 && s.rotten == s.id || w.odd[s.id] {
			w.lost++ // it may find out at any time
		} else if s.rotten != 0 {
			gone = append(gone[:len(gone):len(gone)], s.rotten)
		}
	}
	for _, id := range gone {
		for _, s := range w.seats {
			if s.process == nil {
				continue
			}
			if _, in := s.process.status.Core.Membership.Find(id); in {
				w.lost++
				break
			}
		}
	}
}
