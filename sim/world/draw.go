package world

import (
	"math/rand/v2"
	"time"
)

// draw is the world's chance.
type draw struct{ *rand.Rand }

func newDraw(seed, of uint64) draw { return draw{rand.New(rand.NewPCG(seed, of))} }

// one says yes once in n times.
func (d draw) one(n int) bool { return d.IntN(n) == 0 }

func (d draw) chance(share float64) bool { return share > 0 && d.Float64() < share }

func (d draw) between(low, high time.Duration) time.Duration {
	if high <= low {
		return low
	}
	return low + time.Duration(d.Int64N(int64(high-low)+1))
}

func (d draw) number(low, high int) int { return low + d.IntN(high-low+1) }

// pick is one of a list, which must not be empty.
func pick[T any](d draw, list []T) T { return list[d.IntN(len(list))] }
