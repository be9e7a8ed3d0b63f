package fault

import (
	"math/rand/v2"
	"path"
)

// Effect is what a Rule does to an operation.
type Effect uint8

const (
	// Fail makes the operation return an error. What it should have done has not
	// happened, except: of a Write, the first sectors may be there, and the count
	// returned says so; after a Sync or SyncDir, chance has decided what of the
	// changes before it is durable, and the rest never will be, though it can be seen
	// until the next crash. That is what an operating system leaves that drops dirty
	// pages after an error ("fsyncgate").
	Fail Effect = iota
	// Lose makes the operation succeed and never reach the disk: what it did can be
	// seen until the next crash, whatever is synced. A lost Sync or SyncDir leaves
	// what was pending so.
	Lose
	// Misplace makes a Write land Rule.Shift bytes away. Other operations are not
	// affected.
	Misplace
	// Corrupt flips a bit, drawn by chance, of what a Write writes or a Read returns.
	// Other operations are not affected.
	Corrupt
)

// Rule says which operations misbehave, and how. The zero value makes all fail.
type Rule struct {
	Op     Op      // 0: any
	File   string  // a pattern as of path.Match; "": any
	After  int     // operations that match and are let through first
	Times  int     // after so many it has had its effect; 0: no end
	Chance float64 // of each that matches; 0: certainty
	Effect Effect
	Err    error // what Fail returns; nil: ErrIO
	Shift  int64 // of Misplace
}

// Injection is a Rule in force. Any goroutine may use it.
type Injection struct {
	disk  *Disk
	rule  Rule
	seen  int // operations that matched; disk.mu guards both
	count int // those among them that were struck
}

// Inject puts a rule in force, until it is removed. Of several that match an operation
// the first decides. Rules outlive crashes.
func (d *Disk) Inject(r Rule) *Injection {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := &Injection{disk: d, rule: r}
	d.rules = append(d.rules, i)
	return i
}

// Struck is the number of operations that the rule has had its effect on.
func (i *Injection) Struck() int {
	i.disk.mu.Lock()
	defer i.disk.mu.Unlock()
	return i.count
}

// Remove ends the rule.
func (i *Injection) Remove() {
	i.disk.mu.Lock()
	defer i.disk.mu.Unlock()
	kept := i.disk.rules[:0]
	for _, r := range i.disk.rules {
		if r != i {
			kept = append(kept, r)
		}
	}
	i.disk.rules = kept
}

// strike is what happens to one operation. The zero value is: what was asked for.
type strike struct {
	effect Effect
	err    error // not nil if and only if effect is Fail
	shift  int64
}

func (s strike) lost() bool { return s.err == nil && s.effect == Lose }

func (i *Injection) strikes(o Operation, rng *rand.Rand) bool {
	r := i.rule
	if r.Op != 0 && r.Op != o.Op || r.File != "" && !matches(r.File, o.File) {
		return false
	}
	i.seen++
	switch {
	case i.seen <= r.After, r.Times > 0 && i.count >= r.Times:
		return false
	case r.Chance > 0 && rng.Float64() >= r.Chance:
		return false
	}
	i.count++
	return true
}

func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	if err != nil {
		panic("fault: a Rule's File is " + pattern + ": " + err.Error())
	}
	return ok
}

func (i *Injection) strike() strike {
	s := strike{effect: i.rule.Effect, shift: i.rule.Shift}
	if s.effect == Fail {
		if s.err = i.rule.Err; s.err == nil {
			s.err = ErrIO
		}
	}
	return s
}
