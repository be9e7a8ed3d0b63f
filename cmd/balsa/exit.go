package main

import (
	"context"
	"errors"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
)

// The exit codes. Scripts rely on them; docs/command.md says what they mean.
const (
	exitDone    = 0
	exitFailed  = 1 // and it has not happened
	exitUsage   = 2
	exitNo      = 3
	exitUnknown = 4
)

// exitCode is what a command ends with.
func exitCode(err error) int {
	var ran exitError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &ran):
		return ran.code
	case errors.Is(err, errUsage), errors.Is(err, balsa.ErrConfig):
		return exitUsage
	case errors.Is(err, kv.ErrNotFound), errors.Is(err, kv.ErrDifferent), errors.Is(err, kv.ErrLocked):
		return exitNo // the cluster has answered
	case errors.Is(err, balsa.ErrUnknown) && !errors.Is(err, context.Canceled):
		return exitUnknown
	}
	return exitFailed
}
