package kv

import (
	"errors"
	"fmt"
	"time"
)

// Limits. They are part of the format: a command or snapshot beyond them is refused by
// whoever decodes it.
const (
	MaxKey   = 1024    // bytes of a key, which has at least one
	MaxValue = 1 << 20 // bytes of a value, which may be empty
	MaxOps   = 10_000  // operations of a command, and as many conditions

	// MaxCommand is what an encoded command may need at most. It is what
	// balsa.Config's MaxCommand must be for the limits above to be the ones that count.
	MaxCommand = 4 << 20

	// MaxReply is how many bytes of keys and values a result brings back. What a
	// command reads beyond that is left out, and the reply says so.
	MaxReply = 4 << 20

	// MaxRange is how many keys one operation on a range takes. The reply says whether
	// there are more.
	MaxRange = 10_000

	// MaxTTL is how far ahead something can expire.
	MaxTTL = 100 * 365 * 24 * time.Hour

	// MaxHistory and MaxHistoryBytes bound the past that is kept for watches and for
	// reads of earlier revisions: the number of changes, and the bytes of keys and
	// values that they replaced.
	MaxHistory      = 100_000
	MaxHistoryBytes = 64 << 20
)

// ErrLimit says that a key, a value or a command is over its limit, or a key empty. It
// is a *LimitError.
var ErrLimit = errors.New("over a limit of the store")

// LimitError says what is over which limit.
type LimitError struct {
	What  string // "key", "value", "command"
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
