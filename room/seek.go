package room

import "time"

// Standing is whether somebody in a room belongs to the cluster that lives there.
type Standing string

const (
	Silent    Standing = ""          // it has not said yet
	Seeking   Standing = "seeking"   // it belongs to none, and looks for one
	Belonging Standing = "belonging" // it belongs
)

// Settling is how long it takes those who belong to a room to come back to an introducer
// that was away: for so long, that nobody is there means nothing.
const Settling = 3 * time.Second

// MostPause bounds the pause between two attempts to reach an introducer. With chance on
// top and the time to connect it is within Settling.
const MostPause = 2 * time.Second

// View is what a member that belongs to no cluster sees of its room.
type View struct {
	Seat    Seat       `json:"seat"`    // its own
	Settled bool       `json:"settled"` // all who belong here have had the time to come back
	Others  []Neighbor `json:"others"`  // all others who are there
}

// Neighbor is somebody else in a room.
type Neighbor struct {
	Seat     Seat     `json:"seat"`
	Standing Standing `json:"standing"`
	Late     bool     `json:"late"` // it has been there for Settling
}

// Seek says what such a member does: it joins those on some seats, it founds a cluster,
// or, if neither, it waits. Of several who come into an empty room, the one on the first
// seat founds, and the others wait until it has. Somebody who stays silent may belong, in
// a window that its browser has frozen: it is not passed over.
func (v View) Seek() (join []Seat, found bool) {
	var silent []Seat
	first, early := true, false
	for _, n := range v.Others {
		switch {
		case n.Standing == Belonging:
			join = append(join, n.Seat)
		case n.Standing == Seeking:
			first = first && v.Seat < n.Seat
		case n.Late:
			silent = append(silent, n.Seat)
		default:
			early = true
		}
	}
	switch {
	case len(join) > 0:
		return join, false
	case early:
		return nil, false
	case len(silent) > 0:
		return silent, false
	}
	return nil, v.Settled && first
}
