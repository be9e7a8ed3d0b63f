package world

import (
	"errors"
	"slices"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/wire"
)

// In some worlds members run programs of several versions, each of which knows the commands
// of those before it and one kind more. Members are upgraded one by one, and now and then one
// goes back. A program that meets a command that it does not know would make its state differ
// from the others': that is a broken promise.

// program is the version of what runs on a seat: 0 knows of no versions.
type program uint32

const newestProgram program = 3

// versions are the cluster versions that it understands.
func (p program) versions() wire.Versions {
	if p == 0 {
		return wire.Versions{}
	}
	return wire.Versions{Newest: wire.ClusterVersion{Log: 1, Commands: uint32(p)}}
}

// A command begins with its number, whose highest byte is its version: programs below it do not
// know it.
const versionAt = 56

// cutNumber takes a command's first word apart.
func cutNumber(word uint64) (number uint64, version program) {
	return word & (1<<versionAt - 1), program(word >> versionAt)
}

// drawUpgrades decides whether programs differ in this world. It has chance of its own, so that
// the worlds without stay what they were before there were versions.
func (w *World) drawUpgrades(seed uint64) {
	d := newDraw(seed, 0x75706772616465)
	w.faults.upgrades = d.one(4) || w.mode == Safety
	w.oldest = program(d.IntN(2))
}

// programOf is what runs on a new seat: what founders all have, or whatever others may have
// come to since.
func (w *World) programOf() program {
	p := w.version
	if w.faults.upgrades {
		p = max(p, w.oldest)
	}
	for _, s := range w.seats {
		p = max(p, s.program)
	}
	return p
}

// drawVersion is a version, in a command's first word, that a member may use by now.
func (p *process) drawVersion() uint64 {
	if !p.w.faults.upgrades {
		return 0
	}
	return uint64(p.w.draw.IntN(int(p.host.ClusterVersion().Commands)+1)) << versionAt
}

// upgrade gives a seat the next program, or, once in a while, the one before; and soon
// another one.
func (w *World) upgrade() {
	if !w.acting {
		return
	}
	w.after(w.draw.between(0, w.shape.length/10), w.upgrade)
	list := slices.DeleteFunc(w.running(), func(s *seat) bool { return s.program == newestProgram })
	if w.draw.one(4) {
		list = slices.DeleteFunc(w.running(), func(s *seat) bool { return s.program == 0 || s.stepsBack })
		if len(list) > 0 {
			w.exchangeProgram(pick(w.draw, list), -1)
		}
		return
	}
	if len(list) > 0 {
		w.exchangeProgram(pick(w.draw, list), 1)
	}
}

// exchangeProgram ends what runs on a seat; what starts there next is of another version.
func (w *World) exchangeProgram(s *seat, by int) {
	if s.process.asleep {
		return
	}
	s.process.close()
	s.program = program(int(s.program) + by)
	s.stepsBack = by < 0
	w.count(map[bool]string{true: "went-back", false: "upgraded"}[by < 0])
	w.trace.line(s.name, "gets program %d", s.program)
}

// tooOld takes the error of a seat whose member does not understand the cluster, and gives it
// a program that does, as the error says. That may only come to one that went back, and to one
// that was no member when the version rose and was added by somebody else since.
func (s *seat) tooOld(err error) bool {
	if !errors.Is(err, host.ErrClusterVersion) || s.program >= s.w.version || !s.stepsBack && !s.wasAway() {
		return false
	}
	s.w.count("too-old-to-start")
	s.program, s.stepsBack = s.w.version, false
	s.w.trace.line(s.name, "gets program %d", s.program)
	return true
}

// wasAway says whether the version rose above the seat's program while its member was none.
func (s *seat) wasAway() bool {
	for v := s.program + 1; v <= newestProgram; v++ {
		if asked := s.w.rises[v]; asked != nil {
			return !slices.Contains(asked, s.id)
		}
	}
	return false
}

// sawVersion notes how far any member thinks that the cluster's version has come.
func (w *World) sawVersion(s *host.Status) {
	w.version = max(w.version, program(s.Core.Membership.Version.Commands))
}

// judgeEntry: no command stands in the log before all understand it, and the version that says
// so never falls.
func (m *machine) judgeEntry(index wire.Index, e wire.Entry) {
	if e.Kind != wire.KindMembership {
		return
	}
	members, err := wire.DecodeMembership(e.Payload)
	if err != nil {
		broken("%s applies a membership at %d that cannot be read: %v", m.who, index, err)
	}
	v := program(members.Version.Commands)
	switch {
	case v < m.version:
		broken("at entry %d the cluster's version falls from %d to %d", index, m.version, v)
	case v > m.seat.program:
		broken("%s applies that the version is %d, and its program is %d", m.who, v, m.seat.program)
	}
	if w := m.seat.w; v > m.version && w.rises[v] == nil {
		for _, a := range members.All() {
			w.rises[v] = append(w.rises[v], a.ID)
		}
	}
	m.version, m.knowsVersion = v, m.knowsVersion || index == 1
}

// judgeCommand looks at the version of a command that is to be applied.
func (m *machine) judgeCommand(index wire.Index, v program) {
	switch {
	case v > m.seat.program:
		broken("%s applies a command of version %d at entry %d, and its program is %d", m.who, v, index, m.seat.program)
	case v > m.version && m.knowsVersion:
		broken("entry %d is of version %d, and the cluster's is %d there", index, v, m.version)
	}
}

// upgradeAll gives all who will be there in the end one program at least that the cluster
// needs, so that nobody who was wiped meanwhile is kept out for good.
func (w *World) upgradeAll() {
	most := w.version
	for _, s := range w.seats {
		most = max(most, s.program)
	}
	for _, s := range w.seats {
		if s.isolated || s.program == most {
			continue
		}
		s.program, s.stepsBack = most, false
		if s.process != nil {
			s.process.awake()
			s.process.close()
		}
	}
}

// mustRise: once all members have a program, the cluster has its version.
func (w *World) mustRise() {
	if !w.faults.upgrades || slices.ContainsFunc(w.seats, isIsolated) {
		return
	}
	w.mustBecome(func() string {
		w.recountLost()
		for _, s := range w.sound() {
			if got := program(s.process.status.Version.Commands); got != s.program && w.lost == 0 && !s.process.status.Removed {
				return s.name + " holds the cluster for one of version " + s.process.status.Version.String() + " and not " + s.program.versions().Newest.String()
			}
		}
		return ""
	})
	w.count("version-rose")
}
