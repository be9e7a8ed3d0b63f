package introducer

import "time"

// rate says how long to wait before more is read, so that it comes as fast as allowed
// and a second's worth may come at once. The zero of spent is a rate that was not used.
type rate struct {
	perSecond float64
	spent     float64   // of the second's worth
	at        time.Time // when that was so
}

// take counts an amount and says for how long not to read.
func (r *rate) take(now time.Time, amount float64) time.Duration {
	r.spent = max(0, r.spent-now.Sub(r.at).Seconds()*r.perSecond) + amount
	r.at = now
	if over := r.spent - r.perSecond; over > 0 {
		return time.Duration(over / r.perSecond * float64(time.Second))
	}
	return 0
}

// keeper watches over the rates of one member. One goroutine owns it.
type keeper struct {
	texts, bytes rate
	since        time.Time // since when texts come too fast, or zero
}

const (
	// perMessage is what a message costs beside its bytes.
	perMessage = 128
	// tooLong is how long a member may say more than it may.
	tooLong = 10 * time.Second
)

func newKeeper(messages, bytes int) keeper {
	return keeper{texts: rate{perSecond: float64(messages)}, bytes: rate{perSecond: float64(bytes)}}
}

// count says for how long not to read after a message, and whether the member has been
// too fast for too long. Relayed data is only slowed down: it is as much as members
// have to say to each other.
func (k *keeper) count(now time.Time, text bool, size int) (pause time.Duration, tooFast bool) {
	pause = k.bytes.take(now, float64(size+perMessage))
	if !text {
		return pause, false
	}
	slow := k.texts.take(now, 1)
	switch {
	case slow == 0:
		k.since = time.Time{}
	case k.since.IsZero():
		k.since = now
	}
	return max(pause, slow), slow > 0 && now.Sub(k.since) >= tooLong
}
