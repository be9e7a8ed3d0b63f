// Package access says which callers may do what in the key-value store.
//
// A Book knows callers by their tokens, or by their certificates' names. Each has grants: rights to the keys of a prefix.
// What no grant allows is denied. Guard puts a caller's rights before a kv.Store, so that
// each face of the store asks in one place: every condition and every operation of a
// command is looked at, and a range must lie in one grant as a whole.
//
// Rights do not depend on each other: who may write a prefix cannot read it, and learns
// of what was there before only whether there was something. Leases belong to the keys that go with them: who may
// write all of them may keep the lease alive, or end it.
package access
