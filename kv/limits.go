package kv

import (
	"errors"
	"fmt"
)

// Limits. They are part of the format: a command or snapshot beyond them is refused by
// whoever decodes it.
const (
	MaxKey   = 1024    // bytes of a key, which has at least one
	MaxValue = 1 << 20 // bytes of a value, which may be empty

	// MaxCommand is what an encoded command can need at most: a key and two values, as
	// a compare-and-set has them, and a few bytes around. It is what balsa.Config's
	// MaxCommand must be for the limits above to be the ones that count.
	MaxCommand = MaxKey + 2*MaxValue + 64
)

// ErrLimit says that a key or a value is over its limit, or a key empty. It is a
// *LimitError.
var ErrLimit = errors.New("over a limit of the store")

// LimitError says what is over which limit.
type LimitError struct {
	What  string // "key" or "value"
	Size  int
	Limit int
}

func (e *LimitError) Error() string {
	if e.Size == 0 {
		return "the key is empty; it must have 1 byte at least"
	}
	return fmt.Sprintf("the %s has %d bytes, the limit is %d", e.What, e.Size, e.Limit)
}

// Is makes a LimitError an ErrLimit.
func (e *LimitError) Is(target error) bool { return target == ErrLimit }

// CheckKey returns a *LimitError for a key that cannot be stored.
func CheckKey(key string) error {
	if len(key) == 0 || len(key) > MaxKey {
		return &LimitError{"key", len(key), MaxKey}
	}
	return nil
}

// CheckValue returns a *LimitError for a value that cannot be stored.
func CheckValue(value []byte) error {
	if len(value) > MaxValue {
		return &LimitError{"value", len(value), MaxValue}
	}
	return nil
}
