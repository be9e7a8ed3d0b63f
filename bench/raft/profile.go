package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"slices"
	"strings"
)

// profilers begin to record, by what they record, and return what writes the rest to the
// file at the end. To record costs time, so a run that is profiled measures little else.
// What was allocated counts from the start of the process.
var profilers = map[string]func(io.Writer) (stop func() error, err error){
	"cpu": func(w io.Writer) (func() error, error) {
		return func() error { pprof.StopCPUProfile(); return nil }, pprof.StartCPUProfile(w)
	},
	"trace": func(w io.Writer) (func() error, error) {
		return func() error { trace.Stop(); return nil }, trace.Start(w)
	},
	"mutex": func(w io.Writer) (func() error, error) {
		before := runtime.SetMutexProfileFraction(5)
		return func() error {
			defer runtime.SetMutexProfileFraction(before)
			return pprof.Lookup("mutex").WriteTo(w, 0)
		}, nil
	},
	"block": func(w io.Writer) (func() error, error) {
		runtime.SetBlockProfileRate(10_000) // nanoseconds
		return func() error {
			defer runtime.SetBlockProfileRate(0)
			return pprof.Lookup("block").WriteTo(w, 0)
		}, nil
	},
	"allocs": func(w io.Writer) (func() error, error) {
		return func() error { return pprof.Lookup("allocs").WriteTo(w, 0) }, nil
	},
}

// checkProfiles says whether there is a profiler for each name.
func checkProfiles(names []string) error {
	for _, name := range names {
		if profilers[name] == nil {
			return fmt.Errorf("there is no profile %q, but %s", name, strings.Join(slices.Sorted(maps.Keys(profilers)), ", "))
		}
	}
	return nil
}

// profile records until stop what the job asks for, in a file of its own for each
// contestant, load and kind. Without a directory it does nothing.
func (job Job) profile(load string) (stop func() error, err error) {
	var stops []func() error
	stop = func() (err error) {
		for _, stop := range stops {
			err = errors.Join(err, stop())
		}
		return err
	}
	if job.Profile == "" {
		return stop, nil
	}
	for _, kind := range job.Profiles {
		f, err := os.Create(filepath.Join(job.Profile, strings.ReplaceAll(job.Contestant+" "+load, " ", "-")+"."+kind))
		if err != nil {
			return nil, errors.Join(err, stop())
		}
		end, err := profilers[kind](f)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("profile %s: %w", kind, err), f.Close(), stop())
		}
		stops = append(stops, func() error { return errors.Join(end(), f.Close()) })
	}
	return stop, nil
}
