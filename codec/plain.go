//go:build balsa_binary

package codec

import "fmt"

// structured is for a program that is to be small, the members' own in a window: its types
// marshal themselves, and what would make JSON of others is left out.
func structured[T any]() (Codec[T], error) {
	if c, ok := binary[T](); ok {
		return c, nil
	}
	return Codec[T]{}, fmt.Errorf("%T: this program was built with the tag balsa_binary, for types that marshal themselves in binary", *new(T))
}
