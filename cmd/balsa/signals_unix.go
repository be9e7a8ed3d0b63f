//go:build unix

package main

import (
	"os/signal"
	"syscall"
)

// A file over the process's limit is to be an error of the write, which a member knows
// how to survive; the signal that comes with it would end the process.
func init() { signal.Ignore(syscall.SIGXFSZ) }
