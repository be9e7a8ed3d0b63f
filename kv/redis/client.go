package redis

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/balsaraft/balsa/kv/access"
)

var clientCommand = oneOf("CLIENT", []subcommand{
	{name: "id", arity: 2, does: "Returns the number of this connection.", run: clientID},
	{name: "info", arity: 2, does: "Describes this connection.", run: clientInfo},
	{name: "list", arity: -2, args: "[ID <client-id> [<client-id> ...]]", does: "Describes the connections of this member, a line each.", run: clientList},
	{name: "getname", arity: 2, does: "Returns the name of this connection.", run: getName},
	{name: "setname", arity: 3, args: "<name>", does: "Gives this connection a name.", run: setName},
	{name: "setinfo", arity: 4, args: "(LIB-NAME|LIB-VER) <text>", does: "Says by which library the client speaks.", run: setInfo},
	{name: "no-evict", arity: 3, args: "(ON|OFF)", does: "Changes nothing: no connection is ended to make room.", run: oneWordOf("on", "off")},
	{name: "no-touch", arity: 3, args: "(ON|OFF)", does: "Changes nothing: nobody notes when a key was asked for.", run: oneWordOf("on", "off")},
	{name: "reply", arity: 3, args: "ON", does: "Changes nothing: every command is answered.", run: oneWordOf("on")},
})

// card is what others may know of a connection. It is shown anew with each change, since
// the connection is its goroutine's.
type card struct {
	name    string
	library [2]string // name and version, as the client says
	user    string
	proto   int
}

// showCard lets others know how the connection stands now.
func (c *conn) showCard(proto int) {
	c.shown.Store(&card{name: c.name, library: c.library, user: c.userName(), proto: proto})
}

// describe is the connection as CLIENT INFO and CLIENT LIST show it. Any goroutine may call it.
func (c *conn) describe() string {
	now := c.shown.Load()
	return fmt.Sprintf("id=%d addr=%s laddr=%s name=%s age=%d db=0 user=%s lib-name=%s lib-ver=%s resp=%d\n",
		c.id, c.net.RemoteAddr(), c.net.LocalAddr(), now.name, int(time.Since(c.since).Seconds()), now.user, now.library[0], now.library[1], now.proto)
}

func clientID(c *conn, _ [][]byte) (action, error) {
	return says(func(w *writer) { w.number(c.id) }), nil
}

func clientInfo(c *conn, _ [][]byte) (action, error) {
	return by(c, func(w *writer) { w.verbatim(c.describe()) })
}

// clientList shows others' connections to who may change the cluster alone.
func clientList(c *conn, args [][]byte) (action, error) {
	wanted := func(int64) bool { return true }
	if len(args) > 2 {
		if inSmall(args[2]) != "id" || len(args) == 3 {
			return action{}, errSyntax
		}
		ids := map[int64]bool{}
		for _, arg := range args[3:] {
			id, err := integer(arg)
			if err != nil {
				return action{}, fault("ERR Invalid client ID")
			}
			ids[id] = true
		}
		wanted = func(id int64) bool { return ids[id] }
	}
	return by(c, func(w *writer) {
		all := []*conn{c}
		if c.who.caller.NeedAll(access.Admin) == nil {
			all = c.server.connections()
		}
		var lines strings.Builder
		for _, other := range all {
			if wanted(other.id) {
				lines.WriteString(other.describe())
			}
		}
		w.verbatim(lines.String())
	})
}

// connections are those that are served, oldest first.
func (s *Server) connections() (all []*conn) {
	s.mu.Lock()
	for c := range s.conns {
		all = append(all, c)
	}
	s.mu.Unlock()
	slices.SortFunc(all, func(a, b *conn) int { return cmp.Compare(a.id, b.id) })
	return all
}

func getName(c *conn, _ [][]byte) (action, error) {
	return by(c, func(w *writer) {
		if c.name == "" {
			w.none()
		} else {
			w.text(c.name)
		}
	})
}

const wrongName = "ERR Client names cannot contain spaces, newlines or special characters."

func setName(c *conn, args [][]byte) (action, error) {
	if !plain(args[2]) {
		return action{}, fault(wrongName)
	}
	return by(c, func(w *writer) {
		c.name = string(args[2])
		c.showCard(w.proto)
		w.ok()
	})
}

// plain says whether a name is short and has no spaces or the like.
func plain(name []byte) bool {
	const enough = 256
	for _, b := range name {
		if b < '!' || b > '~' {
			return false
		}
	}
	return len(name) <= enough
}

func setInfo(c *conn, args [][]byte) (action, error) {
	what, text := inSmall(args[2]), args[3]
	which := map[string]int{"lib-name": 0, "lib-ver": 1}
	i, ok := which[what]
	switch {
	case !ok:
		return action{}, fault("ERR Unrecognized option '" + what[:min(len(what), 64)] + "'")
	case !plain(text):
		return action{}, fault("ERR " + what + " cannot contain spaces, newlines or special characters.")
	}
	return by(c, func(w *writer) {
		c.library[i] = string(text)
		c.showCard(w.proto)
		w.ok()
	})
}

// oneWordOf takes one of some words, and does nothing.
func oneWordOf(all ...string) func(*conn, [][]byte) (action, error) {
	return func(_ *conn, args [][]byte) (action, error) {
		if !slices.Contains(all, inSmall(args[2])) {
			return action{}, errSyntax
		}
		return action{answer: done}, nil
	}
}
