package codec

import (
	"fmt"
	"reflect"
)

// LossError says that an encoding would lose a part of a type without a word.
type LossError struct {
	Type reflect.Type
	Path string // of the part, such as Account.balance
	Why  string
}

func (e *LossError) Error() string {
	return fmt.Sprintf("values of %s do not survive JSON: %s %s; export the field, tag it `json:\"-\"` if it may be lost, or give the type MarshalBinary and UnmarshalBinary", e.Type, e.Path, e.Why)
}

// CheckJSON says whether each part of a type comes back when a pointer to its value is
// encoded as JSON and decoded, and names the first one that would not. A field tagged
// "-" is left out on purpose, and passes.
//
// It looks at types, not at values: of strings that are not UTF-8 JSON keeps as much
// as it can spell.
func CheckJSON(t reflect.Type) error {
	w := walk{seen: map[place]bool{}}
	if path, why := w.loss(t, t.String(), true); why != "" {
		return &LossError{Type: t, Path: path, Why: why}
	}
	return nil
}

// walk goes through the parts of a type, each once.
type walk struct{ seen map[place]bool }

// place is a type and whether its values are found where a pointer to them can be
// had: all but those in maps, of which JSON sees copies.
type place struct {
	reflect.Type
	addressable bool
}

// loss finds the first part of t that JSON loses.
func (w *walk) loss(t reflect.Type, path string, addressable bool) (where, why string) {
	if w.seen[place{t, addressable}] {
		return "", ""
	}
	w.seen[place{t, addressable}] = true
	if t.Kind() == reflect.Interface {
		return path, "is the interface " + t.String() + ", whose dynamic type JSON forgets"
	}
	if own, why := ownWay(t, addressable); own || why != "" {
		if why == "" {
			return borrowedWay(t, path, throughJSON)
		}
		return path, why
	}
	switch t.Kind() {
	case reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128:
		return path, "is a " + t.Kind().String() + ", which JSON cannot hold"
	case reflect.Pointer, reflect.Slice:
		return w.loss(t.Elem(), path, true)
	case reflect.Array:
		return w.loss(t.Elem(), path, addressable)
	case reflect.Map:
		if !goodKey(t.Key()) {
			return path, "has keys of type " + t.Key().String() + ", which JSON cannot write and read back"
		}
		return w.loss(t.Elem(), path+"[]", false)
	case reflect.Struct:
		return w.lossInFields(t, path, addressable)
	}
	return "", ""
}

func (w *walk) lossInFields(t reflect.Type, path string, addressable bool) (where, why string) {
	fields := fieldsOf(t, path)
	for _, f := range fields {
		if f.lost != "" {
			return f.path, f.lost
		}
	}
	if lost, by := overshadowed(fields); lost != "" {
		return lost, fmt.Sprintf("has the name %q in JSON, and so has %s", by.name, by.path)
	}
	for _, f := range fields {
		if where, why := w.loss(f.Type, f.path, addressable || f.pointed); why != "" {
			return where, why
		}
	}
	return "", ""
}
