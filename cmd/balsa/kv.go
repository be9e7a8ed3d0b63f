package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/client"
	"github.com/balsaraft/balsa/kv"
	"github.com/balsaraft/balsa/kv/http"
)

// kvCommand is a client of the key-value store.
type kvCommand struct {
	Get  kvGet  `cmd:"" help:"Print a key's value."`
	Put  kvPut  `cmd:"" help:"Give a key a value; - reads it from standard input."`
	Del  kvDel  `cmd:"" help:"Remove a key."`
	Cas  kvCas  `cmd:"" help:"Give a key another value if it has the old one."`
	Scan kvScan `cmd:"" help:"List the keys that begin with a prefix, with their values."`

	Watch kvWatch `cmd:"" help:"Tell of changes to a key, or to all that begin with a prefix, as they happen."`
	Lock  kvLock  `cmd:"" help:"Run a command while holding a lock."`
}

// store is a caller of the cluster, for one command.
type store struct {
	*client.Client[kv.Command, kv.Result]
}

// servers says whom a command asks.
type servers struct {
	Server  []string      `help:"Addresses of members' HTTP ports, any of them. Default: ${default}." default:"http://127.0.0.1:8080" placeholder:"URL,..."`
	Timeout time.Duration `help:"How long to try. Default: ${default}." default:"10s" placeholder:"TIME"`
	credentials
}

// dial makes a caller of the cluster. A person may have misspelt the names of the members: to
// wait for them to appear is for programs that live long.
func dial(ctx context.Context, addrs []string, who credentials) (*client.Client[kv.Command, kv.Result], error) {
	token, err := who.token()
	if err != nil {
		return nil, err
	}
	secure, err := who.config()
	if err != nil {
		return nil, err
	}
	return client.Open[kv.Command, kv.Result](ctx, client.Config{Addrs: addrs, Known: true, Token: token, TLS: secure})
}

// with calls f with a caller of the cluster, and a context that ends in time.
func (s servers) with(ctx context.Context, f func(context.Context, store) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	c, err := dial(ctx, s.Server, s.credentials)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	return f(ctx, store{c})
}

// printed says in which form a command prints what it found.
type printed struct {
	JSON bool `name:"json" help:"Print the outcome as JSON."`
}

// change carries out a command, and prints where it was appended.
func (s store) change(ctx context.Context, c console, as printed, command kv.Command, otherwise error) error {
	result, err := s.Propose(ctx, command)
	switch {
	case err != nil:
		return err
	case result.Err() != nil:
		return result.Err()
	case !result.Held:
		return otherwise
	case command.Then[0].Kind == kv.OpDelete && !result.Replies[0].Found:
		return kv.ErrNotFound
	}
	if as.JSON {
		return printJSON(c.stdout, struct {
			Index balsa.Index `json:"index"`
		}{result.Index})
	}
	_, err = fmt.Fprintln(c.stdout, result.Index)
	return err
}

// ask carries out an operation that reads.
func (s store) ask(ctx context.Context, o kv.Op, options ...balsa.ReadOption) (reply kv.Reply, err error) {
	question, err := kv.Do(o).MarshalBinary()
	if err != nil {
		return reply, err
	}
	answer, err := s.Query(ctx, question, options...)
	if err != nil {
		return reply, err
	}
	var result kv.Result
	if err := result.UnmarshalBinary(answer); err != nil {
		return reply, fmt.Errorf("what the member answers: %w", err)
	}
	return result.Replies[0], nil
}

// freshness says how new what is read must be.
type freshness struct {
	Stale time.Duration `help:"Let any member answer with a state that is so old at most; without it, all that was acknowledged is seen." placeholder:"TIME"`
}

func (f freshness) options() []balsa.ReadOption {
	if f.Stale > 0 {
		return []balsa.ReadOption{balsa.Stale(f.Stale)}
	}
	return nil
}

type kvGet struct {
	servers   `embed:""`
	printed   `embed:""`
	freshness `embed:""`
	Key       string `arg:"" help:"The key."`
}

// Run prints the value as it is, and nothing after it unless a person looks on.
func (g kvGet) Run(ctx context.Context, c console) error {
	return g.with(ctx, func(ctx context.Context, s store) error {
		reply, err := s.ask(ctx, kv.Get(g.Key), g.options()...)
		switch {
		case err != nil:
			return err
		case !reply.Found:
			return fmt.Errorf("%s: %w", g.Key, kv.ErrNotFound)
		}
		if g.JSON {
			return printJSON(c.stdout, http.ItemOf(reply.Items[0], true))
		}
		_, err = c.stdout.Write(reply.Items[0].Value)
		if err == nil && isTerminal(c.stdout) {
			_, err = fmt.Fprintln(c.stdout)
		}
		return err
	})
}

type kvPut struct {
	servers   `embed:""`
	printed   `embed:""`
	Key       string        `arg:"" help:"The key."`
	Value     string        `arg:"" help:"The value, - for standard input."`
	TTL       time.Duration `name:"ttl" help:"Let it expire after this time." placeholder:"TIME"`
	IfVersion *uint64       `help:"Only if the key was last changed at this index; 0: only if it has no value." placeholder:"INDEX"`
}

// Run prints the index of the change.
func (p kvPut) Run(ctx context.Context, c console) error {
	value := []byte(p.Value)
	if p.Value == "-" {
		var err error
		if value, err = io.ReadAll(io.LimitReader(c.stdin, kv.MaxValue+1)); err != nil {
			return fmt.Errorf("read the value from standard input: %w", err)
		}
	}
	return p.with(ctx, func(ctx context.Context, s store) error {
		set := kv.Set(p.Key, value)
		set.TTL = p.TTL
		command := kv.Do(set)
		if p.IfVersion != nil {
			command.If = []kv.Condition{kv.IfVersion(balsa.Index(*p.IfVersion)).On(p.Key)}
		}
		return s.change(ctx, c, p.printed, command, fmt.Errorf("%s: %w: its version is another", p.Key, kv.ErrDifferent))
	})
}

type kvDel struct {
	servers `embed:""`
	printed `embed:""`
	Key     string `arg:"" help:"The key."`
}

// Run prints the index of the change.
func (d kvDel) Run(ctx context.Context, c console) error {
	return d.with(ctx, func(ctx context.Context, s store) error {
		return s.change(ctx, c, d.printed, kv.Do(kv.Delete(d.Key)), nil)
	})
}

type kvCas struct {
	servers `embed:""`
	printed `embed:""`
	Key     string `arg:"" help:"The key."`
	Old     string `arg:"" help:"The value that it must have."`
	New     string `arg:"" help:"The value that it gets."`
}

// Run prints the index of the change.
func (w kvCas) Run(ctx context.Context, c console) error {
	return w.with(ctx, func(ctx context.Context, s store) error {
		command := kv.Do(kv.Set(w.Key, []byte(w.New)))
		command.If = []kv.Condition{kv.IfValue([]byte(w.Old)).On(w.Key)}
		return s.change(ctx, c, w.printed, command, fmt.Errorf("%s: %w: its value is another", w.Key, kv.ErrDifferent))
	})
}

type kvScan struct {
	servers   `embed:""`
	freshness `embed:""`
	Prefix    string `arg:"" optional:"" help:"What the keys begin with; all of them without it."`
	Limit     int    `help:"How many at most; 0 for all. Default: ${default}." default:"0" placeholder:"N"`
	Keys      bool   `help:"Print keys alone."`
	JSON      bool   `name:"json" help:"Print each key as one line of JSON."`
}

// Run prints a line a key: key, tab, value, both quoted where they hold more than letters
// that can be seen.
func (l kvScan) Run(ctx context.Context, c console) error {
	return l.with(ctx, func(ctx context.Context, s store) error {
		left, rest := l.Limit, kv.Prefix(l.Prefix)
		for {
			o := kv.Scan(rest, left)
			o.KeysOnly = l.Keys
			reply, err := s.ask(ctx, o, l.options()...)
			if err != nil {
				return err
			}
			for _, i := range reply.Items {
				if err := l.print(c.stdout, i); err != nil {
					return err
				}
				rest.From = i.Key + "\x00"
			}
			if left -= len(reply.Items); !reply.More || l.Limit > 0 && left <= 0 {
				return nil
			}
		}
	})
}

func (l kvScan) print(w io.Writer, i kv.Item) (err error) {
	switch {
	case l.JSON:
		err = json.NewEncoder(w).Encode(http.ItemOf(i, !l.Keys))
	case l.Keys:
		_, err = fmt.Fprintln(w, visible(i.Key))
	default:
		_, err = fmt.Fprintf(w, "%s\t%s\n", visible(i.Key), visible(string(i.Value)))
	}
	return err
}
