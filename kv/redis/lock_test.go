package redis

import (
	"strings"
	"testing"
)

// The lock of docs/redis.md: the number of whoever gets it is higher than that of all who
// had it before, however often others have tried meanwhile.
func TestALockOfTheDocumentationHasATokenThatRises(t *testing.T) {
	_, addr := start(t, newStore(t), Config{})
	c := dial(t, addr)
	take := func(who string) (got bool, token string) {
		t.Helper()
		c.answers(array("MULTI")+array("SET", "l", who, "NX", "PX", "30000")+array("INCR", "l/token"), "+OK\r\n+QUEUED\r\n+QUEUED\r\n")
		c.send(array("EXEC"))
		c.line() // an array of two
		got = c.line() == "+OK\r\n"
		return got, strings.TrimSpace(c.line())
	}
	if got, token := take("one"); !got || token != ":1" {
		t.Errorf("free, and %t, %s", got, token)
	}
	if got, token := take("two"); got || token != ":2" {
		t.Errorf("held, and %t, %s", got, token)
	}
	c.answers(array("WATCH", "l")+array("GET", "l")+array("MULTI")+array("DEL", "l")+array("EXEC"), "+OK\r\n$3\r\none\r\n+OK\r\n+QUEUED\r\n*1\r\n:1\r\n")
	if got, token := take("two"); !got || token != ":3" {
		t.Errorf("given back, and %t, %s", got, token)
	}
}
