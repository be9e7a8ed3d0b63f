package world

import "time"

// agenda is what is going to happen, by virtual time; at one instant, in the order in
// which it was put down.
type agenda struct {
	items  []item
	number uint64
}

type item struct {
	at     time.Duration
	number uint64
	do     func()
}

func (i item) before(o item) bool { return i.at < o.at || i.at == o.at && i.number < o.number }

// add puts something down.
func (a *agenda) add(at time.Duration, do func()) {
	a.number++
	a.items = append(a.items, item{at, a.number, do})
	for child := len(a.items) - 1; child > 0; {
		parent := (child - 1) / 2
		if !a.items[child].before(a.items[parent]) {
			return
		}
		a.items[child], a.items[parent] = a.items[parent], a.items[child]
		child = parent
	}
}

// next takes off what happens next. It says false if nothing ever does.
func (a *agenda) next() (item, bool) {
	if len(a.items) == 0 {
		return item{}, false
	}
	first, last := a.items[0], len(a.items)-1
	a.items[0], a.items[last] = a.items[last], item{}
	a.items = a.items[:last]
	a.sink()
	return first, true
}

func (a *agenda) sink() {
	for parent := 0; ; {
		child := 2*parent + 1
		if child >= len(a.items) {
			return
		}
		if right := child + 1; right < len(a.items) && a.items[right].before(a.items[child]) {
			child = right
		}
		if !a.items[child].before(a.items[parent]) {
			return
		}
		a.items[child], a.items[parent] = a.items[parent], a.items[child]
		parent = child
	}
}
