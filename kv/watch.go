package kv

import (
	"bytes"
	"context"
	"iter"

	"github.com/cockroachdb/pebble/v2"

	"github.com/balsaraft/balsa"
)

// Watch says what a watch wants to see.
type Watch struct {
	Range Range
	// From is the first index whose changes are wanted; 0 is from the call on. To
	// resume, it is the index after the last one seen.
	From balsa.Index
	// Previous asks for what was there before each change.
	Previous bool
	// KeysOnly leaves out what is there: of an event's Item, Key and Version are known.
	KeysOnly bool
	// Progress asks for Changes without events when the watch has seen all there is and
	// none of it was in the range, so that it can resume from there.
	Progress bool
}

// Changes are what one command changed in the range of a watch, all of it at once.
type Changes struct {
	Index  balsa.Index // of the command
	Events []Event
}

// Event is one key's change.
type Event struct {
	// Removed says that the key has no value any more: it was deleted, has expired, or
	// went with its lease. Of Item, Key and Version are known then.
	Removed bool
	Item    Item
	// Previous is what was there before, nil for nothing, or if nobody asked.
	Previous *Item
}

// Watch yields the changes of a range in order, each once, and goes on with those to
// come until ctx ends or the loop does. A member that has fallen behind yields them
// later, but none is left out, not by a restart nor by a snapshot that the member takes
// over.
//
// It ends with an error: that of ctx, *CompactedError (which Is balsa.ErrCompacted) if
// the history does not reach back to where it is any more, ErrClosed, or that of a store
// that cannot be read.
func (m *Machine) Watch(ctx context.Context, w Watch) iter.Seq2[Changes, error] {
	next := w.From
	if next == 0 {
		next = m.Applied() + 1
	}
	return func(yield func(Changes, error) bool) {
		next := next
		for {
			grown := m.growth.after(next)
			seen, err := m.since(w, next, yield)
			if err == nil && seen == 0 {
				return // the loop has ended
			}
			next = max(next, seen)
			if err == nil {
				select {
				case <-grown:
				case <-ctx.Done():
				}
				if ctx.Err() != nil {
					err = context.Cause(ctx)
				}
			}
			if err != nil {
				yield(Changes{}, err)
				return
			}
		}
	}
}

// pageBytes is how much of the history is read before the view is made anew, so that
// who reads slowly does not hold the store's files, nor much memory: a page lies there until
// all of it is taken. A thousand watches hold 256 MiB. Smaller pages would go through the
// history more often, for values that stand in later changes.
const pageBytes = 256 << 10

// since yields the changes from an index on, as far as one look at the store shows them,
// and returns the index to go on from, 0 if yield said no.
func (m *Machine) since(w Watch, from balsa.Index, yield func(Changes, error) bool) (balsa.Index, error) {
	yielded := from
	for {
		page, next, err := m.page(w, from)
		if err != nil {
			return 0, err
		}
		for _, changes := range page {
			if !yield(changes, nil) {
				return 0, nil
			}
			yielded = changes.Index + 1
		}
		if next == from || len(page) == 0 {
			if w.Progress && next > yielded && !yield(Changes{Index: next - 1}, nil) {
				return 0, nil
			}
			return next, nil
		}
		from = next
	}
}

// page reads some changes from an index on, and up to where it has looked.
func (m *Machine) page(w Watch, from balsa.Index) (page []Changes, next balsa.Index, err error) {
	if upTo, known := m.tail.without(w.Range, from); known && m.remembers(from) {
		return nil, max(from, upTo+1), nil
	}
	v, err := m.View()
	if err != nil {
		return nil, 0, err
	}
	defer v.Close()
	if from <= v.head.compacted {
		return nil, 0, &CompactedError{from, v.head.compacted}
	}
	p := pageReader{view: v, watch: w, next: max(from, v.head.applied+1), wanting: map[string]eventAt{}}
	err = v.pin.with(historyBounds(from), p.read)
	return p.page, p.next, err
}

// pageReader reads a piece of the history for a watch.
type pageReader struct {
	view  *View
	watch Watch
	page  []Changes
	next  balsa.Index // up to where it has looked
	bytes int
	full  bool
	// wanting are events that lack what their key was given, by that key: the next
	// change of it has what that was.
	wanting map[string]eventAt
}

// eventAt is where an event stands in a page.
type eventAt struct{ changes, event int }

// read reads until the page is full and its events have what they want.
func (p *pageReader) read(history *pebble.Iterator) error {
	now, err := history.Clone(pebble.CloneOptions{IterOptions: tableBounds(keyTable)})
	if err != nil {
		return err
	}
	defer now.Close()
	for ok := history.First(); ok && !(p.full && len(p.wanting) == 0); ok = history.Next() {
		at, c, err := changeAt(history)
		if err != nil {
			return err
		}
		if err := p.supply(c); err != nil {
			return err
		}
		last := len(p.page) - 1
		if !p.full && last >= 0 && p.bytes > pageBytes && p.page[last].Index != at.index {
			p.full, p.next = true, at.index
		}
		if p.full || !p.watch.Range.Contains(c.key) {
			continue
		}
		if err := p.add(now, at.index, c); err != nil {
			return err
		}
	}
	for key, where := range p.wanting {
		return errMissingVersion(key, p.page[where.changes].Index)
	}
	return nil
}

// supply gives an event what its key was given, which a later change replaced.
func (p *pageReader) supply(c change) error {
	where, wanted := p.wanting[c.key]
	if !wanted {
		return nil
	}
	delete(p.wanting, c.key)
	changes := &p.page[where.changes]
	if c.before == nil || c.before.version != changes.Index {
		return errMissingVersion(c.key, changes.Index)
	}
	changes.Events[where.event].Item = c.before.kept(c.key)
	p.bytes += len(c.before.value)
	return nil
}

// add adds a change to the page.
func (p *pageReader) add(now *pebble.Iterator, index balsa.Index, c change) error {
	e := Event{Removed: c.removed, Item: Item{Key: c.key, Version: index}}
	if p.watch.Previous && c.before != nil {
		before := c.before.kept(c.key)
		e.Previous = &before
	}
	last := len(p.page) - 1
	if last < 0 || p.page[last].Index != index {
		p.page = append(p.page, Changes{Index: index})
		last++
	}
	if !c.removed && !p.watch.KeysOnly {
		found, err := standing(now, c.key, index)
		switch {
		case err != nil:
			return err
		case found != nil:
			e.Item = found.kept(c.key)
		default:
			p.wanting[c.key] = eventAt{last, len(p.page[last].Events)}
		}
	}
	p.page[last].Events = append(p.page[last].Events, e)
	p.bytes += int(c.weight()) + len(e.Item.Value)
	return nil
}

// standing is what a key holds now, if that is of a version. It is valid until the
// iterator moves.
func standing(now *pebble.Iterator, key string, version balsa.Index) (*record, error) {
	where := appendKeyKey(nil, key)
	if !now.SeekGE(where) || !bytes.Equal(now.Key(), where) {
		return nil, now.Error()
	}
	value, err := now.ValueAndErr()
	if err != nil {
		return nil, err
	}
	r, err := decodeRecord(value)
	if err != nil || r.version != version {
		return nil, err
	}
	return r, nil
}

// remembers says whether the store is open and its history reaches back to an index.
func (m *Machine) remembers(from balsa.Index) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return !m.closed && from > m.state.Load().compacted
}
