//go:build !unix

package main

import "os"

// hangups never come here: files are read at the start alone.
func hangups() (signals <-chan os.Signal, stop func()) { return nil, func() {} }
