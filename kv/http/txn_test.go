package http

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/balsaraft/balsa/kv"
)

func TestTransactionsDoOneBranch(t *testing.T) {
	base, _ := startAlone(t, nil)
	const txn = `{
		"if": [{"key":"n","of":"value","is":"=","value":"1"}, {"key":"x","of":"created","is":"=","number":0}],
		"then": [{"op":"set","key":"done","value":"yes"}],
		"else": [{"op":"get","key":"n"}]
	}`
	for _, c := range []struct{ name, before, want string }{
		{"no value to compare", "", `{"index":1,"held":false,"unmet":0,"version":0,"replies":[{"op":"get","found":false}]}`},
		{"another value", "2", `{"index":3,"held":false,"unmet":0,"version":2,"replies":[{"op":"get","found":true,"items":[{"key":"n","value":"2","version":2,"created":2,"changes":1}]}]}`},
		{"the value", "1", `{"index":5,"held":true,"replies":[{"op":"set","found":false}]}`},
	} {
		if c.before != "" {
			do(t, "PUT", base+"/kv/n", c.before)
		}
		r := do(t, "POST", base+"/txn", txn)
		if r.status != 200 || strings.TrimSpace(r.body) != c.want || r.header.Get("Balsa-Index") == "" {
			t.Errorf("%s: %d %s, want %s", c.name, r.status, r.body, c.want)
		}
	}
}

// Each operation is written as JSON, and must be the kv.Op beside it.
func TestEveryOperationIsReadAsItIsMeant(t *testing.T) {
	moment := time.Date(2026, 11, 21, 12, 0, 0, 5e6, time.UTC)
	for text, want := range map[string]kv.Op{
		`{"op":"set","key":"k","value":"v"}`:                                                  kv.Set("k", []byte("v")),
		`{"value64":"/w==","key64":"/w==","op":"set"}`:                                        kv.Set("\xff", []byte("\xff")),
		`{"op":"set","key":"k","value":"","ttl":"1m30s","lease":7,"previous":true}`:           {Kind: kv.OpSet, Key: "k", Value: []byte{}, TTL: 90 * time.Second, Lease: 7, Previous: true},
		`{"op":"set","key":"k","value":"\ud83d\ude00","lease":"new"}`:                         {Kind: kv.OpSet, Key: "k", Value: []byte("😀"), Lease: kv.NewLease},
		`{"op":"set","key":"k","value":"v","expires":"2026-11-21T14:00:00.005+02:00"}`:        {Kind: kv.OpSet, Key: "k", Value: []byte("v"), At: moment},
		`{"op":"set","key":"k","keep_value":true,"ttl":"1s","keep_lease":true}`:               {Kind: kv.OpSet, Key: "k", TTL: time.Second, KeepValue: true, KeepLease: true},
		`{"op":"set","key":"k","value":"v","keep_ttl":true,"previous":true,"keys_only":true}`: {Kind: kv.OpSet, Key: "k", Value: []byte("v"), KeepTTL: true, Previous: true, KeysOnly: true},
		`{"op":"delete","key":"k","previous":true}`:                                           {Kind: kv.OpDelete, Key: "k", Previous: true},
		`{"op":"delete","prefix":"k/"}`:                                                       kv.DeleteRange(kv.Prefix("k/")),
		`{"op":"delete","from":"a","to":"c"}`:                                                 kv.DeleteRange(kv.Range{From: "a", To: "c"}),
		`{"op":"delete","from":"a"}`:                                                          kv.DeleteRange(kv.Range{From: "a"}),
		`{"op":"get","key":"k","keys_only":true}`:                                             {Kind: kv.OpGet, Key: "k", KeysOnly: true},
		`{"op":"scan","prefix":"","limit":5}`:                                                 kv.Scan(kv.Range{}, 5),
		`{"op":"scan","from64":"/w==","to":"\uFFFD","keys_only":false}`:                       kv.Scan(kv.Range{From: "\xff", To: "\uFFFD"}, 0),
		`{"op":"add","key":"n","delta":-9223372036854775808}`:                                 kv.Add("n", -1<<63),
		`{"op":"append","key":"k","value":"v"}`:                                               kv.Append("k", []byte("v")),
		`{"op":"expire","key":"k","ttl":"250ms"}`:                                             kv.Expire("k", 250*time.Millisecond),
		`{"op":"expire","key":"k","expires":"2026-11-21T12:00:00.005Z"}`:                      {Kind: kv.OpExpire, Key: "k", At: moment},
		`{"op":"persist","key":"k"}`:                                                          kv.Persist("k"),
		`{"op":"grant","ttl":"10s"}`:                                                          kv.Grant(10 * time.Second),
		`{"op":"grant","ttl":"10s","lease":18446744073709551614}`:                             {Kind: kv.OpGrant, TTL: 10 * time.Second, Lease: kv.NewLease - 1},
		`{"op":"keep-alive","lease":7}`:                                                       kv.KeepAlive(7),
		`{"op":"revoke","lease":7}`:                                                           kv.Revoke(7),
		`{"op":"compact","revision":12}`:                                                      {Kind: kv.OpCompact, Number: 12},
	} {
		got, err := commandOf(newDecoder(strings.NewReader(`{"then":[` + text + `]}`)))
		if err != nil || !reflect.DeepEqual(got, kv.Command{Then: []kv.Op{want}}) {
			t.Errorf("%s is read as %+v, %v; want %+v", text, got, err, want)
		}
		if _, err := got.MarshalBinary(); err != nil {
			t.Errorf("%s cannot be carried out: %v", text, err)
		}
	}
}

func TestConditionsAreReadAsTheyAreMeant(t *testing.T) {
	for text, want := range map[string]kv.Condition{
		`{"key":"k","of":"version","is":"=","number":12}`:    kv.IfVersion(12).On("k"),
		`{"key":"k","of":"created","is":"!=","number":0}`:    kv.IfExists().On("k"),
		`{"key":"k","of":"changes","is":"<","number":3}`:     {Key: "k", Of: kv.ChangesOf, Is: kv.Less, Number: 3},
		`{"key64":"/w==","of":"lease","is":">","number":0}`:  {Key: "\xff", Of: kv.LeaseOf, Is: kv.Greater},
		`{"is":"=","of":"value","value64":"/w==","key":"k"}`: kv.IfValue([]byte("\xff")).On("k"),
		`{"key":"k","of":"value","is":"<","value":"\u00e4"}`: {Key: "k", Of: kv.ValueOf, Is: kv.Less, Value: []byte("ä")},
	} {
		got, err := commandOf(newDecoder(strings.NewReader(`{"if":[` + text + `]}`)))
		if err != nil || !reflect.DeepEqual(got, kv.Command{If: []kv.Condition{want}}) {
			t.Errorf("%s is read as %+v, %v; want %+v", text, got, err, want)
		}
	}
}

func TestWhatIsNoTransactionIsRefusedWithItsPlace(t *testing.T) {
	base, store := startAlone(t, nil)
	for body, says := range map[string]string{
		``:                        "ends before it is complete",
		`{"then":[{"op":"set"`:    "ends before it is complete",
		`{`:                       "ends before it is complete",
		`[]`:                      "want an object",
		`null`:                    "want an object",
		`{} {}`:                   "something follows",
		`{}x`:                     "invalid character",
		`{"If":[]}`:               "If: there is no such part",
		`{"then":[],"then":[]}`:   `"then" is there twice`,
		`{"then":{}}`:             "then: want a list",
		`{"then":null}`:           "then: want a list",
		`{"then":[7]}`:            "then[0]: want an object",
		`{"then":[{"op":"fly"}]}`: `then[0]: there is no operation "fly"; there are add, append`,
		`{"then":[{}]}`:           `there is no operation ""`,
		`{"then":[{"op":"get","key":"a"},{"op":"get","Key":"a"}]}`:                                    "then[1].Key: there is no such field",
		`{"then":[{"op":"get"}]}`:                                                                     "get needs key",
		`{"then":[{"op":"get","key":""}]}`:                                                            "the key is empty",
		`{"then":[{"op":"get","key":null}]}`:                                                          "then[0].key: want a string",
		`{"then":[{"op":"get","key":"a","key":"b"}]}`:                                                 `"key" is there twice`,
		`{"then":[{"op":"get","key":"a","key64":"YQ=="}]}`:                                            "key and key64 exclude each other",
		`{"then":[{"op":"get","key":"` + "\xff" + `"}]}`:                                              "not valid Unicode",
		`{"then":[{"op":"get","key":"\ud800"}]}`:                                                      "not valid Unicode",
		`{"then":[{"op":"get","key":"\\\udc00"}]}`:                                                    "not valid Unicode",
		`{"then":[{"op":"get","key":"\ud83d\n"}]}`:                                                    "not valid Unicode",
		`{"then":[{"op":"get","key64":"YQ"}]}`:                                                        "base64",
		`{"then":[{"op":"get","key64":"YR=="}]}`:                                                      "base64",
		`{"then":[{"op":"get","key":"a","ttl":"1s"}]}`:                                                "get takes no ttl",
		`{"then":[{"op":"set","key":"a"}]}`:                                                           "either a value or keep_value",
		`{"then":[{"op":"set","key":"a","value":"v","keep_value":true}]}`:                             "either a value or keep_value",
		`{"then":[{"op":"set","key":"a","value":"v","ttl":30}]}`:                                      "then[0].ttl: want a string",
		`{"then":[{"op":"set","key":"a","value":"v","ttl":"-1s"}]}`:                                   "then[0].ttl",
		`{"then":[{"op":"set","key":"a","value":"v","ttl":"1s","expires":"2026-01-01T00:00:00Z"}]}`:   "exclude each other",
		`{"then":[{"op":"set","key":"a","value":"v","expires":"tomorrow"}]}`:                          "no time such as",
		`{"then":[{"op":"set","key":"a","value":"v","expires":"1960-01-01T00:00:00Z"}]}`:              "between 1970 and 9999",
		`{"then":[{"op":"set","key":"a","value":"v","expires":"2026-01-01T00:00:00.00001Z"}]}`:        "more than milliseconds",
		`{"then":[{"op":"set","key":"a","value":"v","previous":"yes"}]}`:                              "want true or false",
		`{"then":[{"op":"set","key":"a","value":"v","lease":0}]}`:                                     "want the number of a lease",
		`{"then":[{"op":"revoke","lease":"new"}]}`:                                                    "new is for set",
		`{"then":[{"op":"grant","lease":7}]}`:                                                         "grant needs ttl",
		`{"then":[{"op":"expire","key":"a"}]}`:                                                        "persist lets a key stay",
		`{"then":[{"op":"delete"}]}`:                                                                  "delete needs a key",
		`{"then":[{"op":"delete","key":"a","prefix":"b"}]}`:                                           "exclude each other",
		`{"then":[{"op":"scan"}]}`:                                                                    "scan needs a prefix",
		`{"then":[{"op":"scan","to":"a"}]}`:                                                           "to needs from",
		`{"then":[{"op":"scan","prefix":"","limit":10001}]}`:                                          "from 1 to 10000",
		`{"then":[{"op":"add","key":"n","delta":1.5}]}`:                                               "whole number",
		`{"then":[{"op":"add","key":"n","delta":1e3}]}`:                                               "whole number",
		`{"then":[{"op":"add","key":"n","delta":9223372036854775808}]}`:                               "whole number",
		`{"then":[{"op":"add","key":"n","delta":` + strings.Repeat("9", 100_000) + `}]}`:              "whole number",
		`{"then":[{"op":"add","key":"n","delta":"1"}]}`:                                               "whole number",
		`{"if":[{"key":"a","of":"version","is":"=","number":-1}]}`:                                    "if[0].number: want a whole number",
		`{"if":[{"key":"a","of":"version","is":"=","value":"1"}]}`:                                    "all others a number",
		`{"if":[{"key":"a","of":"value","is":"=","number":1}]}`:                                       "needs a value",
		`{"if":[{"key":"a","of":"size","is":"=","number":1}]}`:                                        `"size" is none of changes created lease value version`,
		`{"if":[{"key":"a","of":"version","is":"==","number":1}]}`:                                    `"==" is none of`,
		`{"if":[{"of":"version","is":"=","number":1}]}`:                                               "needs key",
		`{"then":[{"op":"get","key":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}]}`: "want a string",
		`{"then":[{"op":"get","key":` + strings.Repeat("[", 1_000_000):                                "exceeded max depth",
		`{"":1}`: "there is no such part",
		`{"` + strings.Repeat("x", 100_000) + `":1}`:                                    "there is no such part",
		`{"then":[{"op":"` + strings.Repeat("x", 100_000) + `"}]}`:                      "there is no operation",
		`{"then":[{"` + strings.Repeat("x", 100_000) + `":1}]}`:                         "there is no such field",
		`{"if":[{"of":"` + strings.Repeat("x", 100_000) + `"}]}`:                        "is none of",
		strings.Repeat(`{"then":[`, 1_000_000):                                          "there is no such field",
		`{"then":[` + strings.Repeat(`{"op":"persist","key":"a"},`, kv.MaxOps) + `{}]}`: "more than 10000",
	} {
		r := do(t, "POST", base+"/txn", body)
		var e struct {
			Error struct{ Code, Message string }
		}
		json.Unmarshal([]byte(r.body), &e)
		if r.status/100 != 4 || e.Error.Code != "bad_request" && e.Error.Code != "too_large" || !strings.Contains(e.Error.Message, says) || len(r.body) > 1000 {
			t.Errorf("%.100s is answered %d %.300s, want %s", body, r.status, r.body, says)
		}
	}
	if v, err := store.View(t.Context()); err != nil || v.Applied() != 0 {
		t.Errorf("something that is no transaction was proposed: %v", err)
	}
}

func TestTransactionsHaveLimits(t *testing.T) {
	base, _ := startAlone(t, nil)
	set := func(key string, size int) string {
		return fmt.Sprintf(`{"op":"set","key":%q,"value":%q}`, key, strings.Repeat("v", size))
	}
	for what, body := range map[string]string{
		"a value":     `{"then":[` + set("k", kv.MaxValue+1) + `]}`,
		"a key":       `{"then":[` + set(strings.Repeat("k", kv.MaxKey+1), 1) + `]}`,
		"the command": `{"then":[` + strings.Join([]string{set("a", kv.MaxValue), set("b", kv.MaxValue), set("c", kv.MaxValue), set("d", kv.MaxValue)}, ",") + `]}`,
		"the body":    strings.Repeat(" ", maxTxn+1) + `{}`,
	} {
		if r := do(t, "POST", base+"/txn", body); r.status != 413 || r.code() != "too_large" {
			t.Errorf("%s over its limit is answered %d %.200s", what, r.status, r.body)
		}
	}
	if r := do(t, "POST", base+"/txn", `{"then":[`+set("a", kv.MaxValue)+","+set("b", kv.MaxValue)+`]}`); r.status != 200 {
		t.Errorf("two of the largest values: %d %.200s", r.status, r.body)
	}
}

func TestAFailedTransactionSaysWhichOperation(t *testing.T) {
	base, _ := startAlone(t, nil)
	do(t, "PUT", base+"/kv/text", "x")
	do(t, "PUT", base+"/kv/most", "9223372036854775807")
	do(t, "PUT", base+"/kv/long", strings.Repeat("v", kv.MaxValue))
	do(t, "POST", base+"/txn", `{"then":[{"op":"grant","ttl":"1m","lease":7}]}`)
	for op, code := range map[string]string{
		`{"op":"add","key":"text","delta":1}`:              "not_number",
		`{"op":"add","key":"most","delta":1}`:              "overflow",
		`{"op":"append","key":"long","value":"x"}`:         "too_long",
		`{"op":"set","key":"a","value":"v","lease":9}`:     "no_lease",
		`{"op":"set","key":"a","value":"v","lease":"new"}`: "no_lease",
		`{"op":"grant","ttl":"1m","lease":7}`:              "lease_exists",
		`{"op":"set","key":"a","keep_value":true}`:         "no_value",
		`{"op":"compact","revision":1000}`:                 "future",
	} {
		for branch, txn := range map[string]string{
			"then": `{"then":[{"op":"set","key":"b","value":"v"},` + op + `]}`,
			"else": `{"if":[{"key":"b","of":"changes","is":">","number":0}],"else":[{"op":"set","key":"b","value":"v"},` + op + `]}`,
		} {
			r := do(t, "POST", base+"/txn", txn)
			if r.status != 409 || r.code() != code || !strings.Contains(r.body, `"in":"`+branch+`","operation":1`) {
				t.Errorf("%s in %s is answered %d %s, want %s", op, branch, r.status, r.body, code)
			}
		}
	}
	if r := do(t, "GET", base+"/kv/b", ""); r.status != 404 {
		t.Errorf("a failed transaction has left something: %+v", r)
	}
}

func TestRepliesNameTheirNumbers(t *testing.T) {
	base, _ := startAlone(t, nil)
	do(t, "PUT", base+"/kv/a/1", "one")
	r := do(t, "POST", base+"/txn", `{"then":[
		{"op":"grant","ttl":"1m"},
		{"op":"set","key":"a/2","value":"two","lease":"new","previous":true},
		{"op":"add","key":"n","delta":-5},
		{"op":"append","key":"a/1","value":" more"},
		{"op":"scan","prefix":"a/","limit":1},
		{"op":"scan","prefix":"a/","keys_only":true},
		{"op":"delete","key":"a/1","previous":true,"keys_only":true},
		{"op":"expire","key":"n","ttl":"1s"},
		{"op":"persist","key":"n"},
		{"op":"keep-alive","lease":2},
		{"op":"keep-alive","lease":3},
		{"op":"revoke","lease":2},
		{"op":"delete","prefix":"a/"}
	]}`)
	const want = `{"index":2,"held":true,"replies":[
		{"op":"grant","found":true,"lease":2},
		{"op":"set","found":false},
		{"op":"add","found":false,"sum":-5},
		{"op":"append","found":true,"length":8},
		{"op":"scan","found":true,"count":1,"items":[{"key":"a/1","value":"one more","version":2,"created":1,"changes":2}],"more":true},
		{"op":"scan","found":true,"count":2,"items":[{"key":"a/1","version":2,"created":1,"changes":2},{"key":"a/2","version":2,"created":2,"changes":1,"lease":2}]},
		{"op":"delete","found":true,"items":[{"key":"a/1","version":2,"created":1,"changes":2}]},
		{"op":"expire","found":true},
		{"op":"persist","found":true},
		{"op":"keep-alive","found":true,"expires":"1970-01-01T00:01:00Z"},
		{"op":"keep-alive","found":false},
		{"op":"revoke","found":true,"count":1},
		{"op":"delete","found":false,"count":0}
	]}`
	var got, wanted any
	if err := json.Unmarshal([]byte(r.body), &got); err != nil {
		t.Fatalf("%+v", r)
	}
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, wanted) {
		t.Errorf("got %s\nwant %s", r.body, want)
	}
}

// A body that does not come is given up, and the client is told; nothing is proposed.
func TestASlowBodyIsGivenUp(t *testing.T) {
	for _, path := range []string{"PUT /kv/k", "POST /txn"} {
		synctest.Test(t, func(t *testing.T) {
			store := newLonely(t)
			cfg := Config{Store: store, Member: wellMember{}}
			ours, theirs := net.Pipe()
			server := NewServer(NewHandler(cfg), cfg.withDefaults().Logger)
			go server.Serve(&oneConn{conn: theirs, done: make(chan struct{})})
			defer server.Close()
			go fmt.Fprintf(ours, "%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{", path)
			began := time.Now()
			answer, _ := io.ReadAll(ours)
			if !strings.HasPrefix(string(answer), "HTTP/1.1 408 ") || !strings.Contains(string(answer), `"code":"slow_body"`) {
				t.Errorf("%s is answered %q", path, answer)
			}
			if waited := time.Since(began); waited > time.Minute {
				t.Errorf("%s held the connection for %s", path, waited)
			}
			if store.machine.Applied() != 0 {
				t.Errorf("%s has happened", path)
			}
		})
	}
}

// oneConn is a listener with one connection.
type oneConn struct {
	conn net.Conn
	done chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	if c := l.conn; c != nil {
		l.conn = nil
		return c, nil
	}
	<-l.done
	return nil, net.ErrClosed
}

func (l *oneConn) Close() error {
	select {
	case <-l.done:
	default:
		close(l.done)
	}
	return nil
}
func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
