package socket

import "syscall"

// ErrRefused is WSAECONNREFUSED: that machine runs, and nobody listens there.
const ErrRefused = syscall.Errno(10061)
