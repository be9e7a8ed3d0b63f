package kv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/balsaraft/balsa"
)

// Result is what Apply returns.
type Result struct {
	// Index is the command's place in the log. It is the version of what it changed.
	Index balsa.Index
	// Held says whether all conditions held, so that Then was done rather than Else.
	Held bool
	// Unmet is the number of the first condition that did not hold, and Version that of
	// its key, 0 if it has no value. Both are 0 if Held.
	Unmet   int
	Version balsa.Index
	// Failure says why nothing was done at all, though it should have been, and Failed
	// is the number of the operation that failed.
	Failure Failure
	Failed  int
	// Replies are one for each operation done, none after a Failure.
	Replies []Reply
}

// Reply is what came of one operation.
type Reply struct {
	// Found says that there was what the operation was about: the key, one key of the
	// range at least, the lease.
	Found bool
	// Number is the sum after OpAdd, the value's length after OpAppend, the number of
	// keys after OpScan and after OpDelete of a range, the number of a lease after
	// OpGrant and its end, in milliseconds since 1970, after OpKeepAlive.
	Number int64
	// Items are what was read, or what was there before.
	Items []Item
	// More says that the range goes on behind what was taken of it.
	More bool
	// Cut says that values were left out, or items of a scan, because the result has
	// MaxReply bytes already. Read them with View.At the result's index.
	Cut bool
	// Skipped says that the operation was not done, because of its Only.
	Skipped bool
	// Failure says why the operation was not done, if its Try let the rest be done.
	Failure Failure
}

// Failure is a reason for which an operation can fail that is known only where it is
// done. It is an error.
type Failure uint8

const (
	// ErrNotNumber: the value is not a decimal number of 64 bits.
	ErrNotNumber Failure = iota + 1
	// ErrOverflow: the sum does not fit into 64 bits.
	ErrOverflow
	// ErrTooLong: the value would be over MaxValue.
	ErrTooLong
	// ErrNoLease: there is no such lease, or no more.
	ErrNoLease
	// ErrLeaseExists: there is a lease of this number.
	ErrLeaseExists
	// ErrNoValue: the key has no value that could be kept.
	ErrNoValue
	// ErrFuture: the revision has not come yet.
	ErrFuture
	endOfFailures
)

var failureTexts = [...]string{
	ErrNotNumber:   "the value is not a decimal number of 64 bits",
	ErrOverflow:    "the sum does not fit into 64 bits",
	ErrTooLong:     fmt.Sprintf("the value would have more than %d bytes", MaxValue),
	ErrNoLease:     "there is no such lease; it may have ended: grant another",
	ErrLeaseExists: "there is a lease of this number already; grant one of another",
	ErrNoValue:     "the key has no value to keep",
	ErrFuture:      "the revision has not come yet",
}

func (f Failure) Error() string {
	if f > 0 && f < endOfFailures {
		return failureTexts[f]
	}
	return fmt.Sprintf("failure %d", uint8(f))
}

// FailedError says which operation of a command failed, so that nothing was done. Under
// it is the Failure.
type FailedError struct {
	Op  int // its number, from 0
	Why Failure
}

func (e *FailedError) Error() string {
	return fmt.Sprintf("operation %d: %s; nothing was changed", e.Op+1, e.Why)
}

// Unwrap is the Failure.
func (e *FailedError) Unwrap() error { return e.Why }

// Err is nil, or a *FailedError. That a condition does not hold is no error.
func (r Result) Err() error {
	if r.Failure == 0 {
		return nil
	}
	return &FailedError{r.Failed, r.Failure}
}

var (
	// ErrNotFound says that the key has no value.
	ErrNotFound = errors.New("value does not exist")
	// ErrDifferent says that a condition did not hold. It is a *DifferentError.
	ErrDifferent = errors.New("the condition does not hold")
)

// DifferentError says what is there instead of what a condition wanted.
type DifferentError struct {
	Version balsa.Index // of the key, 0 if it has no value
}

func (e *DifferentError) Error() string {
	if e.Version == 0 {
		return "the condition does not hold: the key has no value"
	}
	return fmt.Sprintf("the condition does not hold: the key was last changed at %d; get it and compare again", e.Version)
}

// Is makes a DifferentError an ErrDifferent.
func (e *DifferentError) Is(target error) bool { return target == ErrDifferent }

// What a Result and a Reply have.
const (
	resultHeld    = 1 << 0
	resultFailed  = 1 << 1
	endOfResult   = 1 << 2
	replyFound    = 1 << 0
	replyMore     = 1 << 1
	replyCut      = 1 << 2
	replySkipped  = 1 << 3
	replyFailed   = 1 << 4
	endOfReply    = 1 << 5
	maxItemHeader = 6 * binary.MaxVarintLen64
)

// MarshalBinary encodes the result.
//
//	size  field
//	1     version, 2
//	1     1 if held, + 2 if failed
//	…     uvarint index
//	…     uvarint number of the unmet condition, uvarint version       unless held
//	…     u8 failure, uvarint number of the operation                  if failed
//	…     uvarint number of replies, then each                         unless failed
//	        1     1 if found, + 2 if more, + 4 if cut, + 8 if skipped, + 16 if failed
//	        …     u8 failure                                           if failed
//	        …     varint number
//	        …     uvarint number of items, then each
func (r Result) MarshalBinary() ([]byte, error) {
	size := 64
	for _, reply := range r.Replies {
		size += maxItemHeader
		for _, i := range reply.Items {
			size += maxItemHeader + len(i.Key) + len(i.Value)
		}
	}
	b := append(make([]byte, 0, size), commandVersion, flag(r.Held, resultHeld)|flag(r.Failure != 0, resultFailed))
	b = binary.AppendUvarint(b, uint64(r.Index))
	if !r.Held {
		b = binary.AppendUvarint(b, uint64(r.Unmet))
		b = binary.AppendUvarint(b, uint64(r.Version))
	}
	if r.Failure != 0 {
		b = append(b, byte(r.Failure))
		return binary.AppendUvarint(b, uint64(r.Failed)), nil
	}
	b = binary.AppendUvarint(b, uint64(len(r.Replies)))
	for _, reply := range r.Replies {
		b = reply.append(b)
	}
	return b, nil
}

func (r Reply) append(b []byte) []byte {
	b = append(b, flag(r.Found, replyFound)|flag(r.More, replyMore)|flag(r.Cut, replyCut)|
		flag(r.Skipped, replySkipped)|flag(r.Failure != 0, replyFailed))
	if r.Failure != 0 {
		b = append(b, byte(r.Failure))
	}
	b = binary.AppendVarint(b, r.Number)
	b = binary.AppendUvarint(b, uint64(len(r.Items)))
	for _, i := range r.Items {
		b = i.append(b)
	}
	return b
}

func flag(set bool, bit byte) byte {
	if set {
		return bit
	}
	return 0
}

// UnmarshalBinary decodes what MarshalBinary wrote, and nothing else. It keeps no part
// of b.
func (r *Result) UnmarshalBinary(b []byte) error {
	d := decoder{rest: slices.Clone(b)}
	d.version()
	flags := d.flags(endOfResult)
	*r = Result{Held: flags&resultHeld != 0, Index: balsa.Index(d.uvarint())}
	if !r.Held {
		r.Unmet, r.Version = d.int(), balsa.Index(d.uvarint())
	}
	if flags&resultFailed != 0 {
		r.Failure, r.Failed = d.failure(), d.int()
	} else {
		for range d.count(MaxOps) {
			r.Replies = append(r.Replies, d.reply())
		}
	}
	if err := d.finish(); err != nil {
		return fmt.Errorf("%w result: %w", ErrMalformed, err)
	}
	return nil
}

func (d *decoder) reply() (r Reply) {
	flags := d.flags(endOfReply)
	r.Found, r.More, r.Cut = flags&replyFound != 0, flags&replyMore != 0, flags&replyCut != 0
	r.Skipped = flags&replySkipped != 0
	if flags&replyFailed != 0 {
		r.Failure = d.failure()
	}
	r.Number = d.varint()
	for range d.count(MaxRange) {
		r.Items = append(r.Items, d.item())
	}
	return r
}

func (d *decoder) failure() Failure {
	f := Failure(d.byte())
	if d.err == nil && (f == 0 || f >= endOfFailures) {
		d.fail(fmt.Errorf("unknown failure %d", f))
	}
	return f
}

func (d *decoder) flags(end byte) byte {
	flags := d.byte()
	if flags >= end {
		d.fail(fmt.Errorf("flags %#x, this program knows those below %#x", flags, end))
		return 0
	}
	return flags
}

func (d *decoder) int() int {
	n := d.uvarint()
	if n > MaxOps {
		d.fail(fmt.Errorf("operation %d, there can be %d", n, MaxOps))
		return 0
	}
	return int(n)
}

// append encodes the item: key, uvarint version, creation, changes, expiry in
// milliseconds since 1970 or 0, lease, value.
func (i Item) append(b []byte) []byte {
	b = appendBytes(b, i.Key)
	for _, n := range [...]uint64{uint64(i.Version), uint64(i.Created), i.Changes, uint64(milliseconds(i.Expires)), uint64(i.Lease)} {
		b = binary.AppendUvarint(b, n)
	}
	return appendBytes(b, i.Value)
}

func (d *decoder) item() (i Item) {
	i.Key = string(d.bytes(MaxKey))
	i.Version, i.Created, i.Changes = balsa.Index(d.uvarint()), balsa.Index(d.uvarint()), d.uvarint()
	ms := d.uvarint()
	if ms > maxMoment {
		d.fail(fmt.Errorf("something expires %d ms after 1970", ms))
		ms = 0
	}
	i.Expires, i.Lease = moment(int64(ms)), LeaseID(d.uvarint())
	i.Value = d.bytes(MaxValue)
	return i
}

// moment is a time in milliseconds since 1970, where 0 is none.
func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func milliseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
