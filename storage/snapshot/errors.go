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
	// ErrBackup is what damage to a stream is, beside fsys.ErrDamaged: no member's file is
	// damaged, but what was to become one.
	ErrBackup = errors.New("the backup is damaged, or none")
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

	stream bool // it is no file of a member's, but a backup
}

// StreamDamage is the damage of what a Decoder reads, found by who hands it the bytes.
func StreamDamage(name string, offset int64, reason string) error {
	return &DamageError{File: name, Offset: offset, Reason: reason, stream: true}
}

// Error names the place, and what to do.
func (e *DamageError) Error() string {
	if e.stream {
		return fmt.Sprintf("%s is damaged, or no backup: at offset %d %s", e.File, e.Offset, e.Reason)
	}
	return fmt.Sprintf("snapshot damaged: %s at offset %d: %s; it is not used. An older snapshot serves while the log "+
		"reaches back to it; else start this member with an empty directory, and it copies from its peers", e.File, e.Offset, e.Reason)
}

// Is makes a DamageError an fsys.ErrDamaged, and that of a stream an ErrBackup.
func (e *DamageError) Is(target error) bool {
	return target == fsys.ErrDamaged || e.stream && target == ErrBackup
}

func versionError(file string, found uint32) error {
	return fmt.Errorf("%s: %w: format %d, this program knows %d; use the newer program", file, ErrVersion, found, formatVersion)
}
