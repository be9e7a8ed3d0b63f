package access

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/balsaraft/balsa/kv"
)

// Right is something that a grant allows.
type Right uint8

const (
	// Read lets a caller see keys, values, and that a key is there.
	Read Right = 1 << iota
	// Write lets a caller change and remove keys, and not see what they hold. Removing
	// tells whether the key was there, as it does for who may write in Redis's ACL: what a
	// key holds is read, that it is there is not.
	Write
	// Admin lets a caller change the cluster and forget the store's history. It is a right
	// to all, and no right to any key.
	Admin
	allRights = Read | Write | Admin
)

var rightNames = map[Right]string{Read: "read", Write: "write", Admin: "admin"}

// String lists the rights by name.
func (r Right) String() string {
	var names []string
	for _, one := range [...]Right{Read, Write, Admin} {
		if r&one != 0 {
			names = append(names, rightNames[one])
		}
	}
	return strings.Join(names, "+")
}

// ParseRights reads rights by name.
func ParseRights(names ...string) (all Right, err error) {
next:
	for _, name := range names {
		for right, known := range rightNames {
			if name == known {
				all |= right
				continue next
			}
		}
		return 0, fmt.Errorf("there is no right %q; there are read, write and admin", name)
	}
	return all, nil
}

// Grant gives rights to the keys with a prefix; "" is all keys.
type Grant struct {
	Prefix string
	Rights Right
}

// Caller is somebody with a name and grants. Nobody changes it, so any goroutine may use
// it. A nil Caller may do nothing.
type Caller struct {
	Name   string
	Grants []Grant
}

// Everybody may do everything: it stands for callers where none are told apart.
var Everybody = &Caller{Name: "everybody", Grants: []Grant{{"", allRights}}}

// check refuses a caller that means something else than it seems to.
func (c *Caller) check() error {
	if c.Name == "" {
		return errors.New("a caller has no name; give it one, for people to see in messages")
	}
	for _, g := range c.Grants {
		switch {
		case g.Rights == 0 || g.Rights&^allRights != 0:
			return fmt.Errorf("%s: the grant for %q has no rights; give it read, write or both", c.Name, g.Prefix)
		case g.Rights&Admin != 0 && g.Prefix != "":
			return fmt.Errorf("%s: admin is a right to the whole cluster, and not to the prefix %q; grant it for the prefix \"\"", c.Name, g.Prefix)
		case len(g.Prefix) > kv.MaxKey:
			return fmt.Errorf("%s: a prefix of %d bytes, the limit of keys is %d", c.Name, len(g.Prefix), kv.MaxKey)
		}
	}
	return nil
}

// ErrForbidden says that a caller has no right to what it asked for; nothing was changed.
// It is a *ForbiddenError.
var ErrForbidden = errors.New("forbidden")

// ForbiddenError says who lacks which right to what.
type ForbiddenError struct {
	Caller string // "" for somebody unknown
	Right  Right
	To     string // a key or a range, as text
}

func (e *ForbiddenError) Error() string {
	who := e.Caller
	if who == "" {
		who = "a caller without a token"
	}
	return fmt.Sprintf("%s has no right to %s %s", who, e.Right, e.To)
}

// Is makes a ForbiddenError an ErrForbidden.
func (e *ForbiddenError) Is(target error) bool { return target == ErrForbidden }

// MayRange says whether the caller has a right to all keys of a range, from one grant: two
// that meet do not count as one.
func (c *Caller) MayRange(right Right, r kv.Range) bool {
	if c == nil {
		return false
	}
	for _, g := range c.Grants {
		if g.Rights&right == right && covers(kv.Prefix(g.Prefix), r) {
			return true
		}
	}
	return false
}

// covers says whether a range has all keys of another.
func covers(all, part kv.Range) bool {
	return part.From >= all.From && (all.To == "" || part.To != "" && part.To <= all.To)
}

// May says whether the caller has a right to a key.
func (c *Caller) May(right Right, key string) bool { return c.MayRange(right, kv.OneKey(key)) }

// Need is nil, or a *ForbiddenError if the caller has no such right to a key.
func (c *Caller) Need(right Right, key string) error {
	return c.NeedRange(right, kv.OneKey(key))
}

// NeedRange is Need for a range.
func (c *Caller) NeedRange(right Right, r kv.Range) error {
	if c.MayRange(right, r) {
		return nil
	}
	if r == kv.OneKey(r.From) {
		return c.forbidden(right, fmt.Sprintf("%q", r.From))
	}
	if r.To == "" {
		return c.forbidden(right, fmt.Sprintf("the keys from %q on", r.From))
	}
	return c.forbidden(right, fmt.Sprintf("the keys from %q to %q", r.From, r.To))
}

// NeedAll is Need for all keys, and for Admin, which is a right to all.
func (c *Caller) NeedAll(right Right) error {
	if c.MayRange(right, kv.Range{}) {
		return nil
	}
	if right == Admin {
		return c.forbidden(right, "the cluster")
	}
	return c.forbidden(right, "all keys")
}

// NeedSome is nil if the caller has a right to some key or other: for what concerns no key
// yet.
func (c *Caller) NeedSome(right Right) error {
	if c != nil {
		for _, g := range c.Grants {
			if g.Rights&right == right {
				return nil
			}
		}
	}
	return c.forbidden(right, "any key")
}

// Ranges are all that the caller has a right to, in order; none meets another.
func (c *Caller) Ranges(right Right) (all []kv.Range) {
	if c == nil {
		return nil
	}
	var granted []kv.Range
	for _, g := range c.Grants {
		if g.Rights&right == right {
			granted = append(granted, kv.Prefix(g.Prefix))
		}
	}
	slices.SortFunc(granted, func(a, b kv.Range) int { return strings.Compare(a.From, b.From) })
	for _, r := range granted {
		// Of two prefixes, one has all of the other, or nothing. The shorter came before.
		if len(all) == 0 || !covers(all[len(all)-1], r) {
			all = append(all, r)
		}
	}
	return all
}

func (c *Caller) forbidden(right Right, to string) error {
	e := &ForbiddenError{Right: right, To: to}
	if c != nil {
		e.Caller = c.Name
	}
	return e
}
