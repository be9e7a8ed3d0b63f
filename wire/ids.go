package wire

import (
	"fmt"
	"strconv"
)

// Term numbers the reigns of leaders; it only grows (paper §5.1).
type Term uint64

// Index numbers the entries of the log from 1, without gaps. 0 is before the first.
type Index uint64

// Pos is the identity of an entry: two logs that hold the same Pos hold the same
// entry there and the same entries before it (paper §5.3, log matching).
type Pos struct {
	Term  Term
	Index Index
}

// String prints term and index as 3/17.
func (p Pos) String() string {
	return strconv.FormatUint(uint64(p.Term), 10) + "/" + strconv.FormatUint(uint64(p.Index), 10)
}

// AtLeastAsUpToDate says whether a log that ends at p may lead one that ends at q
// (paper §5.4.1): the later term wins, and within a term the longer log.
func (p Pos) AtLeastAsUpToDate(q Pos) bool {
	return p.Term > q.Term || p.Term == q.Term && p.Index >= q.Index
}

// MemberID is the identity of a replica, minted at random into its directory. It is
// no address and no name: a member whose disk was wiped has another one. 0 is nobody.
type MemberID uint64

// String prints the identity in hexadecimal, as directories and logs show it.
func (m MemberID) String() string { return strconv.FormatUint(uint64(m), 16) }

// MarshalText writes the identity as String does, for JSON.
func (m MemberID) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (m *MemberID) UnmarshalText(b []byte) error {
	v, err := strconv.ParseUint(string(b), 16, 64)
	if err != nil {
		return fmt.Errorf("member identity %q: not a hexadecimal number of 64 bits", b)
	}
	*m = MemberID(v)
	return nil
}

// ClusterID is the identity of a cluster, minted when it was founded. 0 is none yet.
type ClusterID uint64

// String prints the identity in hexadecimal.
func (c ClusterID) String() string { return fmt.Sprintf("%016x", uint64(c)) }

// MarshalText writes the identity as String does, for JSON.
func (c ClusterID) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (c *ClusterID) UnmarshalText(b []byte) error {
	v, err := strconv.ParseUint(string(b), 16, 64)
	if err != nil {
		return fmt.Errorf("cluster identity %q: not a hexadecimal number of 64 bits", b)
	}
	*c = ClusterID(v)
	return nil
}

// GroupID names one of the logs that share a connection. A process with one log
// uses 0.
type GroupID uint64

// HardState is what a member must never forget: its term, whom it voted for in it
// (paper §5.2), and whether its vote may still be promised away to a lease (thesis §6.4.1).
type HardState struct {
	Term     Term
	Vote     MemberID // 0 if it has not voted in Term
	Promised bool
}
