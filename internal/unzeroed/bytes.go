// Package unzeroed makes memory for what is written over at once. To fill a large piece with
// zeros first costs about as much as to copy its bytes, and it pushes others out of the
// processor's caches.
package unzeroed

import (
	"strings"
	"unsafe"
)

// least is how many bytes are worth it: smaller pieces come from memory that Go clears many
// at a time.
const least = 4 << 10

// Bytes returns n bytes, which hold anything: what was in this memory before. Who asks for
// them writes each before anybody reads it.
//
// Of what Go offers, only a strings.Builder gets memory in this way. Nobody else knows of
// its string, so that to write into it changes nobody's.
func Bytes(n int) []byte {
	if n < least {
		return make([]byte, n)
	}
	var b strings.Builder
	b.Grow(n)
	b.WriteByte(0)
	return unsafe.Slice(unsafe.StringData(b.String()), n)
}
