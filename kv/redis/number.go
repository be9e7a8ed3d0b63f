package redis

import (
	"math"
	"strconv"
	"time"

	"github.com/balsaraft/balsa/kv"
)

// integer reads a number as Redis does: with one spelling only.
func integer(b []byte) (int64, error) {
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != string(b) {
		return 0, fault(notInteger)
	}
	return n, nil
}

// expiry is when something is to expire; the zero one is never.
type expiry struct {
	ttl time.Duration
	at  time.Time
	no  bool // nothing or less was given: some commands take that for at once, others for wrong
}

// lastMoment is the latest at which the store lets something expire.
const lastMoment = 253_402_300_799_999

// expiryOf reads a number of units: from now on, or since 1970 if it is a moment.
func expiryOf(b []byte, unit time.Duration, moment bool, command string) (expiry, error) {
	n, err := integer(b)
	if err != nil {
		return expiry{}, err
	}
	scale := int64(unit / time.Millisecond)
	switch {
	case n > math.MaxInt64/scale, n < math.MinInt64/scale:
		return expiry{}, wrongExpiry(command)
	case n <= 0:
		return expiry{no: true}, nil
	case moment && n*scale > lastMoment, !moment && n*scale > int64(kv.MaxTTL/time.Millisecond):
		return expiry{}, wrongExpiry(command)
	case moment:
		return expiry{at: time.UnixMilli(n * scale).UTC()}, nil
	}
	return expiry{ttl: time.Duration(n*scale) * time.Millisecond}, nil
}

// somewhen is expiryOf for commands that refuse nothing or less.
func somewhen(b []byte, unit time.Duration, moment bool, command string) (expiry, error) {
	e, err := expiryOf(b, unit, moment, command)
	if err == nil && e.no {
		err = wrongExpiry(command)
	}
	return e, err
}

func wrongExpiry(command string) fault {
	return fault("ERR invalid expire time in '" + command + "' command")
}

func (e expiry) on(o kv.Op) kv.Op {
	o.TTL, o.At = e.ttl, e.at
	if e.no {
		o.At = time.UnixMilli(1).UTC() // which has been
	}
	return o
}

// unitOf is what an option such as PX says of the number behind it.
func unitOf(option string) (unit time.Duration, moment, ok bool) {
	switch option {
	case "ex":
		return time.Second, false, true
	case "px":
		return time.Millisecond, false, true
	case "exat":
		return time.Second, true, true
	case "pxat":
		return time.Millisecond, true, true
	}
	return 0, false, false
}
