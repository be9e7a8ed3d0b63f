//go:build !windows

package socket

import "syscall"

// ErrRefused is the system's word for: that machine runs, and nobody listens there.
const ErrRefused = syscall.ECONNREFUSED
