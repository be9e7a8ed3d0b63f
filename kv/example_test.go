package kv_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
)

// A store on a member alone, in memory; kv.Open has one on disk.
func Example() {
	ctx := context.Background()
	machine := kv.NewMachine()
	defer machine.Close()
	node, err := balsa.Open(ctx, balsa.Config{MaxCommand: kv.MaxCommand, Logger: slog.New(slog.DiscardHandler)}, machine)
	if err != nil {
		log.Fatal(err)
	}
	defer node.Close()
	store := kv.NewStore(node)

	version, err := store.Put(ctx, "color", []byte("red"))
	if err != nil {
		log.Fatal(err)
	}
	_, err = store.Put(ctx, "color", []byte("blue"), kv.IfVersion(version))
	fmt.Println(err)
	_, err = store.Put(ctx, "color", []byte("green"), kv.IfVersion(version)) // it was changed since
	fmt.Println(errors.Is(err, kv.ErrDifferent))
	item, err := store.Get(ctx, "color")
	fmt.Printf("%s %v\n", item.Value, err)
	// Output:
	// <nil>
	// true
	// blue <nil>
}
