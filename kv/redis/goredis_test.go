package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/balsaraft/balsa/kv"
)

// both calls f with a client for each version of the protocol.
func both(t *testing.T, f func(t *testing.T, c *goredis.Client)) {
	_, addr := start(t, newStore(t), Config{})
	for proto := 2; proto <= 3; proto++ {
		t.Run(fmt.Sprint("proto=", proto), func(t *testing.T) {
			c := goredis.NewClient(&goredis.Options{Addr: addr, Protocol: proto, MaxRetries: -1, ReadTimeout: time.Minute, WriteTimeout: time.Minute})
			defer c.Close()
			if err := c.FlushDB(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			f(t, c)
		})
	}
}

// outcome is what a command came to, printed.
func outcome[T any](value T, err error) string {
	if err != nil {
		return "error " + err.Error()
	}
	return fmt.Sprintf("%v", value)
}

func TestGoRedisGetsWhatRedisWouldAnswer(t *testing.T) {
	both(t, func(t *testing.T, c *goredis.Client) {
		ctx := t.Context()
		for i, step := range []struct{ got, want string }{
			{outcome(c.Ping(ctx).Result()), "PONG"},
			{outcome(c.Get(ctx, "k").Result()), "error redis: nil"},
			{outcome(c.Set(ctx, "k", "v", 0).Result()), "OK"},
			{outcome(c.Get(ctx, "k").Result()), "v"},
			{outcome(c.SetNX(ctx, "k", "w", 0).Result()), "false"},
			{outcome(c.SetXX(ctx, "k", "w", 0).Result()), "true"},
			{outcome(c.SetXX(ctx, "absent", "w", 0).Result()), "false"},
			{outcome(c.SetArgs(ctx, "k", "x", goredis.SetArgs{Get: true, Mode: "NX"}).Result()), "w"},
			{outcome(c.SetArgs(ctx, "k", "x", goredis.SetArgs{Get: true}).Result()), "w"},
			{outcome(c.Do(ctx, "GETSET", "k", "y").Result()), "x"},
			{outcome(c.GetDel(ctx, "k").Result()), "y"},
			{outcome(c.GetDel(ctx, "k").Result()), "error redis: nil"},
			{outcome(c.Incr(ctx, "n").Result()), "1"},
			{outcome(c.IncrBy(ctx, "n", 9).Result()), "10"},
			{outcome(c.DecrBy(ctx, "n", 3).Result()), "7"},
			{outcome(c.Append(ctx, "n", "x").Result()), "2"},
			{outcome(c.Incr(ctx, "n").Result()), "error " + notInteger},
			{outcome(c.StrLen(ctx, "n").Result()), "2"},
			{outcome(c.GetRange(ctx, "n", -1, -1).Result()), "x"},
			{outcome(c.MSet(ctx, "a", 1, "b", 2).Result()), "OK"},
			{outcome(c.MSetNX(ctx, "c", 1, "b", 3).Result()), "false"},
			{outcome(c.MGet(ctx, "a", "c", "b").Result()), "[1 <nil> 2]"},
			{outcome(c.Exists(ctx, "a", "b", "c", "a").Result()), "3"},
			{outcome(c.Type(ctx, "a").Result()), "string"},
			{outcome(c.Del(ctx, "a", "c", "a").Result()), "1"},
			{outcome(c.DBSize(ctx).Result()), "2"},
			{outcome(c.TTL(ctx, "b").Result()), "-1ns"},
			{outcome(c.TTL(ctx, "c").Result()), "-2ns"},
			{outcome(c.Expire(ctx, "b", time.Hour).Result()), "true"},
			{outcome(c.ExpireNX(ctx, "b", time.Minute).Result()), "false"},
			{outcome(c.ExpireGT(ctx, "b", time.Minute).Result()), "false"},
			{outcome(c.ExpireLT(ctx, "b", time.Minute).Result()), "true"},
			{outcome(c.TTL(ctx, "b").Result()), "1m0s"},
			{outcome(c.Set(ctx, "b", 3, goredis.KeepTTL).Result()), "OK"},
			{outcome(c.TTL(ctx, "b").Result()), "1m0s"},
			{outcome(c.Persist(ctx, "b").Result()), "true"},
			{outcome(c.Persist(ctx, "b").Result()), "false"},
			{outcome(c.GetEx(ctx, "b", time.Hour).Result()), "3"},
			{outcome(c.TTL(ctx, "b").Result()), "1h0m0s"},
			{outcome(c.ExpireAt(ctx, "b", time.Unix(2_000_000_000, 0)).Result()), "true"},
			{outcome(c.PExpireTime(ctx, "b").Result()), (2_000_000_000 * time.Second).String()},
			{outcome(c.Expire(ctx, "b", -time.Second).Result()), "true"},
			{outcome(c.Get(ctx, "b").Result()), "error redis: nil"},
			{outcome(c.Do(ctx, "SELECT", 0).Result()), "OK"},
			{outcome(c.Do(ctx, "SELECT", 1).Result()), "error ERR DB index is out of range"},
			{outcome(c.Do(ctx, "LPUSH", "l", 1).Result()), "error ERR unknown command 'LPUSH', with args beginning with: 'l' '1' "},
			{outcome(c.Do(ctx, "SET", "l").Result()), "error ERR wrong number of arguments for 'set' command"},
			{outcome(c.Do(ctx, "SET", "l", 1, "PX", 0).Result()), "error ERR invalid expire time in 'set' command"},
			{outcome(c.Do(ctx, "SET", "l", 1, "PXAT", 1).Result()), "OK"}, // a moment like others, if it has been
			{outcome(c.Get(ctx, "l").Result()), "error redis: nil"},
			{outcome(c.Do(ctx, "SET", "l", 1, "PXAT", 0).Result()), "error ERR invalid expire time in 'set' command"},
		} {
			if step.got != step.want {
				t.Errorf("step %d: %s, want %s", i, step.got, step.want)
			}
		}
	})
}

func TestKeysExpireWhileNobodyWrites(t *testing.T) {
	both(t, func(t *testing.T, c *goredis.Client) {
		if err := c.Set(t.Context(), "k", "v", 20*time.Millisecond).Err(); err != nil {
			t.Fatal(err)
		}
		for until := time.Now().Add(20 * time.Second); c.Get(t.Context(), "k").Err() != goredis.Nil; {
			if time.Now().After(until) {
				t.Fatal("it is still there")
			}
			time.Sleep(5 * time.Millisecond)
		}
	})
}

func TestPipelinesAreAnsweredInOrder(t *testing.T) {
	both(t, func(t *testing.T, c *goredis.Client) {
		const n = 3000
		p := c.Pipeline()
		var sums []*goredis.IntCmd
		var reads []*goredis.StringCmd
		for i := range n {
			sums = append(sums, p.Incr(t.Context(), "n"))
			if i%7 == 0 {
				reads = append(reads, p.Get(t.Context(), "n"))
			}
			if i%100 == 0 {
				p.MGet(t.Context(), "n", "m")
				p.Do(t.Context(), "nonsense")
			}
		}
		if _, err := p.Exec(t.Context()); err == nil || !strings.Contains(err.Error(), "nonsense") {
			t.Fatal(err)
		}
		for i, s := range sums {
			if s.Val() != int64(i+1) {
				t.Fatalf("sum %d is %d, %v", i, s.Val(), s.Err())
			}
		}
		for i, r := range reads {
			if r.Val() != fmt.Sprint(7*i+1) {
				t.Fatalf("read %d is %s, %v", i, r.Val(), r.Err())
			}
		}
	})
}

func TestATransactionHappensWholeOrNotAtAll(t *testing.T) {
	both(t, func(t *testing.T, c *goredis.Client) {
		ctx := t.Context()
		var sum *goredis.IntCmd
		var taken *goredis.BoolCmd
		cmds, err := c.TxPipelined(ctx, func(p goredis.Pipeliner) error {
			p.Set(ctx, "a", "x", 0)
			p.Incr(ctx, "a") // fails, and the others do not
			sum = p.Incr(ctx, "b")
			taken = p.SetNX(ctx, "a", "y", 0)
			p.Ping(ctx)
			return nil
		})
		if err == nil || err.Error() != notInteger || len(cmds) != 5 || sum.Val() != 1 || taken.Val() {
			t.Fatalf("%v, %v", cmds, err)
		}
		if got := c.MGet(ctx, "a", "b").Val(); fmt.Sprint(got) != "[x 1]" {
			t.Fatal(got)
		}
		count := func(c *goredis.Client, interfere bool) error {
			return c.Watch(ctx, func(tx *goredis.Tx) error {
				n, err := tx.Get(ctx, "b").Int()
				if err != nil {
					return err
				}
				if interfere {
					c.Set(ctx, "b", 100, 0)
				}
				_, err = tx.TxPipelined(ctx, func(p goredis.Pipeliner) error { p.Set(ctx, "b", n+1, 0); return nil })
				return err
			}, "b")
		}
		if err := count(c, true); !errors.Is(err, goredis.TxFailedErr) {
			t.Fatalf("what was watched has changed: %v", err)
		}
		if err := count(c, false); err != nil || c.Get(ctx, "b").Val() != "101" {
			t.Fatal(err)
		}
		_, err = c.TxPipelined(ctx, func(p goredis.Pipeliner) error {
			p.Set(ctx, "b", "no", 0)
			p.Do(ctx, "nonsense")
			return nil
		})
		if err == nil || c.Get(ctx, "b").Val() != "101" {
			t.Fatalf("a transaction with an unknown command: %v", err)
		}
	})
}

func TestAScanMeetsEveryKeyOnce(t *testing.T) {
	both(t, func(t *testing.T, c *goredis.Client) {
		ctx := t.Context()
		p := c.Pipeline()
		var want []string
		for i := range 1000 {
			key := fmt.Sprintf("k%03d", i)
			p.Set(ctx, key, i, 0)
			if i%10 == 3 {
				want = append(want, key)
			}
		}
		p.Set(ctx, "other3", 0, 0)
		if _, err := p.Exec(ctx); err != nil {
			t.Fatal(err)
		}
		var got []string
		for it := c.Scan(ctx, 0, "k*3", 7).Iterator(); it.Next(ctx); {
			got = append(got, it.Val())
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d keys, want %d", len(got), len(want))
		}
		all, err := c.Keys(ctx, "k??3").Result()
		if err != nil || !slices.Equal(all, want) {
			t.Errorf("KEYS: %d keys, %v", len(all), err)
		}
		if _, _, err := c.Scan(ctx, 12345, "*", 1).Result(); err == nil || !strings.Contains(err.Error(), "invalid cursor") {
			t.Errorf("an unknown cursor: %v", err)
		}
		if err := c.FlushAll(ctx).Err(); err != nil || c.DBSize(ctx).Val() != 0 {
			t.Errorf("FLUSHALL leaves %d keys, %v", c.DBSize(ctx).Val(), err)
		}
	})
}

func TestSubscribersAreToldOfChanges(t *testing.T) {
	both(t, func(t *testing.T, c *goredis.Client) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		c.Set(ctx, "before", 1, 0)
		s := c.Subscribe(ctx, "__keyspace@0__:k")
		defer s.Close()
		if err := s.PSubscribe(ctx, "__keyevent@0__:*"); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := s.Receive(ctx); err != nil {
				t.Fatal(err)
			}
		}
		c.Set(ctx, "k", 1, 0)
		c.Del(ctx, "k")
		c.Set(ctx, "other", 1, 10*time.Millisecond)
		var got []string
		for range 6 {
			m, err := s.ReceiveMessage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, m.Channel+"="+m.Payload)
		}
		want := []string{
			"__keyspace@0__:k=set", "__keyevent@0__:set=k", "__keyspace@0__:k=del", "__keyevent@0__:del=k",
			"__keyevent@0__:set=other", "__keyevent@0__:del=other", // as its time is over
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		if err := s.Ping(ctx, "there?"); err != nil {
			t.Fatal(err)
		}
		if m, err := s.Receive(ctx); err != nil || m.(*goredis.Pong).Payload != "there?" {
			t.Fatalf("%v, %v", m, err)
		}
		for _, channel := range []string{"news", "__keyevent@0__:expired"} {
			if err := c.Do(ctx, "SUBSCRIBE", channel).Err(); err == nil || !strings.Contains(err.Error(), "no channels but") {
				t.Errorf("%s, a channel that nobody fills: %v", channel, err)
			}
		}
	})
}

func TestAClientLearnsAboutTheMember(t *testing.T) {
	both(t, func(t *testing.T, c *goredis.Client) {
		ctx := t.Context()
		text, err := c.Info(ctx).Result()
		if err != nil || !strings.Contains(text, "redis_version:"+version) || !strings.Contains(text, "role:master") {
			t.Errorf("%q, %v", text, err)
		}
		all, err := c.Command(ctx).Result()
		if err != nil || len(all) != len(table) || all["mset"].StepCount != 2 {
			t.Errorf("%d commands, %v", len(all), err)
		}
		if got, err := c.ConfigGet(ctx, "s*").Result(); err != nil || len(got) != 1 {
			t.Errorf("%v, %v", got, err)
		}
	})
}

func TestTheLargestValuesPass(t *testing.T) {
	both(t, func(t *testing.T, c *goredis.Client) {
		ctx, large := t.Context(), strings.Repeat("x", kv.MaxValue)
		send := func(n int, one func(goredis.Pipeliner, string)) []goredis.Cmder {
			t.Helper()
			all, err := c.Pipelined(ctx, func(p goredis.Pipeliner) error {
				for i := range n {
					one(p, fmt.Sprint(i%3))
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return all
		}
		send(6, func(p goredis.Pipeliner, key string) { p.Set(ctx, key, large, 0) })
		send(2, func(p goredis.Pipeliner, key string) { p.Do(ctx, "GETSET", key, large) })
		for i, one := range send(2*mostValues, func(p goredis.Pipeliner, key string) { p.Get(ctx, key) }) {
			if got := one.(*goredis.StringCmd).Val(); got != large {
				t.Fatalf("answer %d has %d bytes", i, len(got))
			}
		}
		if got := c.MGet(ctx, "0", "1", "2").Val(); len(got) != 3 || got[2] != large {
			t.Error("MGET")
		}
	})
}
