package codec

import (
	"encoding"
	"encoding/json"
	"reflect"
)

// ownWay says whether a type goes through JSON by methods of its own. They must be
// there for both directions, and JSON must find them: it calls a pointer's method only
// where it can have a pointer.
func ownWay(t reflect.Type, addressable bool) (own bool, why string) {
	p := t
	if t.Kind() != reflect.Pointer {
		p = reflect.PointerTo(t)
	}
	writes := t.Implements(jsonMarshaler) || t.Implements(textMarshaler)
	writesByPointer := p.Implements(jsonMarshaler) || p.Implements(textMarshaler)
	reads := p.Implements(jsonUnmarshaler) || p.Implements(textUnmarshaler)
	switch {
	case reads && writesByPointer && !writes && !addressable:
		return false, "is a value in a map, where JSON does not call the MarshalJSON or MarshalText of a pointer; let the map hold pointers"
	case reads && !writesByPointer:
		return false, "has UnmarshalJSON or UnmarshalText without the method that writes what it reads"
	case writesByPointer && !reads:
		return false, "has MarshalJSON or MarshalText without the method that reads it back"
	}
	return reads, ""
}

// goodKey says whether a map with such keys comes back. Strings are written as they
// are, whatever methods they have; of other kinds MarshalText comes first.
func goodKey(t reflect.Type) bool {
	reads := reflect.PointerTo(t).Implements(textUnmarshaler)
	switch t.Kind() {
	case reflect.String:
		return true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return reads == t.Implements(textMarshaler)
	}
	return reads && t.Kind() != reflect.Interface && t.Implements(textMarshaler)
}

var (
	jsonMarshaler   = reflect.TypeFor[json.Marshaler]()
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
	textMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	marshaler       = reflect.TypeFor[encoding.BinaryMarshaler]()
	unmarshaler     = reflect.TypeFor[encoding.BinaryUnmarshaler]()
)
