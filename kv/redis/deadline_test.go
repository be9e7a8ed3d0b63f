package redis

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestEachWaitHasItsTimeAndAQuarterMoreAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const long = time.Minute
		var d deadline
		var set time.Time
		renewals := 0
		for range 600 {
			ends, renew := d.in(long)
			if renew {
				set = ends
				renewals++
			}
			if left := time.Until(set); left < long || left > long+long/4 {
				t.Fatalf("a wait may take %s, want %s and a quarter more at most", left, long)
			}
			time.Sleep(time.Second)
		}
		if want := 600/15 + 1; renewals > want {
			t.Errorf("it was set %d times in ten minutes, want %d at most", renewals, want)
		}
	})
}

// After a subscription, which may be silent for as long as it likes, a connection is
// again one that must say something.
func TestWhoIsNotSubscribedAnyMoreMustNotBeSilent(t *testing.T) {
	_, addr := start(t, newStore(t), Config{Idle: 50 * time.Millisecond})
	c := dial(t, addr)
	c.answers(array("PING")+array("SUBSCRIBE", "__keyevent@0__:set"), "+PONG\r\n*3\r\n$9\r\nsubscribe\r\n$18\r\n__keyevent@0__:set\r\n:1\r\n")
	c.answers(array("UNSUBSCRIBE"), "*3\r\n$11\r\nunsubscribe\r\n$18\r\n__keyevent@0__:set\r\n:0\r\n")
	c.ends()
}
