package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/client"
)

// kvWatch tells of changes as they happen, at whichever member.
type kvWatch struct {
	servers `embed:""`
	Key     string  `arg:"" optional:"" help:"The key to watch."`
	Prefix  *string `help:"Watch the keys that begin so, in place of one key; \"\" is all keys." placeholder:"PREFIX"`
	From    uint64  `help:"Begin with the changes at this index; without it, with what comes now. To resume, give the last one seen plus one." placeholder:"INDEX"`
	JSON    bool    `name:"json" help:"Print what one command has changed as one line of JSON."`
}

// Run prints what changes until a signal comes: a line a change, with the index, set or
// del, the key and the value.
func (w kvWatch) Run(ctx context.Context, c console) error {
	query, err := w.query()
	if err != nil {
		return err
	}
	f, err := w.follower(query, balsa.Index(w.From), func(data []byte) error { return w.print(c.stdout, data) })
	if err != nil {
		return err
	}
	err = f.follow(ctx)
	if ctx.Err() != nil {
		return nil // whoever watches has seen enough
	}
	var gone *compactedError
	if errors.As(err, &gone) {
		return fmt.Errorf("%w; read what is there now with balsa kv scan, and watch with --from %d", err, gone.from)
	}
	return err
}

func (w kvWatch) query() (url.Values, error) {
	switch {
	case w.Key != "" && w.Prefix != nil:
		return nil, fmt.Errorf("%w: a key and --prefix exclude each other; give one", errUsage)
	case w.Key != "":
		return url.Values{"key": {w.Key}}, nil
	case w.Prefix != nil:
		return url.Values{"prefix": {*w.Prefix}}, nil
	}
	return nil, fmt.Errorf("%w: watch needs a key, or --prefix; --prefix \"\" is all keys", errUsage)
}

// changed is what a member says of one command.
type changed struct {
	Index  balsa.Index
	Events []struct {
		Key     string
		Key64   []byte
		Value   string
		Value64 []byte
		Removed bool
	}
}

func (w kvWatch) print(out io.Writer, data []byte) error {
	if w.JSON {
		_, err := fmt.Fprintf(out, "%s\n", data)
		return err
	}
	var c changed
	if err := json.Unmarshal(data, &c); err != nil {
		return fmt.Errorf("what the member tells of changes is not understood: %w", err)
	}
	var b strings.Builder
	for _, e := range c.Events {
		key, value := e.Key+string(e.Key64), e.Value+string(e.Value64)
		if e.Removed {
			fmt.Fprintf(&b, "%d\tdel\t%s\n", c.Index, visible(key))
		} else {
			fmt.Fprintf(&b, "%d\tset\t%s\t%s\n", c.Index, visible(key), visible(value))
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// compactedError says that the past was forgotten that was asked for.
type compactedError struct {
	text string
	from balsa.Index // the first index that is still known
}

func (e *compactedError) Error() string        { return e.text }
func (e *compactedError) Is(target error) bool { return target == balsa.ErrCompacted }

// refused is what a member says in place of an answer.
type refused struct {
	Error struct {
		Code, Message string
		From          balsa.Index
	}
}

// reason is what a member has said, and whether another one may say otherwise.
func (r refused) reason(status int) (err error, elsewhere bool) {
	e := r.Error
	switch e.Code {
	case "compacted":
		return &compactedError{e.Message, e.From}, false
	case "unauthorized":
		return client.ErrUnauthenticated, false
	case "bad_request", "forbidden", "not_found", "method_not_allowed":
		return errors.New(e.Message), false
	case "":
		// Something between here and the member may have lost it for a while.
		return fmt.Errorf("what answers there is no member of balsa: %d %s", status, http.StatusText(status)), status >= http.StatusInternalServerError
	}
	return errors.New(e.Message), true
}

// follower is a watch over HTTP that begins at an index, 0 for now.
func (s servers) follower(query url.Values, from balsa.Index, take func(data []byte) error) (*follower, error) {
	token, err := s.token()
	if err != nil {
		return nil, err
	}
	bases, err := s.bases()
	if err != nil {
		return nil, err
	}
	members, err := s.client()
	if err != nil {
		return nil, err
	}
	return &follower{members: members, bases: bases, query: query, token: token, patience: s.Timeout, next: from, take: take}, nil
}

// bases are the URLs of the members' HTTP ports.
func (s servers) bases() (all []*url.URL, err error) {
	scheme := "http"
	if s.trust != (trust{}) {
		scheme = "https" // as package client takes it
	}
	for _, server := range s.Server {
		at, err := url.Parse(withScheme(server, scheme))
		if err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" {
			return nil, fmt.Errorf("%w: --server %s: it must be a URL, such as http://127.0.0.1:8080", errUsage, server)
		}
		all = append(all, at)
	}
	return all, nil
}

// indexOf reads an index that a member has said.
func indexOf(text string) (balsa.Index, error) {
	i, err := strconv.ParseUint(text, 10, 63)
	return balsa.Index(i), err
}
