package host

import (
	"fmt"

	"github.com/balsaraft/balsa/wire"
)

// differences are the members whose state is known to differ, each once. Not safe for
// concurrent use: the host's.
type differences []difference

// difference is what is known of one of them. It holds as long as the member is one, for
// who stops over it never starts again under its identity, or until it has agreed with a
// majority at a later entry, as after a snapshot.
type difference struct {
	with  wire.MemberID
	index wire.Index // after which it was seen
	told  bool       // by a leader, who tells it again at each comparison while it is so
	err   error
}

// note adds a difference. What was known of that member before is replaced.
func (d *differences) note(one difference) {
	d.drop(func(known difference) bool { return known.with == one.with })
	*d = append(*d, one)
}

// settle drops those who had the majority's hash in a later comparison.
func (d *differences) settle(r *comparison, hash uint64) {
	d.drop(func(known difference) bool {
		for _, one := range r.said {
			if one.id == known.with && one.hash == hash {
				return r.index > known.index
			}
		}
		return false
	})
}

func (d *differences) drop(is func(difference) bool) {
	kept := (*d)[:0]
	for _, one := range *d {
		if !is(one) {
			kept = append(kept, one)
		}
	}
	clear((*d)[len(kept):])
	*d = kept
}

// differ is what differs among members, as far as this one was told; nil if nothing does.
func (h *Host) differ() error {
	h.compare.differ.drop(func(known difference) bool {
		_, member := h.view.Membership.Find(known.with)
		return !member || known.told && h.compare.own.Index >= known.index+2*h.cfg.HashEvery
	})
	var all error
	for _, one := range h.compare.differ {
		if all == nil {
			all = one.err
		} else {
			all = fmt.Errorf("%w; %w", all, one.err)
		}
	}
	return all
}
