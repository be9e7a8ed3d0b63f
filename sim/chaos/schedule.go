//go:build linux

package main

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// fault is something that happens to a cluster. It ends with the cluster as it was, or
// with a cluster that gets there by itself.
type fault struct {
	name   string
	weight int                     // how often it comes, beside the others of its hand
	lacks  func(c *cluster) string // why it cannot be done here, "" if it can
	do     func(h *hand) error
}

// errNoOccasion says that a fault was left out: the cluster was not whole soon enough to
// bear it, no sync came to be met, or there is nobody left to join.
var errNoOccasion = errors.New("no occasion")

// hand does one fault after the other. There are two, one for processes and their
// disks and one for the network, so that faults of both kinds meet.
type hand struct {
	*cluster
	ctx    context.Context // ends with the chapter's faults
	random *rand.Rand
	faults []fault
}

// run does faults until the chapter's end.
func (h *hand) run() {
	if len(h.faults) == 0 {
		return
	}
	for h.wait(time.Duration(h.random.Int64N(int64(h.chapter / 10)))) {
		f := h.pick()
		h.report.detail("%s", f.name)
		switch err := f.do(h); {
		case errors.Is(err, errNoOccasion):
			h.report.noOccasion(f.name)
		case err != nil:
			h.report.finding("the run itself: " + f.name + ": " + err.Error())
			return
		default:
			h.report.count(f.name)
		}
	}
}

func (h *hand) pick() fault {
	total := 0
	for _, f := range h.faults {
		total += f.weight
	}
	n := h.random.IntN(total)
	for _, f := range h.faults {
		if n -= f.weight; n < 0 {
			return f
		}
	}
	panic("chaos: weights do not add up")
}

// wait lets time pass; false says that the chapter's faults are over.
func (h *hand) wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-h.ctx.Done():
		return false
	}
}

// lasting is how long a fault lasts: from 20 ms to a quarter of the chapter, short ones
// as likely as long ones.
func (h *hand) lasting() time.Duration {
	low, high := math.Log(float64(20*time.Millisecond)), math.Log(float64(h.chapter/4))
	return time.Duration(math.Exp(low + h.random.Float64()*(high-low)))
}

// victim is the leader as often as not, else any member.
func (h *hand) victim() *member {
	all := h.all()
	other := all[h.random.IntN(len(all))]
	if h.random.IntN(2) == 0 {
		if leader, _ := h.leader(); leader != nil {
			return leader
		}
	}
	return other
}

// some are so many members, by chance.
func (h *hand) some(count int) []*member {
	all := h.all()
	h.random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:min(count, len(all))]
}

// possible are the faults of a list that were asked for and can be done; why another
// cannot is reported.
func (c *cluster) possible(faults []fault) (can []fault) {
	for _, f := range faults {
		if c.only != "" && !slices.Contains(strings.Split(c.only, ","), f.name) {
			continue
		}
		if f.lacks != nil {
			if why := f.lacks(c); why != "" {
				c.report.skip(f.name, why)
				continue
			}
		}
		can = append(can, f)
	}
	return can
}
