//go:build !balsa_binary

package codec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// structured is the codec of a type that has parts: as it marshals itself, or as JSON.
func structured[T any]() (Codec[T], error) {
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
