package codec

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
)

// LossError says that JSON would lose a part of a type without a word.
type LossError struct {
	Type reflect.Type
	Path string // of the part, such as Account.balance
	Why  string
}

func (e *LossError) Error() string {
	return fmt.Sprintf("values of %s do not survive JSON: %s %s; export the field, tag it `json:\"-\"` if it may be lost, or give the type MarshalBinary and UnmarshalBinary", e.Type, e.Path, e.Why)
}

// CheckJSON says whether each part of a type comes back when its value is encoded as
// JSON and decoded, and names the first one that would not. A field tagged "-" is left
// out on purpose, and passes.
func CheckJSON(t reflect.Type) error {
	if path, why := lossIn(t, t.String(), map[reflect.Type]bool{}); why != "" {
		return &LossError{Type: t, Path: path, Why: why}
	}
	return nil
}

// lossIn finds the first part of t that JSON loses.
func lossIn(t reflect.Type, path string, seen map[reflect.Type]bool) (where, why string) {
	if seen[t] || marshalsItself(t) {
		return "", ""
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128:
		return path, "is a " + t.Kind().String() + ", which JSON cannot hold"
	case reflect.Interface:
		if t.NumMethod() > 0 {
			return path, "is the interface " + t.String() + ", whose dynamic type JSON forgets"
		}
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return lossIn(t.Elem(), path, seen)
	case reflect.Map:
		if !goodKey(t.Key()) {
			return path, "has keys of type " + t.Key().String() + ", which JSON cannot write"
		}
		return lossIn(t.Elem(), path+"[]", seen)
	case reflect.Struct:
		return lossInFields(t, path, seen)
	}
	return "", ""
}

func lossInFields(t reflect.Type, path string, seen map[reflect.Type]bool) (where, why string) {
	for i := range t.NumField() {
		f := t.Field(i)
		at := path + "." + f.Name
		if f.Tag.Get("json") == "-" || f.Type.Size() == 0 && f.Name == "_" {
			continue
		}
		promoted := f.Anonymous && f.Type.Kind() == reflect.Struct
		if !f.IsExported() && !promoted {
			return at, "is not exported"
		}
		if where, why := lossIn(f.Type, at, seen); why != "" {
			return where, why
		}
	}
	return "", ""
}

func goodKey(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return true
	}
	return t.Implements(textMarshaler) && reflect.PointerTo(t).Implements(textUnmarshaler)
}

// marshalsItself says whether a type has its own way in both directions.
func marshalsItself(t reflect.Type) bool {
	p := t
	if t.Kind() != reflect.Pointer {
		p = reflect.PointerTo(t)
	}
	return p.Implements(jsonMarshaler) && p.Implements(jsonUnmarshaler) ||
		p.Implements(textMarshaler) && p.Implements(textUnmarshaler)
}

var (
	jsonMarshaler   = reflect.TypeFor[json.Marshaler]()
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
	textMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)
