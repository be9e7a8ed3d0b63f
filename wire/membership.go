package wire

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Role is a member's part in the cluster.
type Role uint8

const (
	// Voter counts in quorums, votes and may lead.
	Voter Role = 1
	// Learner receives the log and counts in no quorum (thesis §4.2.1).
	Learner Role = 2
)

func (r Role) String() string {
	switch r {
	case Voter:
		return "voter"
	case Learner:
		return "learner"
	}
	return fmt.Sprintf("role(%d)", uint8(r))
}

// Member is one replica of a cluster. Name is for people and unique among the
// members; Addr is a hint where to reach it.
type Member struct {
	ID   MemberID
	Name string
	Addr string
	Role Role
}

// String prints a member as name(id) role at address.
func (m Member) String() string {
	return fmt.Sprintf("%s(%s) %s at %s", m.Name, m.ID, m.Role, m.Addr)
}

// Membership says who takes part. While it is joint, Outgoing holds the voters of
// the configuration that is being left, and every decision needs a majority of the
// voters in Members and a majority of Outgoing (paper §6).
//
// Members and Outgoing are ordered by ID, without repetition. A Membership is
// read-only once built and may be shared.
type Membership struct {
	Members  []Member
	Outgoing []Member
	// Version is the cluster's from this entry on.
	Version ClusterVersion
}

// MaxMembers bounds a membership, so that a damaged count cannot ask for memory.
const MaxMembers = 1024

// MaxNameLen bounds a member's name and its address, in bytes.
const MaxNameLen = 255

// ErrMembership is under every error about the form of a membership.
var ErrMembership = errors.New("malformed membership")

// NewMembership orders members by ID and checks them: no identity or name twice,
// none without an identity, at least one voter.
func NewMembership(members ...Member) (Membership, error) {
	m := Membership{Members: slices.SortedStableFunc(slices.Values(members), byID)}
	return m, m.check()
}

// byID orders members for the stable sort, which for these few is as fast as the other and
// a third of its size where a browser has to load it.
func byID(a, b Member) int { return cmp.Compare(a.ID, b.ID) }

func (m Membership) check() error {
	if len(m.Members) > MaxMembers || len(m.Outgoing) > MaxMembers {
		return fmt.Errorf("%w: more than %d members", ErrMembership, MaxMembers)
	}
	names := map[string]MemberID{}
	for i, a := range m.Members {
		switch {
		case a.ID == 0:
			return fmt.Errorf("%w: member %q has no identity", ErrMembership, a.Name)
		case i > 0 && m.Members[i-1].ID >= a.ID:
			return fmt.Errorf("%w: member %s is there twice or out of order", ErrMembership, a.ID)
		case a.Role != Voter && a.Role != Learner:
			return fmt.Errorf("%w: member %s has the unknown %s", ErrMembership, a.ID, a.Role)
		case len(a.Name) > MaxNameLen || len(a.Addr) > MaxNameLen:
			return fmt.Errorf("%w: member %s has a name or address longer than %d bytes", ErrMembership, a.ID, MaxNameLen)
		case a.Name != "" && names[a.Name] != 0:
			return fmt.Errorf("%w: %s and %s are both named %q", ErrMembership, names[a.Name], a.ID, a.Name)
		}
		names[a.Name] = a.ID
	}
	for i, a := range m.Outgoing {
		if a.ID == 0 || a.Role != Voter || i > 0 && m.Outgoing[i-1].ID >= a.ID {
			return fmt.Errorf("%w: outgoing member %s is no voter or out of order", ErrMembership, a.ID)
		}
	}
	if len(m.Voters()) == 0 {
		return fmt.Errorf("%w: no voter", ErrMembership)
	}
	return nil
}

// Joint says whether the membership is the transition between two configurations.
func (m Membership) Joint() bool { return len(m.Outgoing) > 0 }

// Empty says whether nothing is known about the members yet.
func (m Membership) Empty() bool { return len(m.Members) == 0 }

// Voters lists the voters of the incoming, or only, configuration.
func (m Membership) Voters() []MemberID { return idsOf(m.Members, Voter) }

// OutgoingVoters lists the voters of the configuration that is being left.
func (m Membership) OutgoingVoters() []MemberID { return idsOf(m.Outgoing, Voter) }

func idsOf(members []Member, role Role) []MemberID {
	var ids []MemberID
	for _, a := range members {
		if a.Role == role {
			ids = append(ids, a.ID)
		}
	}
	return ids
}

// Find returns the member with that identity, of either configuration.
func (m Membership) Find(id MemberID) (Member, bool) {
	for _, side := range [][]Member{m.Members, m.Outgoing} {
		if i, ok := slices.BinarySearchFunc(side, id, func(a Member, id MemberID) int { return cmp.Compare(a.ID, id) }); ok {
			return side[i], true
		}
	}
	return Member{}, false
}

// Named returns the member of that name in the incoming, or only, configuration.
func (m Membership) Named(name string) (Member, bool) {
	i := slices.IndexFunc(m.Members, func(a Member) bool { return a.Name == name })
	if i < 0 {
		return Member{}, false
	}
	return m.Members[i], true
}

// IsVoter says whether id counts in a quorum of either configuration.
func (m Membership) IsVoter(id MemberID) bool {
	votes := func(a Member) bool { return a.ID == id && a.Role == Voter }
	return slices.ContainsFunc(m.Members, votes) || slices.ContainsFunc(m.Outgoing, votes)
}

// All lists the members of both configurations, each once, ordered by ID.
func (m Membership) All() []Member {
	all := slices.Clone(m.Members)
	for _, a := range m.Outgoing {
		if !slices.ContainsFunc(m.Members, func(b Member) bool { return a.ID == b.ID }) {
			all = append(all, a)
		}
	}
	slices.SortStableFunc(all, byID)
	return all
}

// Equal says whether both hold the same members in the same roles at the same
// addresses, and are of the same cluster version.
func (m Membership) Equal(o Membership) bool {
	return m.Version == o.Version && slices.Equal(m.Members, o.Members) && slices.Equal(m.Outgoing, o.Outgoing)
}

// String lists voters, then learners, then, while joint, the voters that are left.
func (m Membership) String() string {
	name := func(a Member) string {
		if a.Name != "" {
			return a.Name
		}
		return a.ID.String()
	}
	var b strings.Builder
	list := func(title string, members []Member, role Role) {
		first := true
		for _, a := range members {
			if a.Role != role {
				continue
			}
			if first && b.Len() > 0 {
				b.WriteByte(' ')
			}
			if first {
				b.WriteString(title)
			} else {
				b.WriteByte(',')
			}
			b.WriteString(name(a))
			first = false
		}
	}
	list("voters=", m.Members, Voter)
	list("learners=", m.Members, Learner)
	list("outgoing=", m.Outgoing, Voter)
	return b.String()
}

// The first byte of an encoded membership says whether the cluster's version follows.
const (
	membershipPlain     = 1
	membershipVersioned = 2
)

// Append adds the encoded membership to b. One of the zero cluster version is written so
// that programs which know of none can read it.
//
//	u8       version, 1 or 2
//	uvarint  log and commands of the cluster's version; only in version 2
//	uvarint  number of members, then of outgoing voters
//	each     u64 id, u8 role, uvarint length and bytes of the name, the same of the
//	         address; members first
func (m Membership) Append(b []byte) []byte {
	if m.Version == (ClusterVersion{}) {
		b = append(b, membershipPlain)
	} else {
		b = m.Version.append(append(b, membershipVersioned))
	}
	b = binary.AppendUvarint(b, uint64(len(m.Members)))
	b = binary.AppendUvarint(b, uint64(len(m.Outgoing)))
	for _, side := range [][]Member{m.Members, m.Outgoing} {
		for _, a := range side {
			b = binary.LittleEndian.AppendUint64(b, uint64(a.ID))
			b = append(b, byte(a.Role))
			b = appendBytes(b, a.Name)
			b = appendBytes(b, a.Addr)
		}
	}
	return b
}

// DecodeMembership reads what Append wrote and checks it as NewMembership does.
// Bytes after it are an error.
func DecodeMembership(b []byte) (Membership, error) {
	d := decoder{rest: b}
	var version ClusterVersion
	switch v := d.byte(); {
	case d.err != nil || v == membershipPlain:
	case v == membershipVersioned:
		if version = d.clusterVersion(); version.Log == 0 && d.err == nil {
			return Membership{}, fmt.Errorf("%w: cluster version %s in an encoding of later ones", ErrMembership, version)
		}
	default:
		return Membership{}, fmt.Errorf("%w: version %d, this program knows %d; was it written by a newer version?", ErrMembership, v, membershipVersioned)
	}
	members, outgoing := d.uvarint(), d.uvarint()
	if members > MaxMembers || outgoing > MaxMembers {
		return Membership{}, fmt.Errorf("%w: %d and %d members, %d is the most", ErrMembership, members, outgoing, MaxMembers)
	}
	read := func(n uint64) (side []Member) {
		for i := uint64(0); i < n && d.err == nil; i++ {
			side = append(side, Member{
				ID:   MemberID(d.u64()),
				Role: Role(d.byte()),
				Name: string(d.bytes()),
				Addr: string(d.bytes()),
			})
		}
		return side
	}
	m := Membership{Members: read(members), Outgoing: read(outgoing), Version: version}
	if err := d.finish(); err != nil {
		return Membership{}, fmt.Errorf("%w: %w", ErrMembership, err)
	}
	return m, m.check()
}
