package kv

import (
	"errors"
	"maps"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/balsaraft/balsa"
)

// An earlier revision is what is there now, with the changes since then undone: of each
// key that has changed, the first change after the revision has what was there at it.

// eachAt is each for an earlier revision. It reads all of the history since then, once.
func (v *View) eachAt(r Range, yield func(string, *record) bool) error {
	return v.pin.with(historyBounds(v.at+1), func(history *pebble.Iterator) error {
		undone, err := changedIn(r, history)
		if err != nil {
			return err
		}
		now, err := history.Clone(pebble.CloneOptions{IterOptions: keyBounds(r)})
		if err != nil {
			return err
		}
		return errors.Join(v.merge(now, history, undone, yield), now.Error(), now.Close())
	})
}

// placeInHistory is where a change stands.
type placeInHistory struct {
	index balsa.Index
	n     uint32
}

// changedIn is where each key of a range has changed first in a piece of the history.
func changedIn(r Range, history *pebble.Iterator) (map[string]placeInHistory, error) {
	first := map[string]placeInHistory{}
	for ok := history.First(); ok; ok = history.Next() {
		at, c, err := changeAt(history)
		if err != nil {
			return nil, err
		}
		if _, known := first[c.key]; !known && r.Contains(c.key) {
			first[c.key] = at
		}
	}
	return first, history.Error()
}

// changeAt is the change at which an iterator stands. Its record is valid while the
// iterator stays there.
func changeAt(history *pebble.Iterator) (at placeInHistory, c change, err error) {
	if at.index, at.n, err = cutHistoryKey(history.Key()); err != nil {
		return at, c, err
	}
	value, err := history.ValueAndErr()
	if err != nil {
		return at, c, err
	}
	c, err = decodeChange(value)
	return at, c, err
}

// merge yields the keys that stand now and those that were undone, in order.
func (v *View) merge(now, history *pebble.Iterator, undone map[string]placeInHistory, yield func(string, *record) bool) error {
	changed := slices.Sorted(maps.Keys(undone))
	for isNow := now.First(); isNow || len(changed) > 0; {
		var key string
		var found *record
		var err error
		switch {
		case !isNow || len(changed) > 0 && changed[0] <= string(now.Key()[1:]):
			key, changed = changed[0], changed[1:]
			found, err = before(history, undone[key])
		default:
			key = string(now.Key()[1:])
			found, err = decodeRecord(now.Value())
		}
		switch {
		case err != nil:
			return err
		case found != nil && v.visible(found) && !yield(key, found):
			return nil
		}
		isNow = isNow && (string(now.Key()[1:]) != key || now.Next())
	}
	return nil
}

// before is what a change replaced or removed, nil for nothing.
func before(history *pebble.Iterator, at placeInHistory) (*record, error) {
	if !history.SeekGE(appendHistoryKey(nil, at.index, at.n)) {
		return nil, errors.Join(history.Error(), errMissingChange(at))
	}
	found, c, err := changeAt(history)
	if err == nil && found != at {
		err = errMissingChange(at)
	}
	return c.before, err
}
