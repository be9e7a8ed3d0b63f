package redis

import (
	"context"
	"fmt"
	"strings"
)

var sessionCommands = []command{
	{name: "ping", arity: -1, flags: quick | subscribed, group: "connection", does: "Returns PONG, or its argument.", run: ping},
	{name: "echo", arity: 2, flags: quick, group: "connection", does: "Returns its argument.", run: echo},
	{name: "hello", arity: -1, flags: quick | anybody, group: "connection", does: "Chooses the protocol, 2 or 3, with AUTH and SETNAME.", run: hello},
	{name: "auth", arity: -2, flags: quick | anybody, group: "connection", does: "Says the password.", run: auth},
	{name: "select", arity: 2, flags: quick, group: "connection", does: "Takes 0, the only database.", run: selectDB},
	{name: "client", arity: -2, group: "connection", does: "ID, INFO, LIST, GETNAME, SETNAME, SETINFO, NO-EVICT, NO-TOUCH, REPLY ON, HELP.", run: clientCommand},
	{name: "reset", arity: 1, flags: quick | anybody | atOnce | subscribed, group: "connection", does: "Makes the connection one that has just begun.", run: reset},
	{name: "quit", arity: -1, flags: quick | anybody | atOnce | subscribed, group: "connection", does: "Ends the connection.", run: quit},
}

// by is an action that changes the connection, and so has its place between others.
func by(c *conn, act func(w *writer)) (action, error) {
	return action{alone: func(context.Context) { c.write(act) }}, nil
}

func ping(c *conn, args [][]byte) (action, error) {
	if len(args) > 2 {
		return action{}, wrongNumber("ping")
	}
	inside := c.subs != nil
	return says(func(w *writer) {
		switch {
		case inside && w.proto == 2:
			w.array(2)
			w.text("pong")
			w.text(string(append([]byte(nil), last(args[1:])...)))
		case len(args) == 2:
			w.bulk(args[1])
		default:
			w.simple("PONG")
		}
	}), nil
}

func last(args [][]byte) []byte {
	if len(args) == 0 {
		return nil
	}
	return args[len(args)-1]
}

func echo(_ *conn, args [][]byte) (action, error) {
	return says(func(w *writer) { w.bulk(args[1]) }), nil
}

// version is that of Redis whose commands these are like, for clients that ask.
const version = "7.2.0"

func hello(c *conn, args [][]byte) (action, error) {
	return by(c, func(w *writer) {
		proto, name := w.proto, c.name
		authed, who := c.authed, c.who
		rest := args[1:]
		if len(rest) > 0 {
			n, err := integer(rest[0])
			if err != nil {
				w.fault("ERR Protocol version is not an integer or out of range")
				return
			}
			if n != 2 && n != 3 {
				w.fault("NOPROTO unsupported protocol version")
				return
			}
			proto, rest = int(n), rest[1:]
		}
		for len(rest) > 0 {
			switch option := inSmall(rest[0]); {
			case option == "auth" && len(rest) >= 3:
				found, why := c.identify(string(rest[1]), rest[2])
				if why != "" {
					w.fault(why)
					return
				}
				who, authed, rest = found, true, rest[3:]
			case option == "setname" && len(rest) >= 2:
				if !plain(rest[1]) {
					w.fault(wrongName)
					return
				}
				name, rest = string(rest[1]), rest[2:]
			default:
				w.fault(fmt.Sprintf("ERR Syntax error in HELLO option '%s'", rest[0][:min(len(rest[0]), 32)]))
				return
			}
		}
		if !authed {
			w.fault("NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time")
			return
		}
		w.proto, c.name = proto, name
		c.admit(who)
		c.showCard(w.proto)
		w.pairs(7)
		w.texts2("server", "redis", "version", version)
		w.text("proto")
		w.number(int64(proto))
		w.text("id")
		w.number(c.id)
		w.texts2("mode", "standalone", "role", "master")
		w.text("modules")
		w.array(0)
	})
}

// texts2 writes texts without a head.
func (w *writer) texts2(all ...string) {
	for _, s := range all {
		w.text(s)
	}
}

// admit is what follows from the right password or token.
func (c *conn) admit(who standing) {
	c.authed = true
	c.become(who)
	c.parser.bounds = c.bounds()
}

func auth(c *conn, args [][]byte) (action, error) {
	if len(args) > 3 {
		return action{}, errSyntax
	}
	if len(args) == 2 && c.server.cfg.Password == "" && c.server.cfg.Access == nil {
		return action{}, fault("ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?")
	}
	return by(c, func(w *writer) {
		user := defaultUser
		if len(args) == 3 {
			user = string(args[1])
		}
		who, why := c.identify(user, last(args))
		if why != "" {
			w.fault(why)
			return
		}
		c.admit(who)
		c.showCard(w.proto)
		w.ok()
	})
}

const wrongPassword = "WRONGPASS invalid username-password pair or user is disabled."

func selectDB(_ *conn, args [][]byte) (action, error) {
	n, err := integer(args[1])
	if err != nil {
		return action{}, err
	}
	if n != 0 {
		return action{}, fault("ERR DB index is out of range")
	}
	return action{answer: done}, nil
}

func reset(c *conn, _ [][]byte) (action, error) {
	return action{alone: func(context.Context) {
		c.unsubscribe()
		c.endTransaction()
		c.write(func(w *writer) {
			w.proto, c.name = 2, ""
			c.beStranger()
			c.parser.bounds = c.bounds()
			c.showCard(w.proto)
			w.simple("RESET")
		})
	}}, nil
}

func quit(c *conn, _ [][]byte) (action, error) {
	return action{alone: func(context.Context) {
		c.ended = true
		c.write(func(w *writer) { w.ok() })
	}}, nil
}

// sayInWords lets a line be answered by those who know it.
func (c *conn) sayInWords(line string) func(context.Context) {
	return func(ctx context.Context) {
		reply, goOn := c.server.cfg.Lines.Answer(ctx, c.store, strings.TrimLeft(line, " "))
		c.ended = c.ended || !goOn
		c.write(func(w *writer) { w.WriteString(reply) })
	}
}
