// Package balsa is the counter on Balsa.
package balsa

import (
	"context"

	"github.com/balsaraft/balsa"
)

// Counter is a member of the cluster. Its Propose adds a number and returns the total.
type Counter = balsa.Node[*balsa.State[int, int, int], int, int]

// Open starts the member that lives in dir.
func Open(ctx context.Context, dir string) (*Counter, error) {
	sum := balsa.Func(0, func(total *int, _ balsa.Entry, add int) int { *total += add; return *total })
	return balsa.Open(ctx, balsa.Config{Dir: dir}, sum)
}
