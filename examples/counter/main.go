// Command counter keeps a number that survives it: each run adds 5.
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
	node, err := balsa.Open(ctx, balsa.Config{Dir: "data/a"}, sum)
	if err != nil {
		log.Fatal(err)
	}
	defer node.Close()
	total, err := node.Propose(ctx, 5) // returns once it is on disk and applied
	fmt.Println(total, err)
}
