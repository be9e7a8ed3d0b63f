// Package kv is a replicated key-value store: a balsa.StateMachine on Pebble, and the
// Store through which its faces (kv/text, kv/http) reach it on any member.
//
//	machine, err := kv.Open(kv.Dir("data/a"), kv.Options{})
//	node, err := balsa.Open(ctx, balsa.Config{Dir: "data/a", MaxCommand: kv.MaxCommand}, machine)
//	go kv.KeepTime(ctx, node)
//	store := kv.NewStore(node)
//
//	version, err := store.Put(ctx, "color", []byte("red"))
//	item, err := store.Get(ctx, "color")
//	result, err := store.Do(ctx, kv.Command{
//		If:   []kv.Condition{kv.IfVersion(version).On("color")},
//		Then: []kv.Op{kv.Set("color", []byte("blue")), kv.Add("changes", 1)},
//		Else: []kv.Op{kv.Get("color")},
//	})
//	for changes, err := range store.Watch(ctx, kv.Watch{Range: kv.Prefix("col")}) { … }
//
// Changes enter as a Command, travel through the log and leave as a Result. Reads make
// no entry in the log; they are linearizable all the same. A command's log index is the
// revision of the store: every key has the index of its last change as its version, that
// of its making, and a count of changes. A bounded history is kept: views go back into
// it, and watches resume from it.
//
// What is etcd's revision is the index here, CreateRevision Created, ModRevision Version,
// Version Changes; a transaction's compares are Conditions.
//
// Time is the log's: keys and leases expire at the same index on every member, by the
// time of the entry there.
//
// The state is on the disk and may be larger than memory. It has no log of its own: what
// a crash takes from memory is applied again from the Raft log, since the index up to
// which the data reaches is a part of the data.
//
//	op.go, condition.go, command.go, result.go    what is asked and answered, as bytes
//	machine.go, open.go, compactions.go           the store
//	apply.go, draft.go, lease.go, expire.go       commands
//	operate.go, scan.go, write.go                 what operations do to a draft, and it to the store
//	history.go                                    what is kept of the past
//	recent.go                                     records that need not be looked for
//	view.go, undo.go, watch.go, tail.go           reads
//	snapshot.go, restore.go                       the state as a stream
//	layout.go, record.go, upgrade.go              keys and values in Pebble
//	store.go, lock.go, keeptime.go                what users hold
package kv
