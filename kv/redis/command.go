package redis

import (
	"fmt"
	"strings"

	"github.com/balsaraft/balsa/kv"
)

// command is an entry of the table.
type command struct {
	name string
	// arity is how many words there are, the name included; if it is negative, at least
	// so many.
	arity int
	flags flags
	// Where its keys are: the first, the last (from the end if it is negative), and how
	// far one is from the next. All 0 if there are none.
	first, last, step int
	group             string
	does              string // for COMMAND DOCS and the page
	run               func(c *conn, args [][]byte) (action, error)
}

// flags say what a command is like.
type flags uint8

const (
	writes      flags = 1 << iota
	quick             // it takes as long for one key as for another
	anybody           // no password is needed
	atOnce            // it is carried out in a transaction, too, rather than queued
	subscribed        // it may be given while subscribed
	unqueueable       // it cannot be queued
)

// Errors as Redis has them, which clients look for.
const (
	notInteger  = "ERR value is not an integer or out of range"
	errSyntax   = fault("ERR syntax error")
	errAuth     = fault("NOAUTH Authentication required.")
	errTooLarge = fault("ERR a command has too many keys or values; send several")
)

// table is all commands, by their names. It is made once, by init, since COMMAND reads
// it.
var table = map[string]*command{}

func init() {
	for _, group := range [][]command{stringCommands, keyCommands, transactionCommands, sessionCommands, aclCommands, aboutCommands, notifyCommands} {
		for i := range group {
			table[group[i].name] = &group[i]
		}
	}
}

// prepare says what a request comes down to.
func (c *conn) prepare(r request) action {
	c.inWords, c.asked = false, anyOperation
	if r.inline {
		return c.prepareLine(r)
	}
	if r.over != "" {
		return c.refused("ERR " + r.over)
	}
	return c.prepareArgs(r.args)
}

// prepareLine tells lines of words from those of Redis.
func (c *conn) prepareLine(r request) action {
	first, _, _ := strings.Cut(strings.TrimLeft(r.line, " "), " ")
	name := strings.ToLower(first)
	if name == "post" || name == "host:" {
		return c.refuseBrowser()
	}
	lines := c.server.cfg.Lines
	if lines != nil && (lines.Knows(name) || table[name] == nil && name != "") {
		c.inWords, c.asked = true, anyLine
		if !c.authed {
			return says(func(w *writer) {
				if c.server.cfg.Access != nil {
					w.WriteString("Error: this member asks who you are: auth TOKEN\n")
					return
				}
				w.WriteString("Error: this member asks for a password: auth PASSWORD\n")
			})
		}
		return action{alone: c.sayInWords(r.line)}
	}
	args, ok := words(r.line)
	if !ok {
		c.ended = true
		return refuses("ERR Protocol error: unbalanced quotes in request")
	}
	c.inWords = lines != nil
	return c.prepareArgs(args)
}

// refuseBrowser ends a connection on which HTTP comes: a page can make a browser send to
// any port, and what it sends as a body would be commands.
func (c *conn) refuseBrowser() action {
	c.ended = true
	return refuses("ERR this port speaks the protocol of Redis, and no HTTP")
}

func (c *conn) prepareArgs(args [][]byte) action {
	if len(args) == 0 {
		return says(func(*writer) {})
	}
	known := table[inSmall(args[0])]
	if known == nil {
		return c.refused(unknownCommand(args))
	}
	c.asked = known.name
	switch n := known.arity; {
	case !c.authed && known.flags&anybody == 0:
		return refuses(string(errAuth))
	case n >= 0 && len(args) != n, len(args) < -n:
		return c.refused(wrongNumber(known.name).Error())
	case c.subs != nil && c.out.proto == 2 && known.flags&subscribed == 0:
		return refuses(fmt.Sprintf("ERR Can't execute '%s': only (P)SUBSCRIBE / (P)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context", known.name))
	case c.multi != nil && known.flags&atOnce == 0:
		return c.queue(known, args)
	}
	a, err := known.run(c, args)
	if err == nil {
		err = a.check()
	}
	if err != nil {
		return refuses(err.Error())
	}
	return a
}

// check says whether every member could carry an action out.
func (a action) check() error {
	switch err := a.command().Check(); {
	case err == nil:
		return nil
	case max(len(a.ops), len(a.conds)) > kv.MaxOps:
		return errTooLarge
	default:
		return fault(explained(err))
	}
}

// refused is the answer to what cannot be carried out, and so not in a transaction.
func (c *conn) refused(why string) action {
	if c.multi != nil {
		c.multi.broken = true
	}
	return refuses(why)
}

func unknownCommand(args [][]byte) string {
	const enough = 128
	short := func(b []byte) []byte { return b[:min(len(b), enough)] }
	var rest strings.Builder
	for _, arg := range args[1:] {
		if rest.Len() > enough {
			break
		}
		fmt.Fprintf(&rest, "'%s' ", short(arg))
	}
	return fmt.Sprintf("ERR unknown command '%s', with args beginning with: %s", short(args[0]), rest.String())
}
