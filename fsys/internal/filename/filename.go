// Package filename is the one rule for the names of files in a directory, the same on
// every platform and in every implementation, so that a directory can be moved between
// them.
package filename

import (
	"fmt"
	"io/fs"
	"strings"
)

// Lock is the file that a directory's lock is held on. No other may have its name.
const Lock = "LOCK"

// Check refuses what would leave the directory or meet its lock, with fs.ErrInvalid.
func Check(name string) error {
	if name == "" || name == "." || name == ".." || name == Lock || strings.ContainsAny(name, `/\:`) {
		return fmt.Errorf("%w: %q cannot name a file here", fs.ErrInvalid, name)
	}
	return nil
}
