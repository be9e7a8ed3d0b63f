package redis

import (
	"context"
	"strings"
	"testing"

	"github.com/balsaraft/balsa/kv"
	"github.com/balsaraft/balsa/kv/access"
)

// getter answers the line show KEY with its value.
type getter struct{}

func (getter) Knows(word string) bool { return word == "show" }

func (getter) Answer(ctx context.Context, store kv.Store, line string) (string, bool) {
	_, key, _ := strings.Cut(line, " ")
	item, err := store.Get(ctx, key)
	if err != nil {
		return "Error: " + err.Error() + "\n", true
	}
	return "Ok: " + string(item.Value) + "\n", true
}

func entry(name string, grants ...access.Grant) access.Entry {
	return access.Entry{Caller: access.Caller{Name: name, Grants: grants}, Token: access.DigestOf("token of " + name)}
}

var (
	user   = entry("user", access.Grant{Prefix: "a/", Rights: access.Read | access.Write})
	reader = entry("reader", access.Grant{Prefix: "a/", Rights: access.Read})
	root   = entry("root", access.Grant{Rights: access.Read | access.Write | access.Admin})
)

func bookOf(t *testing.T, entries ...access.Entry) *access.Book {
	t.Helper()
	book, err := access.NewBook(entries)
	if err != nil {
		t.Fatal(err)
	}
	return book
}

// refused sends a command that the caller has no right to.
func (c *client) refused(args ...string) {
	c.t.Helper()
	c.send(array(args...))
	if got := c.line(); !strings.HasPrefix(got, "-NOPERM ") {
		c.t.Errorf("%v is answered %q", args, got)
	}
}

func TestCallersAreKnownByTheirTokens(t *testing.T) {
	_, addr := start(t, newStore(t), Config{Access: bookOf(t, user, reader, root), Lines: getter{}})
	c := dial(t, addr)
	c.answers(array("GET", "a/1"), "-"+string(errAuth)+"\r\n")
	c.answers("show a/1\n", "Error: this member asks who you are: auth TOKEN\n")
	c.answers(array("AUTH", "wrong"), "-"+wrongPassword+"\r\n")
	c.answers(array("AUTH", "root", "token of user"), "-"+wrongPassword+"\r\n")
	c.answers(array("AUTH", "token of user")+array("SET", "a/1", "v"), "+OK\r\n+OK\r\n")
	c.answers("show a/1\nshow b\n", "Ok: v\nError: user has no right to read \"b\"\n")
	c.answers(array("AUTH", "reader", "token of reader"), "+OK\r\n")
	c.answers(array("GET", "a/1"), "$1\r\nv\r\n")
	c.refused("SET", "a/1", "w")
	c.answers(array("RESET")+array("GET", "a/1"), "+RESET\r\n-"+string(errAuth)+"\r\n")
	c.send(array("HELLO", "3", "AUTH", "default", "token of root"))
	if got := c.line(); got != "%7\r\n" {
		t.Errorf("hello is answered %q", got)
	}
	for c.line() != "*0\r\n" { // its last line
	}
	c.answers(array("SET", "b", "secret"), "+OK\r\n")
}

func TestATransactionKeepsToTheCallersRights(t *testing.T) {
	_, addr := start(t, newStore(t), Config{Access: bookOf(t, user, root)})
	c := dial(t, addr)
	c.answers(array("AUTH", "token of root")+array("MSET", "a/1", "x", "b/1", "secret"), "+OK\r\n+OK\r\n")
	c.answers(array("AUTH", "token of user"), "+OK\r\n")
	c.refused("WATCH", "a/1", "b/1")
	c.refused("MGET", "a/1", "b/1")
	c.answers(array("KEYS", "a/*"), "*1\r\n$3\r\na/1\r\n")
	c.answers(array("MGET", "a/1", "a/2"), "*2\r\n$1\r\nx\r\n$-1\r\n")
	c.answers(array("WATCH", "a/1")+array("MULTI")+array("SET", "a/1", "y")+array("EXEC"), "+OK\r\n+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n")
	c.answers(array("MULTI")+array("SET", "a/1", "z")+array("GET", "b/1"), "+OK\r\n+QUEUED\r\n+QUEUED\r\n")
	c.refused("EXEC")
	c.answers(array("GET", "a/1"), "$1\r\ny\r\n")
	c.answers(array("AUTH", "token of root")+array("GET", "b/1"), "+OK\r\n$6\r\nsecret\r\n")
}

// One that is refused in a pipeline leaves those beside it alone.
func TestARefusedCommandLeavesItsPipelineAlone(t *testing.T) {
	_, addr := start(t, newStore(t), Config{Access: bookOf(t, user)})
	c := dial(t, addr)
	c.answers(array("AUTH", "token of user"), "+OK\r\n")
	c.answers(array("SET", "a/1", "x")+array("SET", "b/1", "x")+array("SET", "a/2", "y")+array("GET", "b/1")+array("GET", "a/2"),
		"+OK\r\n-NOPERM user has no right to write \"b/1\"\r\n+OK\r\n-NOPERM user has no right to read \"b/1\"\r\n$1\r\ny\r\n")
}

func TestACallerWhoIsTakenOutIsAStrangerAtTheNextCommand(t *testing.T) {
	book := bookOf(t, user, root)
	_, addr := start(t, newStore(t), Config{Access: book})
	c, listener := dial(t, addr), dial(t, addr)
	c.answers(array("AUTH", "token of user")+array("SET", "a/1", "x"), "+OK\r\n+OK\r\n")
	listener.answers(array("AUTH", "token of root")+array("SUBSCRIBE", "__keyevent@0__:set"), "+OK\r\n*3\r\n$9\r\nsubscribe\r\n$18\r\n__keyevent@0__:set\r\n:1\r\n")
	weaker := user
	weaker.Caller.Grants = []access.Grant{{Prefix: "a/", Rights: access.Write}}
	if err := book.Replace([]access.Entry{weaker}); err != nil {
		t.Fatal(err)
	}
	c.refused("GET", "a/1")
	c.answers(array("SET", "a/1", "y"), "+OK\r\n")
	if got := listener.line(); !strings.HasPrefix(got, "-NOPERM ") {
		t.Errorf("who listens without a right to is told %q", got)
	}
	if err := book.Replace(nil); err != nil {
		t.Fatal(err)
	}
	c.answers(array("SET", "a/1", "z"), "-"+string(errAuth)+"\r\n")
}
