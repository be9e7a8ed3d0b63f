// Package codec turns a user's values into bytes and back: []byte and string as they
// are, types that marshal themselves in binary by their own methods, all else as JSON.
// What would be lost without a word is refused beforehand:
//
//	binary.go      types that marshal themselves in binary
//	structured.go  types that have parts; plain.go does without JSON
//	json.go        the walk through the parts of a type
//	fields.go      which fields of a struct JSON writes, and under which names
//	methods.go     types and keys of maps that bring methods of their own
//	borrowed.go    methods that a struct has from what is embedded in it
package codec
