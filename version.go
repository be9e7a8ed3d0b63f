package balsa

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/balsaraft/balsa/wire"
)

// Versioned is a StateMachine whose commands have grown since its first program. Members are
// upgraded one by one, and meanwhile a command that only newer programs understand must not
// come into the log, which older ones apply, too. So a program says which versions of commands
// it understands, and which one a command needs. The least that all members understand is the
// cluster's (Status.Version): a proposal that needs more is refused with ErrClusterVersion, and
// a member that understands less than the cluster already uses neither joins nor starts.
//
// State machines without it understand version 0.
type Versioned[C any] interface {
	// CommandVersions are the oldest and the newest version that this program understands.
	// Add one to the newest with each program that knows new commands, or gives known ones
	// another meaning. Raise the oldest once Apply forgets what was in a version before it:
	// clusters must then have passed through a program that understands both.
	CommandVersions() (oldest, newest uint32)
	// CommandVersion is the version in which a command was understood first, never more than
	// the newest. It is called beside Apply, by those who propose.
	CommandVersion(command C) uint32
}

// ClusterVersion says what a cluster's log may hold: what the library puts into it, and which
// commands. It prints as 1.3, the commands' version behind the dot.
type ClusterVersion = wire.ClusterVersion

// versions is the gate through which commands of a Versioned state machine go. Any goroutine
// may use it.
type versions[C any] struct {
	needs   func(C) uint32
	newest  uint32
	cluster atomic.Uint32 // that of commands, as of what was applied
}

// versionsOf asks a state machine for its versions. The gate is nil if it knows only one.
func versionsOf[C any](sm any) (wire.Versions, *versions[C], error) {
	r := wire.Versions{
		Oldest: wire.ClusterVersion{Log: wire.OldestLogVersion},
		Newest: wire.ClusterVersion{Log: wire.LogVersion},
	}
	v, ok := sm.(Versioned[C])
	if !ok {
		return r, nil, nil
	}
	r.Oldest.Commands, r.Newest.Commands = v.CommandVersions()
	if r.Oldest.Commands > r.Newest.Commands {
		return r, nil, fmt.Errorf("balsa: %w: %T says that it understands commands from version %d down to %d", ErrConfig, sm, r.Oldest.Commands, r.Newest.Commands)
	}
	if r.Newest.Commands == 0 {
		return r, nil, nil
	}
	return r, &versions[C]{needs: v.CommandVersion, newest: r.Newest.Commands}, nil
}

// mayPropose refuses a command that a member may not understand yet. Where this member has not
// applied yet that the cluster's version has risen, it asks.
func (n *Node[S, C, R]) mayPropose(ctx context.Context, command C) error {
	v := n.versions
	if v == nil || v.cluster.Load() >= v.newest {
		return nil
	}
	needs := v.needs(command)
	if v.cluster.Load() >= needs {
		return nil
	}
	if err := n.Read(ctx, func(S) {}); err != nil {
		return outcome(proposing, true, reasonOf(err))
	}
	if has := v.cluster.Load(); has < needs {
		return outcome(proposing, true, fmt.Errorf("%w: the command needs version %d, and not all members understand more than %d; upgrade them first", ErrClusterVersion, needs, has))
	}
	return nil
}
