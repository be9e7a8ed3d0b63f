package redis

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa/kv"
)

// What a connection keeps is bounded, and what is beyond is answered with an error, after
// which the connection goes on.
func TestWhatAConnectionKeepsIsBounded(t *testing.T) {
	_, addr := start(t, newStore(t), Config{})
	many := func(prefix string, n int) (names []string) {
		for i := range n {
			names = append(names, fmt.Sprint(prefix, i))
		}
		return names
	}
	mustSay := func(c *client, want string) {
		t.Helper()
		if got := c.line(); !strings.HasPrefix(got, want) {
			t.Errorf("it is answered %q, want %q", got, want)
		}
	}

	c := dial(t, addr)
	c.answers(array(append([]string{"WATCH"}, many("k", maxWatched)...)...), "+OK\r\n")
	c.answers(array("WATCH", "one-more"), "-"+string(errTooLarge)+"\r\n")
	c.answers(array("PING"), "+PONG\r\n")

	c = dial(t, addr)
	c.send(array(append([]string{"SUBSCRIBE"}, many(keyChannel+"k", maxSubscriptions+1)...)...))
	for range 6 * maxSubscriptions { // six lines for each
		c.line()
	}
	mustSay(c, "-ERR too many channels and patterns")

	c = dial(t, addr)
	c.answers(array("MULTI"), "+OK\r\n")
	del := array(append([]string{"DEL"}, many("k", kv.MaxOps)...)...)
	c.answers(del, "+QUEUED\r\n")
	c.answers(array("DEL", "one-more"), "-ERR the transaction is too large\r\n")
	c.send(array("EXEC"))
	mustSay(c, "-EXECABORT")
	c.answers(array("PING"), "+PONG\r\n")
}

// What all connections have queued is bounded together.
func TestWhatIsReadForOneAnswerIsBounded(t *testing.T) {
	read := 0
	get := func(key string) (kv.Item, error) {
		read++
		return kv.Item{Key: key, Value: make([]byte, kv.MaxValue)}, nil
	}
	var ops []kv.Op
	for range 100 {
		ops = append(ops, kv.Get("k"))
	}
	r, err := lookUp(append(ops, look([]byte("k"))), get)
	if err != nil || len(r.Replies) != 101 {
		t.Fatalf("%d replies, %v", len(r.Replies), err)
	}
	held := 0
	for i, reply := range r.Replies {
		if !reply.Found || reply.Cut == (len(reply.Items) > 0) {
			t.Fatalf("reply %d is neither there nor cut: %d items", i, len(reply.Items))
		}
		for _, item := range reply.Items {
			held += len(item.Value)
		}
	}
	if most := kv.MaxReply/kv.MaxValue + 2; held != kv.MaxReply || read > most {
		t.Errorf("%d bytes are held, want %d; %d values were read, want at most %d", held, kv.MaxReply, read, most)
	}
	if r.Replies[100].Cut {
		t.Error("what asks for no value is cut")
	}

	_, addr := start(t, newStore(t), Config{})
	c := dial(t, addr)
	c.answers(array("SET", "k", strings.Repeat("x", kv.MaxValue)), "+OK\r\n")
	c.answers(array("MGET", "k", "k", "k", "k", "k"), "-ERR the values are too large for one answer; ask for fewer\r\n")
	c.answers(array("EXISTS", "k", "k", "k", "k", "k"), ":5\r\n")
}

// Clients that read slowly cannot make a member hold as many values as there are of them.
func TestAnswersThatAreBeingWrittenAreCounted(t *testing.T) {
	s, addr := start(t, newStore(t), Config{MaxHeld: 2 * kv.MaxValue})
	c := dial(t, addr)
	c.answers(array("SET", "k", strings.Repeat("x", kv.MaxValue)), "+OK\r\n")
	var slow []*client
	for range 2 {
		one := dial(t, addr)
		one.Conn.(*net.TCPConn).SetReadBuffer(4 << 10)
		one.send(strings.Repeat(array("GET", "k"), 20)) // more than fits between the two
		slow = append(slow, one)
	}
	until := time.Now().Add(20 * time.Second)
	for !strings.HasPrefix(c.shown("GET k"), "-TRYAGAIN nothing was changed: this member is busy") {
		if time.Now().After(until) {
			t.Fatalf("%d bytes are held, and more is read", s.held.Load())
		}
	}
	c.answers(array("EXISTS", "k"), ":1\r\n")
	for _, one := range slow {
		one.Close()
	}
	for ; s.held.Load() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("%d bytes are still held", s.held.Load())
		}
	}
	c.answers(array("STRLEN", "k"), fmt.Sprintf(":%d\r\n", kv.MaxValue))
}

func TestWhatIsQueuedIsCounted(t *testing.T) {
	_, addr := start(t, newStore(t), Config{MaxHeld: 4096})
	first, second := dial(t, addr), dial(t, addr)
	value := strings.Repeat("x", 1500)
	first.answers(array("MULTI")+array("SET", "k", value), "+OK\r\n+QUEUED\r\n")
	second.answers(array("MULTI")+array("SET", "k", value), "+OK\r\n-ERR this member is busy with other large commands; try again\r\n")
	second.answers(array("DISCARD"), "+OK\r\n")
	first.answers(array("EXEC"), "*1\r\n+OK\r\n")
	second.answers(array("MULTI")+array("SET", "k", value)+array("EXEC"), "+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n")
}
