package http

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// described is what the document says, so far as it can be held to the code.
type described struct {
	OpenAPI string
	Paths   map[string]map[string]json.RawMessage
	Parts   struct {
		Schemas map[string]schema
		Headers map[string]any
	} `json:"components"`
}

type describedOperation struct {
	OperationID string
	Security    []map[string][]string
	Parameters  []struct{ Name, In string }
	Responses   map[string]struct {
		Content map[string]any
	}
}

type schema struct {
	Properties map[string]struct {
		Enum       []string
		Properties map[string]struct{ Enum []string }
	}
}

func readDescription(t *testing.T) described {
	t.Helper()
	base, _ := startAlone(t, nil)
	r := do(t, "GET", base+"/openapi.json", "")
	var d described
	if err := json.Unmarshal([]byte(r.body), &d); err != nil || r.status != 200 || r.header.Get("Content-Type") != "application/json" || d.OpenAPI != "3.1.0" {
		t.Fatalf("%v, %+v", err, r.header)
	}
	return d
}

func (d described) operation(t *testing.T, path, method string) (o describedOperation, found bool) {
	t.Helper()
	raw, found := d.Paths[path][strings.ToLower(method)]
	if found {
		if err := json.Unmarshal(raw, &o); err != nil {
			t.Fatal(err)
		}
	}
	return o, found
}

func TestTheDescriptionHasEachOperationAndNoOther(t *testing.T) {
	d := readDescription(t)
	ids := map[string]bool{}
	for _, o := range operations() {
		said, found := d.operation(t, o.path, o.method)
		if !found {
			t.Errorf("%s %s is not described", o.method, o.path)
			continue
		}
		var query []string
		for _, p := range said.Parameters {
			if p.In == "query" {
				query = append(query, p.Name)
			}
		}
		slices.Sort(query)
		if want := slices.Sorted(slices.Values(o.query)); !slices.Equal(query, want) {
			t.Errorf("%s %s takes %v, and is described with %v", o.method, o.path, want, query)
		}
		if open := len(said.Security) == 1 && len(said.Security[0]) == 0; open != o.open {
			t.Errorf("%s %s is open: %t, and is described otherwise", o.method, o.path, o.open)
		}
		if ids[said.OperationID] || said.OperationID == "" {
			t.Errorf("%s %s has no name of its own: %q", o.method, o.path, said.OperationID)
		}
		ids[said.OperationID] = true
	}
	for path, methods := range d.Paths {
		for method := range methods {
			served := slices.ContainsFunc(operations(), func(o operation) bool { return o.path == path && strings.EqualFold(o.method, method) })
			if !served && method != "parameters" {
				t.Errorf("%s %s is described and not served", method, path)
			}
		}
	}
}

// Each path is asked as described, well and wrongly, and by a store that fails in every
// way: all that is answered is described.
func TestEveryAnswerIsDescribed(t *testing.T) {
	d := readDescription(t)
	for _, o := range operations() {
		said, _ := d.operation(t, o.path, o.method)
		check := func(what string, status int) {
			t.Helper()
			if _, ok := said.Responses[strconv.Itoa(status)]; !ok {
				t.Errorf("%s %s, %s, is answered %d, which is not described", o.method, o.path, what, status)
			}
		}
		for _, asked := range requests[o.method+" "+o.path] {
			for _, role := range roles {
				check("as "+role.Name, askAs(t, o, asked.target, asked.body, append([]string{"Authorization", "Bearer " + role.Name}, asked.headers...)))
			}
			if !o.open {
				check("as nobody known", askAs(t, o, asked.target, asked.body, nil))
			}
			for _, p := range problems {
				if !possible(o, p.is) {
					continue
				}
				r, err := parse(o.method, asked.target, "", []byte(asked.body))
				if err != nil {
					t.Fatal(err)
				}
				check(p.is.Error(), ask(NewHandler(Config{Store: failing{err: p.is}, Member: wellMember{}}), r).Code)
			}
		}
		target := strings.Replace(o.path, "{key}", "k", 1)
		r, err := parse(o.method, target+"?nonsense", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		check("with nonsense", ask(NewHandler(Config{Store: newLonely(t), Member: wellMember{}}), r).Code)
	}
}

// possible leaves out what a store never says to a read, or of a write without such a
// condition.
func possible(o operation, err error) bool {
	write := o.method != http.MethodGet
	for _, p := range problems {
		if !errors.Is(err, p.is) {
			continue
		}
		switch p.status {
		case http.StatusPreconditionFailed:
			return (write || o.path == "/kv/{key}") && o.path != "/txn" // whose conditions choose a branch
		case http.StatusLocked:
			return o.method == http.MethodPost && o.path == "/lock/{name}"
		case http.StatusConflict:
			return o.path != "/watch"
		case http.StatusGone:
			return !write
		case http.StatusNotFound:
			return o.path == "/kv/{key}" && o.method != http.MethodPut
		case http.StatusRequestEntityTooLarge, http.StatusInsufficientStorage, http.StatusBadRequest:
			return write
		}
		return true
	}
	return true
}

// Codes that do not come of an error of a store.
var otherCodes = []string{"unauthorized", "method_not_allowed", "slow_body", "other_role"}

func TestTheDescriptionHasEachCodeAndNoOther(t *testing.T) {
	d := readDescription(t)
	want := map[string]bool{}
	for _, p := range problems {
		want[p.code] = true
	}
	for _, code := range otherCodes {
		want[code] = true
	}
	got := d.Parts.Schemas["Error"].Properties["error"].Properties["code"].Enum
	if !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(maps.Keys(want))) {
		t.Errorf("described are %v, there are %v", got, slices.Sorted(maps.Keys(want)))
	}
	for _, code := range got {
		if !strings.Contains(packageComment(t), code) {
			t.Errorf("the package's comment does not have the code %s", code)
		}
	}
}

// What is written as JSON has the names that are described.
func TestTheDescriptionHasEachField(t *testing.T) {
	d := readDescription(t)
	for name, value := range map[string]any{
		"Item": Item{}, "Page": listing{}, "Reply": reply{}, "Outcome": outcome{}, "Lock": held{},
	} {
		if want, got := jsonNames(reflect.TypeOf(value)), slices.Sorted(maps.Keys(d.Parts.Schemas[name].Properties)); !slices.Equal(got, want) {
			t.Errorf("%s is described with %v, and has %v", name, got, want)
		}
	}
	if want, got := jsonNames(reflect.TypeOf(problemBody{})), slices.Sorted(maps.Keys(d.Parts.Schemas["Error"].Properties["error"].Properties)); !slices.Equal(got, want) {
		t.Errorf("an error is described with %v, and has %v", got, want)
	}
	operation := d.Parts.Schemas["Operation"].Properties
	if want := slices.Sorted(maps.Keys(shapes)); !slices.Equal(operation["op"].Enum, want) {
		t.Errorf("described are the operations %v, there are %v", operation["op"].Enum, want)
	}
	fields := map[string]bool{"op": true}
	for _, s := range shapes {
		for _, name := range slices.Concat(s.needs, s.takes) {
			fields[name] = true
			if slices.Contains([]string{"key", "value", "prefix", "from", "to"}, name) {
				fields[name+"64"] = true
			}
		}
	}
	if want, got := slices.Sorted(maps.Keys(fields)), slices.Sorted(maps.Keys(operation)); !slices.Equal(got, want) {
		t.Errorf("described are the fields %v, there are %v", got, want)
	}
}

func jsonNames(of reflect.Type) (names []string) {
	for f := range of.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// packageComment is what doc.go says.
func packageComment(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
