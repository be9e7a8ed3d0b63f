package fsys

import (
	"fmt"
	"io/fs"
	"strings"
)

// lockName is the file that a directory's lock is held on. List does not show it.
const lockName = "LOCK"

// checkName refuses what would leave the directory or meet its lock. It is the same
// on every platform, so that a directory can be moved between them.
func checkName(name string) error {
	if name == "" || name == "." || name == ".." || name == lockName || strings.ContainsAny(name, `/\:`) {
		return fmt.Errorf("%w: %q cannot name a file here", fs.ErrInvalid, name)
	}
	return nil
}
