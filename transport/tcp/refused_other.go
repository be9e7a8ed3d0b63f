//go:build !windows

package tcp

import "syscall"

// errRefused is the system's word for: that machine runs, and nobody listens there.
const errRefused = syscall.ECONNREFUSED
