package room

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
)

// Scheme is what the address of a member of a room starts with; its name follows.
const Scheme = "room:"

// serverPrefix begins the names of servers in a room.
const serverPrefix = "server-"

// ServerName is the name in a room of a member that others reach at an address of its
// own, such as a server over TCP. So whoever knows the address from the membership
// finds the server in the room, too.
func ServerName(addr string) string {
	sum := sha256.Sum256([]byte(addr))
	return serverPrefix + hex.EncodeToString(sum[:16])
}

// MaxDoors is how many servers a member is told of at most.
const MaxDoors = 16

// Doors are where servers of a cluster let members in that cannot be dialled, as
// wss://example.org, by the servers' names in the room.
type Doors map[string]string

func (d Doors) check() error {
	if len(d) > MaxDoors {
		return fmt.Errorf("%d doors; at most %d are told", len(d), MaxDoors)
	}
	for name, door := range d {
		if !IsServer(name) {
			return fmt.Errorf("a door of %s, which is no server", cut(name, 32))
		}
		if err := CheckDoor(door); err != nil {
			return err
		}
	}
	return nil
}

// CheckDoor says whether a text is where a server lets members in.
func CheckDoor(door string) error {
	u, err := url.Parse(door)
	if err != nil || u.Host == "" || (u.Scheme != "ws" && u.Scheme != "wss") || len(door) > maxDoor {
		return fmt.Errorf("%w: the door %q: it must be like wss://example.org, of at most %d bytes", ErrMessage, cut(door, 64), maxDoor)
	}
	return nil
}

// maxDoor bounds the address of a door, in bytes: it has to fit into a handshake.
const maxDoor = 255

// IsServer says whether a name in a room is for servers alone.
func IsServer(member string) bool { return strings.HasPrefix(member, serverPrefix) }

// MemberAt is the name in a room of the member that lives at an address.
func MemberAt(addr string) string {
	if member, ok := strings.CutPrefix(addr, Scheme); ok {
		return member
	}
	return ServerName(addr)
}
