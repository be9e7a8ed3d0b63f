package redis

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
	"github.com/balsaraft/balsa/kv/access"
	"github.com/balsaraft/balsa/pki"
)

// standing is who is at the other end of a connection.
type standing struct {
	caller *access.Caller // nil until it was said
	token  string         // by which the caller is known
	named  string         // by a certificate, in place of a token
}

// beStranger is how a connection begins: its client is everybody, or who its certificate
// names, or nobody yet.
func (c *conn) beStranger() {
	c.authed = c.server.cfg.Password == "" && c.server.cfg.Access == nil
	c.become(standing{})
	name := c.certified()
	if c.server.cfg.Access == nil || name == "" {
		return
	}
	if who, known := c.server.now(standing{named: name}); known {
		c.authed = true
		c.become(who)
	}
}

// certified is the name that the client's certificate has, "" without one.
func (c *conn) certified() string {
	secure, ok := c.net.(*tls.Conn)
	if !ok {
		return ""
	}
	state := secure.ConnectionState()
	name, _ := pki.CallerIn(&state)
	return name
}

// become lets the connection be somebody's.
func (c *conn) become(who standing) {
	c.who = who
	if c.server.cfg.Access == nil {
		c.who.caller, c.store = access.Everybody, c.server.store
		return
	}
	c.store = access.Guard(c.server.store, who.caller)
}

// identify says who is known by a password or token, or why nobody is.
func (s *Server) identify(user string, word []byte) (who standing, why string) {
	if s.cfg.Access != nil {
		caller, known := s.cfg.Access.Caller(string(word))
		if !known || user != defaultUser && user != caller.Name {
			return who, wrongPassword
		}
		return standing{caller: caller, token: string(word)}, ""
	}
	if s.cfg.Password == "" {
		if user == defaultUser {
			return who, "" // whom any password lets in where there is none, as in Redis
		}
		return who, wrongPassword
	}
	// Of sums, whose comparison takes as long whatever their lengths were.
	a, b := sha256.Sum256(word), sha256.Sum256([]byte(s.cfg.Password))
	if subtle.ConstantTimeCompare(a[:], b[:]) != 1 || user != defaultUser {
		return who, wrongPassword
	}
	return who, ""
}

// identify is the server's, but that nobody becomes another who is told of what the one
// before may know.
func (c *conn) identify(user string, word []byte) (who standing, why string) {
	who, why = c.server.identify(user, word)
	if why == "" && c.subs != nil && who.caller != c.who.caller && c.server.cfg.Access != nil {
		return standing{}, "ERR unsubscribe before you become another caller"
	}
	return who, why
}

// now is what a standing has become since: callers may have been replaced.
func (s *Server) now(who standing) (_ standing, known bool) {
	if s.cfg.Access == nil {
		return who, true
	}
	if who.named != "" {
		who.caller, known = s.cfg.Access.Named(who.named)
	} else {
		who.caller, known = s.cfg.Access.Caller(who.token)
	}
	return who, known
}

// askAgain takes from the connection what its client has no right to any more.
func (c *conn) askAgain() {
	if c.server.cfg.Access == nil || !c.authed {
		return
	}
	who, known := c.server.now(c.who)
	switch {
	case !known:
		c.beStranger()
		c.parser.bounds = c.bounds()
	case who.caller != c.who.caller:
		c.become(who)
	}
}

// allowed refuses a command that the caller has no right to before it joins others: behind
// one that fails, nobody could say of those what became of them.
func (c *conn) allowed(ctx context.Context, a action) action {
	if c.server.cfg.Access == nil || !a.asksStore() {
		return a
	}
	if err := access.Check(ctx, c.server.store, c.who.caller, a.command()); err != nil {
		return refuses(explained(err))
	}
	return a
}

// readable are the parts of a range that the caller may read, in order, or why there are
// none.
func (c *conn) readable(r kv.Range) (parts []kv.Range, err error) {
	for _, granted := range c.who.caller.Ranges(access.Read) {
		part := kv.Range{From: max(r.From, granted.From), To: r.To}
		if part.To == "" || granted.To != "" && granted.To < part.To {
			part.To = granted.To
		}
		if part.To == "" || part.From < part.To {
			parts = append(parts, part)
		}
	}
	if parts == nil {
		return nil, c.who.caller.NeedRange(access.Read, r)
	}
	return parts, nil
}

// countKeys is how many keys there are that the caller may read.
func (c *conn) countKeys(ctx context.Context, options ...balsa.ReadOption) (n int, err error) {
	parts, err := c.readable(kv.Range{})
	if err != nil {
		return 0, err
	}
	v, err := c.store.View(ctx, options...)
	if err != nil {
		return 0, err
	}
	defer v.Close()
	if c.who.caller.NeedAll(access.Read) == nil {
		return v.Len(), nil // which need not look at them
	}
	for _, part := range parts {
		some, err := v.Count(part)
		if err != nil {
			return 0, err
		}
		n += some
	}
	return n, nil
}

var aclCommands = []command{
	{name: "acl", arity: -2, flags: quick, group: "connection", does: "WHOAMI: says as whom the client is known; HELP.", run: acl},
}

var acl = oneOf("ACL", []subcommand{
	{name: "whoami", arity: 2, does: "Says as whom the client is known. Callers are those of the file of balsa serve --access.", run: whoAmI},
})

func whoAmI(c *conn, _ [][]byte) (action, error) {
	return by(c, func(w *writer) { w.text(c.userName()) })
}

// userName is the caller's name, or that of Redis's only user.
func (c *conn) userName() string {
	if c.server.cfg.Access == nil || c.who.caller == nil {
		return defaultUser
	}
	return c.who.caller.Name
}

// defaultUser is whom clients mean that give a password or a token alone.
const defaultUser = "default"
