package http

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/balsaraft/balsa/kv"
)

// FuzzTransaction: what is taken for a transaction is JSON, is within the limits, and
// means the same when it is written again.
func FuzzTransaction(f *testing.F) {
	for _, seed := range []string{
		`{}`,
		`{"if":[{"key":"k","of":"version","is":"=","number":12}],"then":[{"op":"get","key":"k"}],"else":[]}`,
		`{"if":[{"key64":"/w==","of":"value","is":"<","value64":"/w=="}],"else":[{"op":"delete","prefix":"k","previous":true}]}`,
		`{"then":[{"op":"set","key":"\ud83d\ude00","value":"v","ttl":"1h30m","lease":"new","previous":true}]}`,
		`{"then":[{"op":"set","key":"k","keep_value":true,"keep_ttl":true,"keep_lease":true,"keys_only":true}]}`,
		`{"then":[{"op":"set","key":"k","value":"","expires":"2026-11-21T12:00:00.005Z","lease":18446744073709551614}]}`,
		`{"then":[{"op":"scan","from":"a","to":"\ufffd","limit":10},{"op":"delete","from64":"AA=="},{"op":"scan","prefix":""}]}`,
		`{"then":[{"op":"add","key":"n","delta":-9223372036854775808},{"op":"append","key":"k","value":"v"}]}`,
		`{"then":[{"op":"grant","ttl":"1s","lease":7},{"op":"keep-alive","lease":7},{"op":"revoke","lease":7}]}`,
		`{"then":[{"op":"expire","key":"k","ttl":"1ms"},{"op":"persist","key":"k"},{"op":"compact","revision":1}]}`,
		`{"then":[{"op":"get","key":"\ud800"}]}`,
		`{"then":[{"op":"get","key":null,"key":"k"}]} x`,
		strings.Repeat(`{"then":[`, 100),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := commandOf(newDecoder(strings.NewReader(string(body))))
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without a word")
			}
			return
		}
		if !json.Valid(body) {
			t.Errorf("%q is taken, and is no JSON", body)
		}
		if !utf8.Valid(body) {
			t.Errorf("%q is taken, and is no UTF-8", body)
		}
		if n := max(len(c.If), len(c.Then), len(c.Else)); n > kv.MaxOps {
			t.Errorf("%d operations or conditions are taken", n)
		}
		again, err := commandOf(newDecoder(strings.NewReader(written(t, c))))
		if err != nil || !reflect.DeepEqual(plain(again), plain(c)) {
			t.Errorf("%s is read as %+v, written as %s, and read as %+v, %v", body, c, written(t, c), again, err)
		}
		if _, err := c.MarshalBinary(); err != nil && !errors.Is(err, kv.ErrLimit) && !errors.Is(err, kv.ErrMalformed) {
			t.Errorf("%s: %v", body, err)
		}
	})
}

// plain makes an empty value the same as none.
func plain(c kv.Command) kv.Command {
	for _, ops := range [][]kv.Op{c.Then, c.Else} {
		for i := range ops {
			if len(ops[i].Value) == 0 {
				ops[i].Value = nil
			}
		}
	}
	for i := range c.If {
		if len(c.If[i].Value) == 0 {
			c.If[i].Value = nil
		}
	}
	if len(c.If)+len(c.Then)+len(c.Else) == 0 {
		return kv.Command{}
	}
	return c
}

// written is a command as JSON, the plain way: all text as base64.
func written(t *testing.T, c kv.Command) string {
	doc := map[string][]any{}
	for _, condition := range c.If {
		doc["if"] = append(doc["if"], writtenCondition(condition))
	}
	for name, ops := range map[string][]kv.Op{"then": c.Then, "else": c.Else} {
		for _, o := range ops {
			doc[name] = append(doc[name], writtenOp(o))
		}
	}
	b, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func writtenCondition(c kv.Condition) map[string]any {
	m := map[string]any{"key64": []byte(c.Key)}
	for name, field := range fieldsOf {
		if field == c.Of {
			m["of"] = name
		}
	}
	for name, comparison := range comparisons {
		if comparison == c.Is {
			m["is"] = name
		}
	}
	if c.Of == kv.ValueOf {
		m["value64"] = append([]byte{}, c.Value...)
	} else {
		m["number"] = c.Number
	}
	return m
}

func writtenOp(o kv.Op) map[string]any {
	m := map[string]any{"op": nameOf(o)}
	if r := o.Range(); o.Kind == kv.OpScan || o.Kind == kv.OpDelete && o.End != "" {
		m["from64"] = []byte(r.From)
		if r.To != "" {
			m["to64"] = []byte(r.To)
		}
	} else if o.Kind != kv.OpGrant && o.Kind != kv.OpKeepAlive && o.Kind != kv.OpRevoke && o.Kind != kv.OpCompact {
		m["key64"] = []byte(o.Key)
	}
	if o.Kind == kv.OpSet && !o.KeepValue || o.Kind == kv.OpAppend {
		m["value64"] = append([]byte{}, o.Value...)
	}
	if o.TTL != 0 {
		m["ttl"] = o.TTL.String()
	}
	if !o.At.IsZero() {
		m["expires"] = o.At
	}
	switch {
	case o.Lease == kv.NewLease:
		m["lease"] = "new"
	case o.Lease != 0:
		m["lease"] = o.Lease
	}
	switch {
	case o.Kind == kv.OpAdd:
		m["delta"] = o.Number
	case o.Kind == kv.OpCompact:
		m["revision"] = o.Number
	case o.Number != 0:
		m["limit"] = o.Number
	}
	for name, set := range map[string]bool{"previous": o.Previous, "keys_only": o.KeysOnly, "keep_ttl": o.KeepTTL, "keep_lease": o.KeepLease, "keep_value": o.KeepValue} {
		if set {
			m[name] = true
		}
	}
	return m
}
