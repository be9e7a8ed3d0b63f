package redis

import (
	"slices"
	"strings"
	"testing"

	"github.com/balsaraft/balsa/kv/access"
)

// roles are callers of every kind; those with a prefix have to do with keys that begin
// with a/. The stranger says no token.
var roles = []access.Entry{
	{Caller: access.Caller{Name: "stranger"}},
	entry("nobody"),
	reader,
	entry("writer", access.Grant{Prefix: "a/", Rights: access.Write}),
	user,
	entry("admin", access.Grant{Rights: access.Admin}),
	root,
}

const (
	anyone  = "stranger nobody reader writer user admin root"
	known   = "nobody reader writer user admin root"
	readers = "reader user root"
	writers = "writer user root"
	users   = "user root"
)

// ask is what a command is given with, K standing for a key, and for whom it is if the
// key begins with a/. With another key it is for root alone; without K it is asked once.
type ask struct{ line, allowed string }

// asks are those of all commands. One that is not here fails the test, so that whoever
// adds it decides who may use it.
var asks = map[string][]ask{
	"get": {{"get K", readers}}, "strlen": {{"strlen K", readers}}, "mget": {{"mget K", readers}, {"mget a/1 K", readers}},
	"getrange": {{"getrange K 0 1", readers}}, "substr": {{"substr K 0 1", readers}},
	"set":   {{"set K 1", writers}, {"set K 1 ex 10", writers}, {"set K 1 get", users}, {"set K 1 nx", users}, {"set K 1 xx", users}},
	"setnx": {{"setnx K 1", users}}, "setex": {{"setex K 10 1", writers}}, "psetex": {{"psetex K 10000 1", writers}},
	"mset": {{"mset K 1", writers}, {"mset a/1 1 K 1", writers}}, "msetnx": {{"msetnx K 1", users}},
	"getset": {{"getset K 1", users}}, "getdel": {{"getdel K", users}}, "getex": {{"getex K", readers}, {"getex K ex 10", users}},
	"append": {{"append K 1", users}}, "incr": {{"incr K", users}}, "decr": {{"decr K", users}}, "incrby": {{"incrby K 1", users}}, "decrby": {{"decrby K 1", users}},

	"del": {{"del K", writers}, {"del a/1 K", writers}}, "unlink": {{"unlink K", writers}},
	"exists": {{"exists K", readers}, {"exists a/1 K", readers}}, "touch": {{"touch K", readers}}, "type": {{"type K", readers}},
	"expire": {{"expire K 10", users}}, "pexpire": {{"pexpire K 10000", users}}, "expireat": {{"expireat K 9999999999", users}}, "pexpireat": {{"pexpireat K 9999999999999", users}},
	"persist": {{"persist K", users}}, "ttl": {{"ttl K", readers}}, "pttl": {{"pttl K", readers}}, "expiretime": {{"expiretime K", readers}}, "pexpiretime": {{"pexpiretime K", readers}},
	"keys": {{"keys K*", readers}, {"keys *", readers}, {"keys c*", "root"}}, "scan": {{"scan 0 match K*", readers}, {"scan 0", readers}, {"scan 0 match c*", "root"}},
	"dbsize": {{"dbsize", readers}}, "flushdb": {{"flushdb", "root"}}, "flushall": {{"flushall", "root"}},

	"multi": {{"multi", known}}, "exec": {{"exec", known}}, "discard": {{"discard", known}}, "unwatch": {{"unwatch", known}},
	"watch": {{"watch K", readers}, {"watch a/1 K", readers}},

	"subscribe":   {{"subscribe __keyspace@0__:K", readers}, {"subscribe __keyevent@0__:set", readers}},
	"psubscribe":  {{"psubscribe __key*", readers}},
	"unsubscribe": {{"unsubscribe", known}}, "punsubscribe": {{"punsubscribe", known}},

	"hello": {{"hello", known}}, "auth": {{"auth wrong", anyone}}, "reset": {{"reset", anyone}}, "quit": {{"quit", anyone}},
	"ping": {{"ping", known}}, "echo": {{"echo x", known}}, "select": {{"select 0", known}}, "client": {{"client id", known}, {"client info", known}, {"client list", known}},
	"acl": {{"acl whoami", known}}, "command": {{"command count", known}}, "config": {{"config get *", known}}, "info": {{"info", known}}, "time": {{"time", known}},
}

// Every command that there is, by every kind of caller: alone, and in a transaction.
func TestEveryCommandIsForWhoMay(t *testing.T) {
	for name := range table {
		if len(asks[name]) == 0 {
			t.Errorf("nobody has said who may use %s", name)
		}
	}
	store := newStore(t)
	_, addr := start(t, store, Config{Access: bookOf(t, roles[1:]...)})
	for name, all := range asks {
		if table[name] == nil {
			t.Errorf("there is no %s", name)
			continue
		}
		for _, a := range all {
			mustBeFor(t, addr, name, strings.ReplaceAll(a.line, "K", "a/1"), a.allowed)
			if strings.Contains(a.line, "K") {
				mustBeFor(t, addr, name, strings.ReplaceAll(a.line, "K", "b/1"), "root")
			}
		}
	}
}

func mustBeFor(t *testing.T, addr, name, line, allowed string) {
	t.Helper()
	for _, role := range roles {
		c := dial(t, addr)
		who := role.Caller.Name
		if who != "stranger" {
			c.answers(array("AUTH", "token of "+who), "+OK\r\n")
		}
		check := func(how, got string) {
			t.Helper()
			denied := strings.HasPrefix(got, "-NOPERM ") || strings.HasPrefix(got, "-NOAUTH ")
			if may := slices.Contains(strings.Fields(allowed), who); denied == may {
				t.Errorf("%s, %s, for %s is answered %q", line, how, who, got)
			}
		}
		c.send(array(strings.Fields(line)...))
		check("alone", c.line())
		c.Close()
		if who == "stranger" || table[name].first == 0 || table[name].flags&(unqueueable|atOnce) != 0 {
			continue
		}
		c = dial(t, addr)
		c.answers(array("AUTH", "token of "+who)+array("MULTI"), "+OK\r\n+OK\r\n")
		c.answers(array(strings.Fields(line)...), "+QUEUED\r\n")
		c.send(array("EXEC"))
		check("in a transaction", c.line())
		c.Close()
	}
}

// Who may read a part is shown that part, as if there were no more.
func TestListsShowWhatTheCallerMayRead(t *testing.T) {
	two := entry("two", access.Grant{Prefix: "a/", Rights: access.Read}, access.Grant{Prefix: "c/", Rights: access.Read}, access.Grant{Prefix: "e/", Rights: access.Write})
	_, addr := start(t, newStore(t), Config{Access: bookOf(t, two, root)})
	c := dial(t, addr)
	c.answers(array("AUTH", "token of root")+array("MSET", "a/1", "x", "a/2", "x", "b/1", "x", "c/1", "x", "d", "x", "e/1", "x"), "+OK\r\n+OK\r\n")
	c.answers(array("DBSIZE"), ":6\r\n")
	c.answers(array("AUTH", "two", "token of two"), "+OK\r\n")
	c.answers(array("ACL", "WHOAMI"), "$3\r\ntwo\r\n")
	c.answers(array("DBSIZE"), ":3\r\n")
	c.answers(array("KEYS", "*"), "*3\r\n$3\r\na/1\r\n$3\r\na/2\r\n$3\r\nc/1\r\n")
	c.answers(array("KEYS", "*/1"), "*2\r\n$3\r\na/1\r\n$3\r\nc/1\r\n")
	c.answers(array("KEYS", "[ab]*"), "*2\r\n$3\r\na/1\r\n$3\r\na/2\r\n")
	c.refused("KEYS", "b*")
	c.refused("FLUSHALL")
	for _, count := range []string{"1", "2", "3", "100"} {
		var all []string
		for cursor := "0"; ; {
			c.send(array("SCAN", cursor, "COUNT", count))
			c.line() // an array of two
			c.line()
			cursor = strings.TrimSpace(c.line())
			n := strings.TrimSpace(c.line())
			for n != "*0" {
				c.line()
				all = append(all, strings.TrimSpace(c.line()))
				n = map[string]string{"*3": "*2", "*2": "*1", "*1": "*0"}[n]
			}
			if cursor == "0" {
				break
			}
		}
		if !slices.Equal(all, []string{"a/1", "a/2", "c/1"}) {
			t.Errorf("%s at a time: %v", count, all)
		}
	}
}

// Who is subscribed to more than it may read is told of what it may, and is told so when
// it may no more.
func TestSubscribersAreToldOfWhatTheyMayRead(t *testing.T) {
	book := bookOf(t, reader, root)
	_, addr := start(t, newStore(t), Config{Access: book})
	c, w := dial(t, addr), dial(t, addr)
	w.answers(array("AUTH", "token of root"), "+OK\r\n")
	c.answers(array("AUTH", "token of reader"), "+OK\r\n")
	c.refused("SUBSCRIBE", "__keyspace@0__:a/1", "__keyspace@0__:b/1")
	c.answers(array("SUBSCRIBE", "__keyspace@0__:a/1"), "*3\r\n$9\r\nsubscribe\r\n$18\r\n__keyspace@0__:a/1\r\n:1\r\n")
	c.answers(array("PSUBSCRIBE", "__keyevent@0__:*"), "*3\r\n$10\r\npsubscribe\r\n$16\r\n__keyevent@0__:*\r\n:2\r\n")
	w.answers(array("SET", "b/1", "secret")+array("SET", "a/2", "x")+array("MSET", "b/2", "x", "a/1", "x"), "+OK\r\n+OK\r\n+OK\r\n")
	told := func(key string) string {
		return "*4\r\n$8\r\npmessage\r\n$16\r\n__keyevent@0__:*\r\n$18\r\n__keyevent@0__:set\r\n$3\r\n" + key + "\r\n"
	}
	c.answers("", told("a/2"))
	c.answers("", "*3\r\n$7\r\nmessage\r\n$18\r\n__keyspace@0__:a/1\r\n$3\r\nset\r\n"+told("a/1"))
	elsewhere := reader
	elsewhere.Caller.Grants = []access.Grant{{Prefix: "b/", Rights: access.Read}}
	if err := book.Replace([]access.Entry{elsewhere, root}); err != nil {
		t.Fatal(err)
	}
	w.answers(array("SET", "b/3", "x"), "+OK\r\n")
	if got := c.line(); !strings.HasPrefix(got, "-NOPERM ") {
		t.Errorf("who may not read a key any more is told %q", got)
	}
}

// One connection is not told what another caller, whom it was before, may know.
func TestWhoIsSubscribedStaysWhoItIs(t *testing.T) {
	_, addr := start(t, newStore(t), Config{Access: bookOf(t, reader, root)})
	c := dial(t, addr)
	c.send(array("HELLO", "3", "AUTH", "root", "token of root"))
	for c.line() != "*0\r\n" { // its last line
	}
	c.answers(array("SUBSCRIBE", "__keyevent@0__:set"), ">3\r\n$9\r\nsubscribe\r\n$18\r\n__keyevent@0__:set\r\n:1\r\n")
	c.answers(array("AUTH", "token of reader"), "-ERR unsubscribe before you become another caller\r\n")
	c.answers(array("AUTH", "token of root"), "+OK\r\n")
	c.answers(array("UNSUBSCRIBE"), ">3\r\n$11\r\nunsubscribe\r\n$18\r\n__keyevent@0__:set\r\n:0\r\n")
	c.answers(array("AUTH", "reader", "token of reader")+array("ACL", "WHOAMI"), "+OK\r\n$6\r\nreader\r\n")
	c.answers(array("HELLO", "3", "AUTH", "root", "token of reader"), "-"+wrongPassword+"\r\n")
}

func TestWithoutCallersEveryoneIsTheDefaultUser(t *testing.T) {
	_, addr := start(t, newStore(t), Config{})
	c := dial(t, addr)
	c.answers(array("ACL", "WHOAMI"), "$7\r\ndefault\r\n")
	c.send(array("ACL", "SETUSER", "x"))
	if got := c.line(); !strings.HasPrefix(got, "-ERR unknown subcommand") {
		t.Errorf("%q", got)
	}
}
