package http

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/balsaraft/balsa/kv"
	"github.com/balsaraft/balsa/kv/access"
)

// operation is one method on one path.
type operation struct {
	method string
	path   string   // as people write it; {key} and {name} stand for all the rest
	query  []string // the parameters that it takes
	open   bool     // whether it answers callers that nobody knows
	serve  func(handler, http.ResponseWriter, call)
}

// call is a request on its way through: who asks, and what may be used for the answer.
type call struct {
	*http.Request
	caller *access.Caller
	store  kv.Store // as the caller may use it
	query  url.Values
}

// operations are all that there is. HEAD goes where GET goes, except that nobody can
// watch by it.
func operations() []operation {
	return []operation{
		{http.MethodGet, "/kv/", []string{"prefix", "after", "limit", "keys-only", "at", "stale", "lease", "at-least"}, false, handler.list},
		{http.MethodGet, "/kv/{key}", []string{"at", "stale", "lease", "at-least"}, false, handler.get},
		{http.MethodPut, "/kv/{key}", []string{"ttl", "lease-id"}, false, handler.put},
		{http.MethodDelete, "/kv/{key}", nil, false, handler.delete},
		{http.MethodPost, "/txn", nil, false, handler.transact},
		{http.MethodGet, "/lock/{name}", nil, false, handler.showLock},
		{http.MethodPost, "/lock/{name}", []string{"ttl", "owner", "wait"}, false, handler.takeLock},
		{http.MethodPut, "/lock/{name}", []string{"token"}, false, handler.keepLock},
		{http.MethodDelete, "/lock/{name}", []string{"token"}, false, handler.giveLock},
		{http.MethodGet, "/watch", []string{"key", "prefix", "from", "previous"}, false, handler.watch},
		{http.MethodGet, "/status", nil, false, handler.status},
		{http.MethodGet, "/healthz", nil, true, handler.health},
		{http.MethodGet, "/readyz", []string{"role"}, true, handler.readiness},
		{http.MethodGet, "/openapi.json", nil, true, handler.openAPI},
	}
}

// keyPath is where the values are.
const keyPath = "/kv/"

// find looks an operation up. What it cannot find it explains.
func (h handler) find(r *http.Request) (operation, *problem) {
	path, method := r.URL.Path, r.Method
	switch {
	case strings.HasPrefix(path, keyPath) && path != keyPath:
		path = keyPath + "{key}"
	case strings.HasPrefix(path, lockPath):
		path = lockPath + "{name}"
	}
	if method == http.MethodHead && path != "/watch" {
		method = http.MethodGet
	}
	var allowed []string
	for _, o := range h.operations {
		if o.path != path {
			continue
		}
		if o.method == method {
			return o, nil
		}
		if allowed = append(allowed, o.method); o.method == http.MethodGet && path != "/watch" {
			allowed = append(allowed, http.MethodHead)
		}
	}
	if allowed == nil {
		return operation{}, refuse(http.StatusNotFound, "not_found", "there is nothing at "+r.URL.Path+"; GET /openapi.json says what there is")
	}
	p := refuse(http.StatusMethodNotAllowed, "method_not_allowed", r.Method+" is not possible here; use "+strings.Join(allowed, " or "))
	p.header = http.Header{"Allow": {strings.Join(allowed, ", ")}}
	return operation{}, p
}

// parameters reads a query, of which every name must be known, so that a misspelt option
// is not taken for none.
func (o operation) parameters(raw string) (url.Values, error) {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return nil, fmt.Errorf("the query: %w", err)
	}
	for name, values := range query {
		switch {
		case !slices.Contains(o.query, name) && len(o.query) == 0:
			return nil, fmt.Errorf("there is no parameter %q here; there are none", name)
		case !slices.Contains(o.query, name):
			return nil, fmt.Errorf("there is no parameter %q here; there are %s", name, strings.Join(o.query, ", "))
		case len(values) > 1:
			return nil, fmt.Errorf("the parameter %s is given %d times; give it once", name, len(values))
		}
	}
	return query, nil
}

// isSet reads a parameter that is there or not: ?lease, or ?lease=true.
func isSet(query url.Values, name string) (bool, error) {
	values, given := query[name]
	if !given {
		return false, nil
	}
	switch values[0] {
	case "", "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("%s=%s: it is true or false", name, values[0])
}
