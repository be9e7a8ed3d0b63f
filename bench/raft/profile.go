package main

import (
	"errors"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"
)

// profile records where processor time goes until stop, in a file of its own for each
// contestant and load. Without a directory it does nothing.
func (job Job) profile(load string) (stop func() error, err error) {
	if job.Profile == "" {
		return func() error { return nil }, nil
	}
	name := strings.ReplaceAll(job.Contestant+" "+load, " ", "-") + ".cpu"
	f, err := os.Create(filepath.Join(job.Profile, name))
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}
