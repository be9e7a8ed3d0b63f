//go:build !linux

package main

// restWatchdog has nothing to do here.
func restWatchdog() {}
