// Package quorum is the arithmetic of majorities: how far a majority has come, and
// how a vote stands, in one configuration and in two at once (paper §6). It knows
// numbers only; who the voters are and what is counted is the caller's business.
package quorum

import (
	"cmp"
	"slices"
)

// Reached is the largest value that a majority of the voters has reached or passed,
// given the value of each voter. It orders values in place. Without voters there is
// no majority, and the answer is zero.
func Reached[T cmp.Ordered](values []T) T {
	if len(values) == 0 {
		var nothing T
		return nothing
	}
	slices.Sort(values)
	return values[(len(values)-1)/2]
}

// JointReached is the largest value that a majority of each configuration has
// reached. Without outgoing voters only the incoming configuration counts.
func JointReached[T cmp.Ordered](incoming, outgoing []T) T {
	if len(outgoing) == 0 {
		return Reached(incoming)
	}
	return min(Reached(incoming), Reached(outgoing))
}

// Result is how a vote stands.
type Result uint8

const (
	// Pending votes can still be won and lost.
	Pending Result = iota
	// Won votes have a majority for them.
	Won
	// Lost votes cannot get a majority any more.
	Lost
)

func (r Result) String() string {
	switch r {
	case Won:
		return "won"
	case Lost:
		return "lost"
	}
	return "pending"
}

// Tally counts the answers of one configuration's voters.
type Tally struct{ Voters, Granted, Rejected int }

// Result is how the vote stands in this configuration. Nobody wins a vote that has
// no voters.
func (t Tally) Result() Result {
	majority := t.Voters/2 + 1
	switch {
	case t.Granted >= majority:
		return Won
	case t.Voters-t.Rejected < majority:
		return Lost
	}
	return Pending
}

// JointResult is how the vote stands when both configurations must agree. Without
// outgoing voters only the incoming configuration counts.
func JointResult(incoming, outgoing Tally) Result {
	a, b := incoming.Result(), outgoing.Result()
	switch {
	case outgoing.Voters == 0:
		return a
	case a == Lost || b == Lost:
		return Lost
	case a == Won && b == Won:
		return Won
	}
	return Pending
}
