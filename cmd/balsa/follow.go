package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/balsaraft/balsa"
)

// follower reads a watch over HTTP, at one member after the other, so that each change
// comes once and in order.
type follower struct {
	members  *http.Client
	bases    []*url.URL
	query    url.Values
	token    string
	patience time.Duration // how long it goes on without an answer from anybody
	next     balsa.Index   // the index to go on from, 0 before anybody has answered
	take     func(data []byte) error

	heard time.Time // when a member has last said something
}

const (
	// silence is how long a member may say nothing. One that lives does so each 15 seconds.
	silence = 45 * time.Second
	// goOnAfter is how long to wait before another member is asked, and the same again if
	// there is one alone.
	goOnAfter = 100 * time.Millisecond
	// largestEvent bounds what one command may have changed: its values, as JSON.
	largestEvent = 64 << 20
)

// finalError is one that no other member would mend.
type finalError struct{ error }

func (e finalError) Unwrap() error { return e.error }

// follow goes on until ctx ends, a member says that there is nothing to go on with, or
// nobody answers for too long.
func (f *follower) follow(ctx context.Context) error {
	defer f.members.CloseIdleConnections()
	f.heard = time.Now()
	strangers := 0 // names that nobody knew at the beginning, when they may be misspelt
	for n := 0; ; n++ {
		base := f.bases[n%len(f.bases)]
		err := f.stream(ctx, base)
		if n < len(f.bases) && noSuchHost(err) {
			strangers++
		}
		var final finalError
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &final):
			return final.error
		case strangers == len(f.bases):
			return err
		case time.Since(f.heard) > f.patience:
			return fmt.Errorf("no member could be watched for %s; the last one, %s: %w", f.patience, base.Host, err)
		}
		select {
		case <-time.After(goOnAfter):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// noSuchHost says whether the name servers have answered that there is no such name.
func noSuchHost(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) && dns.IsNotFound
}

// stream reads what one member sends, as long as it does.
func (f *follower) stream(ctx context.Context, base *url.URL) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	quiet := time.AfterFunc(min(silence, f.patience), cancel)
	defer quiet.Stop()
	request, err := f.request(ctx, base)
	if err != nil {
		return finalError{err}
	}
	answer, err := f.members.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return refusalIn(answer.StatusCode, answer.Body)
	}
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(make([]byte, 0, 64<<10), largestEvent)
	var e event
	for lines.Scan() {
		f.heard = time.Now()
		quiet.Reset(silence)
		if len(lines.Bytes()) > 0 {
			e.add(lines.Bytes())
			continue
		}
		if err := f.handle(e); err != nil {
			return err
		}
		e = event{}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return finalError{fmt.Errorf("a command has changed more than %d bytes", largestEvent)}
	} else if err != nil {
		return err
	}
	return io.ErrUnexpectedEOF
}

func (f *follower) request(ctx context.Context, base *url.URL) (*http.Request, error) {
	at := base.JoinPath("watch")
	query := maps.Clone(f.query)
	if f.next > 0 {
		query.Set("from", fmt.Sprint(f.next))
	}
	at.RawQuery = query.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err == nil && f.token != "" {
		r.Header.Set("Authorization", "Bearer "+f.token)
	}
	return r, err
}

// event is one of a stream of server-sent events.
type event struct {
	id   string
	name string
	data []byte
}

// add takes a line of the event. A comment is none.
func (e *event) add(line []byte) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "id":
		e.id = string(value)
	case "event":
		e.name = string(value)
	case "data":
		e.data = append(e.data, value...)
	}
}

// handle takes a whole event, and notes how far the watch has come.
func (f *follower) handle(e event) error {
	if e.name == "end" {
		return refusalIn(http.StatusOK, bytes.NewReader(e.data))
	}
	if e.id == "" {
		return nil
	}
	index, err := indexOf(e.id)
	if err != nil {
		return finalError{fmt.Errorf("the member says that %q is an index: %w", e.id, err)}
	}
	if len(e.data) > 0 && index >= f.next {
		if err := f.take(e.data); err != nil {
			return finalError{err}
		}
	}
	f.next = max(f.next, index+1)
	return nil
}

// refusalIn is the error that a member answers with.
func refusalIn(status int, body io.Reader) error {
	const enough = 1 << 20
	var r refused
	b, err := io.ReadAll(io.LimitReader(body, enough))
	if err != nil {
		return err
	}
	_ = json.Unmarshal([]byte(strings.TrimSpace(string(b))), &r) // what is none is no member's
	err, elsewhere := r.reason(status)
	if !elsewhere {
		return finalError{err}
	}
	return err
}
