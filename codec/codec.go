package codec

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
	return structured[T]()
}
