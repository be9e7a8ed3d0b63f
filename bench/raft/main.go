// Command raft compares the library with other Raft libraries for Go, and with a floor
// below which no log on three disks can go. Three members run in one process over
// loopback TCP, each with a directory of its own on a real disk and with real syncs;
// callers on the leader each wait until their command is committed and applied before
// the next one. All contestants carry the same load, written once.
//
//	cd bench && go run ./raft                      # all of it, some 25 minutes
//	go run ./raft -quick                           # a look, 5 minutes
//	go run ./raft -parts throughput -only balsa,floor -sizes 256 -callers 256
//
// Each measurement has a process of its own, and contestants take turns in each round, so
// that what one meets at a moment when the machine is busy the others meet, too.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if isChild() {
		runChild()
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "raft:", err)
		os.Exit(1)
	}
}
