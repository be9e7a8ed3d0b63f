package tcp

import "syscall"

// errRefused is WSAECONNREFUSED: that machine runs, and nobody listens there.
const errRefused = syscall.Errno(10061)
