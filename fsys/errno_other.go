//go:build !windows && !js

package fsys

import (
	"errors"
	"syscall"
)

// isFull counts a user's quota as the disk's end.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

func isReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }
