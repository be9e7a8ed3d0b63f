package redis

import (
	"context"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
)

func TestEachCommandIsObservedOnceByItsName(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]int{}
	_, addr := start(t, newStore(t), Config{Observe: func(command, result string, took time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		seen[command+" "+result]++
		if took <= 0 || took > time.Minute {
			t.Errorf("%s took %s", command, took)
		}
	}})
	c := dial(t, addr)
	c.answers(array("SET", "k", "v")+array("GET", "k")+array("get", "none")+array("INCR", "k"),
		"+OK\r\n$1\r\nv\r\n$-1\r\n-ERR value is not an integer or out of range\r\n")
	c.answers(array("MULTI")+array("SET", "k", "1")+array("INCR", "k")+array("EXEC"), "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n:2\r\n")
	c.answers("say hello\n", "Ok: hello\n")
	c.answers(array("GET"), "-ERR wrong number of arguments for 'get' command\r\n")
	c.answers(array("\x00made\x01up"), "-ERR unknown command")
	c.line()
	c.answers(array("PING"), "+PONG\r\n") // what is before it was told of by now
	c.answers(array("QUIT"), "+OK\r\n")
	c.ends()
	mu.Lock()
	defer mu.Unlock()
	delete(seen, "quit ok") // it may be told of after the answer
	want := map[string]int{
		"set ok": 2, "get ok": 2, "incr refused": 1, "incr ok": 1, "multi ok": 1, "exec ok": 1, "line ok": 1, "get refused": 1,
		"other refused": 1, "ping ok": 1,
	}
	if !maps.Equal(seen, want) {
		t.Errorf("observed\n%v, want\n%v", seen, want)
	}
}

// lost is a store whose cluster has no leader.
type lost struct{ kv.Store }

func (lost) Do(context.Context, kv.Command) (kv.Result, error) {
	return kv.Result{}, noLeader
}

func (lost) Get(context.Context, string) (kv.Item, error) { return kv.Item{}, noLeader }

var noLeader = errorsOf{balsa.ErrNotCommitted, balsa.ErrNoLeader}

// errorsOf is an error that is several.
type errorsOf []error

func (errorsOf) Error() string     { return "nobody leads" }
func (e errorsOf) Unwrap() []error { return e }

func TestCommandsThatTheClusterCannotCarryOutHaveFailed(t *testing.T) {
	results := make(chan string, 10)
	_, addr := start(t, lost{}, Config{Observe: func(command, result string, _ time.Duration) { results <- command + " " + result }})
	c := dial(t, addr)
	c.answers(array("SET", "k", "v"), "-CLUSTERDOWN nothing was changed: nobody leads\r\n")
	c.answers(array("GET", "k"), "-CLUSTERDOWN nothing was changed: nobody leads\r\n")
	if one, two := <-results, <-results; one != "set failed" || two != "get failed" {
		t.Errorf("observed %q and %q", one, two)
	}
}
