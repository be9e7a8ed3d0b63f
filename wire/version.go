package wire

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// ClusterVersion says what a cluster's log may hold: Log counts what the library puts into
// entries, Commands what the state machine does. It stands in the membership, so that it is
// itself replicated, and only ever rises: to the least of what the members understand.
//
// The zero version is that of members that say nothing of versions.
type ClusterVersion struct {
	Log, Commands uint32
}

// The versions of the log that this program understands.
//
//	0  memberships in their first encoding
//	1  memberships that carry the cluster's version
//	2  restores of a backup into the running cluster
const (
	OldestLogVersion = 0
	LogVersion       = 2

	// RestoreVersion is the first in which there are entries of KindRestore.
	RestoreVersion = 2
)

// String prints the version as log.commands, as in 1.3.
func (v ClusterVersion) String() string { return fmt.Sprintf("%d.%d", v.Log, v.Commands) }

// MarshalText is String, for JSON.
func (v ClusterVersion) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (v *ClusterVersion) UnmarshalText(b []byte) error {
	logs, commands, found := strings.Cut(string(b), ".")
	l, err := strconv.ParseUint(logs, 10, 32)
	c, err2 := strconv.ParseUint(commands, 10, 32)
	if !found || err != nil || err2 != nil {
		return fmt.Errorf("%q is no cluster version, which is two numbers as in 1.3", b)
	}
	*v = ClusterVersion{uint32(l), uint32(c)}
	return nil
}

// Reaches says whether the log of a cluster of version v may hold what needs version o.
func (v ClusterVersion) Reaches(o ClusterVersion) bool {
	return v.Log >= o.Log && v.Commands >= o.Commands
}

// Versions are the cluster versions that a program understands, all between two. The zero
// value is that of a program that knows nothing of versions.
type Versions struct {
	Oldest, Newest ClusterVersion
}

// String prints the versions as oldest to newest, one if they are the same.
func (r Versions) String() string {
	if r.Oldest == r.Newest {
		return r.Newest.String()
	}
	return r.Oldest.String() + " to " + r.Newest.String()
}

// TooOld says whether a cluster of version v may use what the program does not understand,
// TooNew whether the program has forgotten what the log may hold.
func (r Versions) TooOld(v ClusterVersion) bool { return !r.Newest.Reaches(v) }

// TooNew is explained at TooOld.
func (r Versions) TooNew(v ClusterVersion) bool { return !v.Reaches(r.Oldest) }

// Least is the highest version that programs with these versions all understand as far as
// their newest goes. Whether it is too old for one of them is another question.
func Least(all ...Versions) ClusterVersion {
	if len(all) == 0 {
		return ClusterVersion{}
	}
	v := all[0].Newest
	for _, r := range all[1:] {
		v.Log, v.Commands = min(v.Log, r.Newest.Log), min(v.Commands, r.Newest.Commands)
	}
	if v.Log == 0 { // a membership in its first encoding has no place for the rest
		return ClusterVersion{}
	}
	return v
}

func (v ClusterVersion) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(v.Log))
	return binary.AppendUvarint(b, uint64(v.Commands))
}

func (d *decoder) clusterVersion() ClusterVersion {
	return ClusterVersion{Log: d.uint32(), Commands: d.uint32()}
}

// append adds the versions to a handshake: uvarint log and commands of the oldest, then of
// the newest.
func (r Versions) append(b []byte) []byte {
	return r.Newest.append(r.Oldest.append(b))
}

// cutVersions reads what append wrote off the front of b and returns what follows it.
func cutVersions(b []byte) (Versions, []byte, error) {
	d := decoder{rest: b}
	r := Versions{Oldest: d.clusterVersion(), Newest: d.clusterVersion()}
	switch {
	case d.err != nil:
		return Versions{}, nil, d.err
	case !r.Newest.Reaches(r.Oldest):
		return Versions{}, nil, fmt.Errorf("versions from %s down to %s", r.Oldest, r.Newest)
	}
	return r, d.rest, nil
}
