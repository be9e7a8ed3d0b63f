package http

import (
	"bufio"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Watchers who come and go leave nothing behind: no goroutine, and no memory of theirs.
func TestACrowdOfWatchersThatHasLeftLeavesNothingBehind(t *testing.T) {
	addr := strings.TrimPrefix(start(t, nil), "http://")
	visit := func(watches int) {
		t.Helper()
		all := make([]*bufio.Reader, watches)
		for i := range all {
			var leave func()
			all[i], leave = askRaw(t, addr, "GET /watch?prefix=key HTTP/1.1")
			defer leave()
		}
		_, leave := askRaw(t, addr, "PUT /kv/key HTTP/1.1\r\nContent-Length: 1\r\nConnection: close", "x")
		leave()
		for i, in := range all {
			if line := find(in, "data:"); !strings.Contains(line, `"key"`) {
				t.Fatalf("watcher %d of %d sees %q", i, watches, line)
			}
		}
	}
	visit(5) // what is made once and kept
	goroutines, heap := runtime.NumGoroutine(), heapInUse()
	visit(100)
	deadline := time.Now().Add(20 * time.Second)
	for runtime.NumGoroutine() > goroutines && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > goroutines {
		stacks := make([]byte, 64<<10)
		t.Errorf("%d goroutines before, %d after all have left:\n%s", goroutines, n, stacks[:runtime.Stack(stacks, true)])
	}
	const spare = 1 << 20
	if now := heapInUse(); now > heap+spare {
		t.Errorf("%d KiB of heap before, %d KiB after all have left", heap>>10, now>>10)
	}
}

// askRaw asks on a connection of its own, and waits until the answer begins.
func askRaw(t *testing.T, addr, head string, body ...string) (in *bufio.Reader, leave func()) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(c, "%s\r\nHost: %s\r\n\r\n%s", head, addr, strings.Join(body, ""))
	in = bufio.NewReader(c)
	if line, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 200") {
		t.Fatalf("%q is answered %q, %v", head, line, err)
	}
	return in, func() { c.Close() }
}

// find is the next line that begins so, "" if none comes.
func find(in *bufio.Reader, begin string) string {
	for {
		line, err := in.ReadString('\n')
		if err != nil || strings.HasPrefix(line, begin) {
			return line
		}
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
