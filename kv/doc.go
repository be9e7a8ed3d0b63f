// Package kv is a replicated key-value store: a balsa.StateMachine on a map, and the
// Store through which its faces (kv/text, kv/http) reach it on any member.
//
//	node, err := balsa.Open(ctx, balsa.Config{Dir: "data/a", MaxCommand: kv.MaxCommand}, kv.NewMachine())
//	store := kv.NewStore(node)
//	version, err := store.Put(ctx, "color", []byte("red"))
//	item, err := store.Get(ctx, "color")
//
// Changes enter as a Command, travel through the log and leave as a Result. Reads make
// no entry in the log; they are linearizable all the same. Every key carries its
// version, the log index of its last change, on which a Condition can insist.
//
// All of the state is in memory; what outlives a restart is the log and its snapshots.
package kv
