// Package codec turns a user's values into bytes and back: []byte and string as they
// are, types that marshal themselves in binary by their own methods, all else as JSON.
// What would be lost without a word is refused beforehand:
//
//	json.go     the walk through the parts of a type
//	fields.go   which fields of a struct JSON writes, and under which names
//	methods.go  types and keys of maps that bring methods of their own
//	borrowed.go methods that a struct has from what is embedded in it
package codec

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// Codec encodes and decodes values of one type. Its functions may be called from any
// goroutine.
type Codec[T any] struct {
	// Append adds the encoded value to b.
	Append func(b []byte, v T) ([]byte, error)
	// Decode reads a value from bytes, which it may refer to afterwards only if T is
	// []byte.
	Decode func(b []byte) (T, error)
	// Check says whether the value that Append encoded as b was altered by that in a
	// way that its type does not show; nil if it cannot have been.
	Check func(b []byte) error
}

// For chooses the codec of a type. It fails if values of the type would not survive.
func For[T any]() (Codec[T], error) {
	var zero T
	switch any(zero).(type) {
	case []byte:
		return Codec[T]{
			Append: func(b []byte, v T) ([]byte, error) { return append(b, any(v).([]byte)...), nil },
			Decode: func(b []byte) (T, error) { return any(b).(T), nil },
		}, nil
	case string:
		return Codec[T]{
			Append: func(b []byte, v T) ([]byte, error) { return append(b, any(v).(string)...), nil },
			Decode: func(b []byte) (T, error) { return any(string(b)).(T), nil },
		}, nil
	case struct{}:
		return Codec[T]{
			Append: func(b []byte, _ T) ([]byte, error) { return b, nil },
			Decode: func([]byte) (v T, _ error) { return v, nil },
		}, nil
	}
	t := reflect.TypeFor[T]()
	if c, ok := binary[T](); ok {
		if _, why := borrowedWay(t, t.String(), throughBinary); why == "" {
			return c, nil
		}
	}
	if err := CheckJSON(t); err != nil {
		return Codec[T]{}, err
	}
	return Codec[T]{Append: appendJSON[T], Decode: decodeJSON[T], Check: checkText}, nil
}

func appendJSON[T any](b []byte, v T) ([]byte, error) {
	// By a pointer, because JSON passes over a pointer's MarshalJSON where it has only
	// the value, and would still call its UnmarshalJSON.
	data, err := json.Marshal(&v)
	if err != nil {
		return nil, fmt.Errorf("encode %T as JSON: %w", v, err)
	}
	return append(b, data...), nil
}

// ErrNotUTF8 says that a string is not text, which JSON would replace by other text.
var ErrNotUTF8 = errors.New("a string in it is not UTF-8, and JSON would write other characters for it; use []byte, or give the type MarshalBinary and UnmarshalBinary")

// checkText looks for what package json writes for bytes that are not UTF-8: the escape
// of U+FFFD, which it writes for nothing else.
func checkText(b []byte) error {
	const escape = `\ufffd`
	for rest := b; ; {
		i := bytes.Index(rest, []byte(escape))
		if i < 0 {
			return nil
		}
		before := rest[:i]
		if backslashes := len(before) - len(bytes.TrimRight(before, `\`)); backslashes%2 == 0 {
			return ErrNotUTF8
		}
		rest = rest[i+len(escape):]
	}
}

func decodeJSON[T any](b []byte) (v T, err error) {
	if err := json.Unmarshal(b, &v); err != nil {
		return v, fmt.Errorf("decode %T from JSON: %w", v, err)
	}
	return v, nil
}

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
