package redis

import (
	"bufio"
	"fmt"
	"net"
	"runtime"
	"testing"
	"time"
)

// Callers who come and go leave nothing behind: no goroutine, and no memory of theirs.
func TestACrowdThatHasLeftLeavesNothingBehind(t *testing.T) {
	_, addr := start(t, newStore(t), Config{})
	visit := func(conns, subscribers int) {
		t.Helper()
		all := make([]*client, conns)
		for i := range all {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(20 * time.Second))
			all[i] = &client{Conn: c, in: bufio.NewReader(c), t: t}
			all[i].answers("PING\r\n", "+PONG\r\n")
		}
		for i := range subscribers {
			channel := fmt.Sprintf("__keyspace@0__:key%d", i)
			all[i].answers(array("SUBSCRIBE", channel), fmt.Sprintf("*3\r\n$9\r\nsubscribe\r\n$%d\r\n%s\r\n:1\r\n", len(channel), channel))
		}
		if conns > subscribers {
			all[subscribers].answers(array("SET", "key0", "1"), "+OK\r\n")
			all[0].answers("", "*3\r\n$7\r\nmessage\r\n$19\r\n__keyspace@0__:key0\r\n$3\r\nset\r\n")
		}
	}
	visit(5, 2) // what is made once and kept
	goroutines, heap := runtime.NumGoroutine(), heapInUse()
	visit(500, 100)
	deadline := time.Now().Add(20 * time.Second)
	for runtime.NumGoroutine() > goroutines && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > goroutines {
		stacks := make([]byte, 64<<10)
		t.Errorf("%d goroutines before, %d after all have left:\n%s", goroutines, n, stacks[:runtime.Stack(stacks, true)])
	}
	const spare = 4 << 20 // 500 connections had buffers of 16 MiB
	if now := heapInUse(); now > heap+spare {
		t.Errorf("%d KiB of heap before, %d KiB after all have left", heap>>10, now>>10)
	}
}

// heapInUse is what is still referred to.
func heapInUse() uint64 {
	runtime.GC()
	runtime.GC() // pools give up what they hold in two rounds
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
