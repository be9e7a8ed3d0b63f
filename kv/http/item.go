package http

import (
	"time"
	"unicode/utf8"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
)

// Item is a key and what goes with it, as JSON. What is not UTF-8, and so cannot be a
// string there, stands as base64 in a field of another name.
type Item struct {
	Key     string      `json:"key,omitempty"`
	Key64   []byte      `json:"key64,omitempty"`
	Value   *string     `json:"value,omitempty"`
	Value64 []byte      `json:"value64,omitempty"`
	Version balsa.Index `json:"version"`
	Created balsa.Index `json:"created,omitempty"`
	Changes uint64      `json:"changes,omitempty"`
	Expires time.Time   `json:"expires,omitzero"`
	Lease   kv.LeaseID  `json:"lease,omitempty"`
}

// ItemOf is an item as JSON, with its value if that was asked for.
func ItemOf(i kv.Item, withValue bool) Item {
	shown := Item{Version: i.Version, Created: i.Created, Changes: i.Changes, Expires: i.Expires, Lease: i.Lease}
	if utf8.ValidString(i.Key) {
		shown.Key = i.Key
	} else {
		shown.Key64 = []byte(i.Key)
	}
	switch {
	case !withValue:
	case utf8.Valid(i.Value):
		text := string(i.Value)
		shown.Value = &text
	default:
		shown.Value64 = i.Value
	}
	return shown
}

func itemsOf(all []kv.Item, withValues bool) []Item {
	shown := make([]Item, len(all))
	for i := range all {
		shown[i] = ItemOf(all[i], withValues)
	}
	return shown
}
