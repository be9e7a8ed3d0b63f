// Command wasm-size is a member in memory and nothing else: what the least program
// that holds a replica weighs. `make wasm` builds it for browsers and fails when it
// has grown too large to load.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/balsaraft/balsa"
)

func main() {
	ctx := context.Background()
	sum := balsa.Func(0, func(total *int, _ balsa.Entry, add int) int { *total += add; return *total })
	node, err := balsa.Open(ctx, balsa.Config{}, sum)
	if err != nil {
		log.Fatal(err)
	}
	defer node.Close()
	total, err := node.Propose(ctx, 5)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(total)
}
