package codec

import (
	"encoding"
	"fmt"
	"reflect"
)

// binary is the codec of a type that marshals itself, as a value or by a pointer. T
// may be a pointer type itself.
func binary[T any]() (Codec[T], bool) {
	t := reflect.TypeFor[T]()
	if !t.Implements(marshaler) && !reflect.PointerTo(t).Implements(marshaler) {
		return Codec[T]{}, false
	}
	pointer := t.Kind() == reflect.Pointer && t.Implements(unmarshaler)
	if !pointer && !reflect.PointerTo(t).Implements(unmarshaler) {
		return Codec[T]{}, false
	}
	return Codec[T]{
		Append: func(b []byte, v T) ([]byte, error) {
			m, ok := any(v).(encoding.BinaryMarshaler)
			if !ok {
				m = any(&v).(encoding.BinaryMarshaler)
			}
			data, err := m.MarshalBinary()
			if err != nil {
				return nil, fmt.Errorf("encode %s: %w", t, err)
			}
			return append(b, data...), nil
		},
		Decode: func(b []byte) (v T, err error) {
			target := any(&v)
			if pointer {
				v = reflect.New(t.Elem()).Interface().(T)
				target = v
			}
			if err := target.(encoding.BinaryUnmarshaler).UnmarshalBinary(b); err != nil {
				return v, fmt.Errorf("decode %s: %w", t, err)
			}
			return v, nil
		},
	}, true
}
