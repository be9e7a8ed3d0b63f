package snapshot

import (
	"errors"
	"fmt"

	"github.com/balsaraft/balsa/fsys"
)

var (
	// ErrNotFound says that the store holds no snapshot at a position (any more).
	ErrNotFound = errors.New("no such snapshot here")
	// ErrVersion says that a newer program wrote the snapshot.
	ErrVersion = fsys.ErrNewerVersion
	// ErrClosed says that a Writer, Reader, Source or Receiver was used after its end.
	ErrClosed = errors.New("the snapshot's file is closed")
	// ErrDirectory says that the directory could not be synced. Whoever else has made
	// or renamed files in it and not synced it yet may have lost that, and a sync of
	// theirs will not say so (fsyncgate): who shares it must stop using it.
	ErrDirectory = errors.New("the directory could not be synced")
)

// DamageError says that a file is not what was written. It was left as it is.
type DamageError struct {
	File   string
	Offset int64 // of the part that does not verify
	Reason string
}

// Error names the place, and what to do.
func (e *DamageError) Error() string {
	return fmt.Sprintf("snapshot damaged: %s at offset %d: %s; it is not used. An older snapshot serves while the log "+
		"reaches back to it; else start this member with an empty directory, and it copies from its peers", e.File, e.Offset, e.Reason)
}

// Is makes a DamageError an fsys.ErrDamaged.
func (e *DamageError) Is(target error) bool { return target == fsys.ErrDamaged }

func versionError(file string, found uint32) error {
	return fmt.Errorf("%s: %w: format %d, this program knows %d; use the newer program", file, ErrVersion, found, formatVersion)
}
