package balsa

import (
	"errors"
	"fmt"
	"strings"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/host"
)

// Every error of Propose, ProposeAll, Read, Query and the operations on members Is
// exactly one of these two.
var (
	// ErrNotCommitted: it has not happened and never will. Try again.
	ErrNotCommitted = errors.New("not committed")
	// ErrUnknown: it may have happened, or may yet. Trying again may make it happen
	// twice.
	ErrUnknown = errors.New("outcome unknown")
)

// Under them lie the reasons.
var (
	// ErrNoLeader: no leader is known, or none has answered.
	ErrNoLeader = host.ErrNoLeader
	// ErrOverloaded: too many proposals wait on this member already.
	ErrOverloaded = errors.New("overloaded")
	// ErrTooLarge: the command is over Config.MaxCommand. It is a *TooLargeError.
	ErrTooLarge = errors.New("too large")
	// ErrClusterVersion: not all members understand the command yet (see Versioned). Of
	// Open: the program does not understand what the cluster's log may hold.
	ErrClusterVersion = host.ErrClusterVersion
	// ErrSessionExpired: the member was out of touch for longer than
	// Config.SessionTTL, so that the cluster has forgotten which of its commands ran.
	// Of ProposeAs: the caller's session is closed, or was unused for too long.
	ErrSessionExpired = errors.New("session expired")
	// ErrResultLost: the command was applied, once, but what it returned is not known
	// on this member any more. It comes with ErrUnknown.
	ErrResultLost = errors.New("applied, but its result is not known any more")
	// ErrCompacted: the log does not reach back that far any more.
	ErrCompacted = errors.New("compacted")
	// ErrClosed: the node is closed, or has stopped by itself: see Node.Err.
	ErrClosed = errors.New("closed")
	// ErrNoSpace: the disk is full. What is there is safe, and reads go on.
	ErrNoSpace = fsys.ErrNoSpace
	// ErrRemoved: the cluster goes on without this member.
	ErrRemoved = host.ErrRemoved
	// ErrRefused: the leader would not carry an operation out, and says why.
	ErrRefused = host.ErrRefused
)

// Open fails with these, among others.
var (
	// ErrLocked: another process has the directory open.
	ErrLocked = fsys.ErrLocked
	// ErrOtherMember: the directory belongs to a member of another name.
	ErrOtherMember = errors.New("directory of another member")
	// ErrConfig: the configuration contradicts itself.
	ErrConfig = errors.New("bad configuration")
	// ErrNewerVersion: a newer program wrote the directory.
	ErrNewerVersion = fsys.ErrNewerVersion
	// ErrDamaged: a file in the directory does not hold what was durable in it. It may
	// be a *wal.DamageError or a *snapshot.DamageError, which name the place.
	ErrDamaged = fsys.ErrDamaged
	// ErrDiverged: the state that a Hasher made of the commands is another one than most
	// members have. The member has stopped, and is not started again on these files; see
	// Node.Err.
	ErrDiverged = host.ErrDiverged
)

// TooLargeError says by how much a command was over the limit, in bytes.
type TooLargeError struct{ Size, Limit int }

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("a command of %d bytes, the limit is %d (Config.MaxCommand)", e.Size, e.Limit)
}

// Is makes a TooLargeError an ErrTooLarge.
func (e *TooLargeError) Is(target error) bool { return target == ErrTooLarge }

// outcomeError is an error of which one can tell whether the thing happened.
type outcomeError struct {
	did    string // what was being done
	causes []error
}

// outcome says that doing something failed: surely without effect, or not surely.
func outcome(did string, sure bool, causes ...error) error {
	first := ErrUnknown
	if sure {
		first = ErrNotCommitted
	}
	e := &outcomeError{did: did, causes: []error{first}}
	for _, cause := range causes {
		if cause != nil {
			e.causes = append(e.causes, cause)
		}
	}
	return e
}

func (e *outcomeError) Error() string {
	parts := []string{"balsa: " + e.did}
	for _, cause := range e.causes {
		parts = append(parts, strings.ReplaceAll(cause.Error(), "\n", "; "))
	}
	return strings.Join(parts, ": ")
}

func (e *outcomeError) Unwrap() []error { return e.causes }
