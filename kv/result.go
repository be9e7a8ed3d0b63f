package kv

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/balsaraft/balsa"
)

// Outcome says what came of a Command.
type Outcome uint8

const (
	Changed   Outcome = iota + 1 // it was carried out
	NotFound                     // there was nothing to delete, or to compare with
	Different                    // its condition did not hold
)

// Result is what Apply returns. It holds no values, because the library keeps the
// results of commands that may be sent again, and would keep the values with them.
type Result struct {
	Outcome Outcome
	// Version is the key's version after a put, the log index of the entry after a
	// delete, and of what is there instead if Different (0 if there is nothing).
	Version balsa.Index
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

// Err is nil for Changed, ErrNotFound or a *DifferentError.
func (r Result) Err() error {
	switch r.Outcome {
	case Changed:
		return nil
	case NotFound:
		return ErrNotFound
	}
	return &DifferentError{r.Version}
}

// MarshalBinary encodes the result: version 1, outcome, uvarint Version.
func (r Result) MarshalBinary() ([]byte, error) {
	return binary.AppendUvarint([]byte{commandVersion, byte(r.Outcome)}, uint64(r.Version)), nil
}

// UnmarshalBinary decodes what MarshalBinary wrote, and nothing else.
func (r *Result) UnmarshalBinary(b []byte) error {
	d := decoder{rest: b}
	d.version()
	*r = Result{Outcome: Outcome(d.byte()), Version: balsa.Index(d.uvarint())}
	if d.err == nil && (r.Outcome < Changed || r.Outcome > Different) {
		d.err = fmt.Errorf("unknown outcome %d", r.Outcome)
	}
	if err := d.finish(); err != nil {
		return fmt.Errorf("%w result: %w", ErrMalformed, err)
	}
	return nil
}
