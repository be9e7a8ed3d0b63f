//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/balsaraft/balsa/sim/chaos/history"
)

// asker asks members over HTTP, as any program would. Any goroutine may use it.
type asker struct {
	http  *http.Client
	since time.Time // when the clock of the histories was 0
	note  func(finding string)
}

func newAsker(since time.Time, timeout time.Duration, note func(string)) *asker {
	return &asker{
		http:  &http.Client{Timeout: timeout, Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 16}},
		since: since, note: note,
	}
}

func (a *asker) now() int64 { return int64(time.Since(a.since)) }

// do asks and fills in what became of it.
func (a *asker) do(m *member, o history.Op) history.Op {
	o.Member = m.name
	o.Call = a.now()
	defer func() { o.Return = a.now() }()
	method, body := map[history.Kind]string{history.Get: "GET", history.Put: "PUT", history.Delete: "DELETE"}[o.Kind], ""
	if o.Kind == history.Put {
		body = bodyOf(o.Value)
	}
	r, err := http.NewRequest(method, "http://"+m.http+"/kv/"+o.Key, strings.NewReader(body))
	if err != nil {
		panic(err) // the keys are ours
	}
	r.GetBody = nil // or the client would send a request again by itself
	switch o.Condition {
	case history.IfAbsent:
		r.Header.Set("If-None-Match", "*")
	case history.IfVersion:
		r.Header.Set("If-Match", fmt.Sprintf("%q", strconv.FormatUint(uint64(o.Expect), 10)))
	}
	o = a.answered(o, r)
	o.Return = a.now()
	return o
}

func (a *asker) answered(o history.Op, r *http.Request) history.Op {
	response, err := a.http.Do(r)
	if err != nil {
		o.Outcome = history.Unknown
		var dial *net.OpError
		if errors.As(err, &dial) && dial.Op == "dial" {
			o.Outcome = history.Refused // it was never sent
		}
		return o
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		o.Outcome = history.Unknown
		return o
	}
	var problem struct{ Error struct{ Code string } }
	if response.StatusCode != http.StatusOK {
		json.Unmarshal(body, &problem)
	}
	switch code := problem.Error.Code; {
	case response.StatusCode == http.StatusOK:
		return a.done(o, response.Header.Get("ETag"), body)
	case code == "not_found":
		o.Outcome = history.NotFound
	case code == "precondition_failed":
		o.Outcome = history.Different
	case code == "unknown":
		o.Outcome = history.Unknown
	case code == "not_committed", code == "no_leader", code == "overloaded", code == "closed", code == "no_space",
		code == "damaged": // it ends; whether it may is looked at elsewhere
		o.Outcome = history.Refused
	default:
		a.note(fmt.Sprintf("an answer that means nothing: %d %.200s to %s", response.StatusCode, body, o))
	}
	return o
}

func (a *asker) done(o history.Op, etag string, body []byte) history.Op {
	version, err := strconv.ParseUint(strings.Trim(etag, `"`), 10, 64)
	if err != nil {
		a.note(fmt.Sprintf("an answer without a version: %q to %s", etag, o))
	}
	o.Outcome, o.Version = history.Done, history.Version(version)
	if o.Kind == history.Get {
		o.Value, _, _ = strings.Cut(string(body), "\n")
		if bodyOf(o.Value) != string(body) {
			a.note(fmt.Sprintf("a value was damaged: %d bytes that begin with %.80q, of %s", len(body), body, o))
		}
	}
	return o
}

// valueOf names a value: who wrote it, which of its writes, and how long the body is.
func valueOf(caller, n, size int) string { return fmt.Sprintf("%d.%d.%d", caller, n, size) }

// bodyOf is all of a value; its name tells it, so that damage shows.
func bodyOf(value string) string {
	size, _ := strconv.Atoi(value[strings.LastIndexByte(value, '.')+1:])
	head := value + "\n"
	if size <= len(head) {
		return head
	}
	return (head + strings.Repeat(value+"/", size/len(value)))[:size]
}

// standing is what a member says of the cluster.
type standing struct {
	Name     string
	Role     string
	Leader   string
	Term     uint64
	Commit   uint64
	Applied  uint64
	Waiting  string
	Changing bool
	Members  []struct {
		Name, ID, Role string
		Match          uint64
		Active         bool
	}
}

func (a *asker) status(ctx context.Context, m *member) (s standing, err error) {
	r, err := http.NewRequestWithContext(ctx, "GET", "http://"+m.http+"/status", nil)
	if err != nil {
		return s, err
	}
	response, err := a.http.Do(r)
	if err != nil {
		return s, err
	}
	defer response.Body.Close()
	return s, json.NewDecoder(response.Body).Decode(&s)
}
