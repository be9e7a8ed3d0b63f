package access_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa/kv"
	"github.com/balsaraft/balsa/kv/access"
)

func caller(name string, grants ...access.Grant) *access.Caller {
	return &access.Caller{Name: name, Grants: grants}
}

// roles are callers of every kind; all have to do with keys that begin with a/.
var roles = []*access.Caller{
	nil,
	caller("nobody"),
	caller("reader", access.Grant{Prefix: "a/", Rights: access.Read}),
	caller("writer", access.Grant{Prefix: "a/", Rights: access.Write}),
	caller("user", access.Grant{Prefix: "a/", Rights: access.Read | access.Write}),
	caller("admin", access.Grant{Rights: access.Admin}),
	caller("root", access.Grant{Rights: access.Read | access.Write | access.Admin}),
}

// reach says for whom something is allowed: of a key in a/, of one beyond it.
type reach struct{ inside, beyond string }

const (
	readers = "reader user root"
	writers = "writer user root"
	both    = "user root"
)

// operations are all that there are, each with what it reaches. A new kind that is not
// listed here fails TestEveryOperationIsDecided.
var operations = map[kv.OpKind][]struct {
	what string
	make func(key string) kv.Op
	for_ reach
}{
	kv.OpSet: {
		{"set", func(k string) kv.Op { return kv.Set(k, nil) }, reach{writers, "root"}},
		{"set and see what was there", func(k string) kv.Op { o := kv.Set(k, nil); o.Previous = true; return o }, reach{both, "root"}},
		{"set if there is none", func(k string) kv.Op { o := kv.Set(k, nil); o.Only = kv.OnlyAbsent; return o }, reach{both, "root"}},
		{"set if there is a value", func(k string) kv.Op { o := kv.Set(k, nil); o.KeepValue = true; return o }, reach{both, "root"}},
	},
	kv.OpDelete: {
		{"delete", kv.Delete, reach{writers, "root"}},
		{"delete and see", func(k string) kv.Op { o := kv.Delete(k); o.Previous = true; return o }, reach{both, "root"}},
		{"delete if it expires", func(k string) kv.Op { o := kv.Delete(k); o.Only = kv.OnlyExpiring; return o }, reach{both, "root"}},
		{"delete a range", func(k string) kv.Op { return kv.DeleteRange(kv.Prefix(k)) }, reach{writers, "root"}},
		{"delete all from here on", func(k string) kv.Op { return kv.DeleteRange(kv.Range{From: k}) }, reach{"root", "root"}},
		{"delete up to beyond", func(k string) kv.Op { return kv.DeleteRange(kv.Range{From: k, To: "b/1"}) }, reach{"root", "root"}},
	},
	kv.OpGet: {{"get", kv.Get, reach{readers, "root"}}},
	kv.OpScan: {
		{"scan", func(k string) kv.Op { return kv.Scan(kv.Prefix(k), 1) }, reach{readers, "root"}},
		{"scan all from here on", func(k string) kv.Op { return kv.Op{Kind: kv.OpScan, Key: k} }, reach{"root", "root"}},
		{"scan without an end", func(k string) kv.Op { return kv.Scan(kv.Range{From: k}, 1) }, reach{"root", "root"}},
	},
	kv.OpAdd:    {{"add", func(k string) kv.Op { return kv.Add(k, 1) }, reach{both, "root"}}},
	kv.OpAppend: {{"append", func(k string) kv.Op { return kv.Append(k, nil) }, reach{both, "root"}}},
	kv.OpExpire: {{"expire", func(k string) kv.Op { return kv.Expire(k, time.Hour) }, reach{both, "root"}}},
	kv.OpGrant:  {{"grant", func(string) kv.Op { return kv.Grant(time.Hour) }, reach{writers, writers}}},
	// Of the lease 7 the key is a/leased, of 8 it is b/leased.
	kv.OpKeepAlive: {{"keep alive", func(k string) kv.Op { return kv.KeepAlive(leaseOf(k)) }, reach{writers, "root"}}},
	kv.OpRevoke:    {{"revoke", func(k string) kv.Op { return kv.Revoke(leaseOf(k)) }, reach{writers, "root"}}},
	kv.OpCompact:   {{"compact", func(string) kv.Op { return kv.Op{Kind: kv.OpCompact, Number: 1} }, reach{"admin root", "admin root"}}},
}

func leaseOf(key string) kv.LeaseID {
	if strings.HasPrefix(key, "a/") {
		return 7
	}
	return 8
}

func newStore(t *testing.T) kv.Store {
	t.Helper()
	m := kv.NewMachine()
	t.Cleanup(func() { m.Close() })
	s := kv.Alone(m)
	seven, eight := kv.Grant(time.Hour), kv.Grant(time.Hour)
	seven.Lease, eight.Lease = 7, 8
	a, b := kv.Set("a/leased", []byte("1")), kv.Set("b/leased", []byte("1"))
	a.Lease, b.Lease = 7, 8
	if _, err := s.Do(t.Context(), kv.Do(seven, eight, a, b)); err != nil {
		t.Fatal(err)
	}
	return s
}

func nameOf(c *access.Caller) string {
	if c == nil {
		return "stranger"
	}
	return c.Name
}

// mustBe looks whether an answer is a refusal exactly where it must be one.
func mustBe(t *testing.T, allowed string, who *access.Caller, what string, err error) {
	t.Helper()
	may := strings.Contains(" "+allowed+" ", " "+nameOf(who)+" ")
	if refused := errors.Is(err, access.ErrForbidden); refused == may {
		t.Errorf("%s: %s: allowed %v, but the error is %v", nameOf(who), what, may, err)
	}
}

func TestEveryOperationIsDecided(t *testing.T) {
	for kind := kv.OpKind(1); !strings.HasPrefix(kind.String(), "op("); kind++ {
		if len(operations[kind]) == 0 {
			t.Errorf("nobody says who may %s", kind)
		}
	}
}

// Operation by role: alone, as one of several, and in the branch that is not taken.
func TestWhoMayDoWhat(t *testing.T) {
	for _, list := range operations {
		for _, o := range list {
			for key, allowed := range map[string]string{"a/leased": o.for_.inside, "b/leased": o.for_.beyond} {
				for _, who := range roles {
					op := o.make(key)
					for how, c := range map[string]kv.Command{
						"alone":            kv.Do(op),
						"as the second":    kv.Do(kv.Grant(time.Hour), op),
						"in the other way": {Then: nil, Else: []kv.Op{op}},
					} {
						if how == "as the second" && who != nil && strings.Contains("nobody reader admin", who.Name) {
							continue // who may not grant a lease either
						}
						_, err := access.Guard(newStore(t), who).Do(t.Context(), c)
						mustBe(t, allowed, who, fmt.Sprintf("%s %s, %s", o.what, key, how), err)
					}
				}
			}
		}
	}
}

// What is asked without a command: reads, watches, conditions.
func TestWhoMaySeeWhat(t *testing.T) {
	for key, inside := range map[string]bool{"a/leased": true, "b/leased": false} {
		choose := func(in string) string {
			if inside {
				return in
			}
			return "root"
		}
		for _, who := range roles {
			g := access.Guard(newStore(t), who)
			ctx, cancel := context.WithCancel(t.Context())
			cancel() // a watch that is allowed ends at once
			_, err := g.Get(t.Context(), key)
			mustBe(t, choose(readers), who, "get "+key, err)
			_, _, err = g.Scan(t.Context(), key[:2], 10)
			mustBe(t, choose(readers), who, "scan "+key[:2], err)
			_, _, err = g.Scan(t.Context(), key[:1], 10)
			mustBe(t, "root", who, "scan wider than the grant", err)
			for _, err := range g.Watch(ctx, kv.Watch{Range: kv.Prefix(key), From: 1}) {
				if err != nil {
					mustBe(t, choose(readers), who, "watch "+key, err)
				}
			}
			for _, err := range g.Watch(ctx, kv.Watch{From: 1}) {
				if err != nil {
					mustBe(t, "root", who, "watch all", err)
				}
			}
			v, err := g.View(t.Context())
			mustBe(t, readers, who, "view", err)
			if err == nil {
				mustShow(t, v, who, key, choose(readers))
				v.Close()
			}
			_, err = g.Put(t.Context(), key, nil)
			mustBe(t, choose(writers), who, "put "+key, err)
			_, err = g.Put(t.Context(), key, nil, kv.IfExists())
			mustBe(t, choose(both), who, "put if it exists "+key, err)
			_, err = g.Put(t.Context(), "a/x", nil, kv.IfValue(nil).On(key))
			mustBe(t, choose(both), who, "put if another has a value "+key, err)
			_, err = g.Delete(t.Context(), key, kv.IfVersion(1))
			mustBe(t, choose(both), who, "delete if of a version "+key, err)
			_, err = g.Delete(t.Context(), key)
			mustBe(t, choose(writers), who, "delete "+key, err)
			_, err = g.Do(t.Context(), kv.Command{If: []kv.Condition{kv.IfExists().On(key)}})
			mustBe(t, choose(readers), who, "ask a condition on "+key, err)
		}
	}
}

// mustShow looks at a view whether it shows a key to those who may see it, and what is of
// no key to root alone.
func mustShow(t *testing.T, v *kv.View, who *access.Caller, key, allowed string) {
	t.Helper()
	_, err := v.Get(key)
	mustBe(t, allowed, who, "get from a view "+key, err)
	past, err := v.At(v.Applied())
	if err == nil {
		_, err = past.Get(key)
	}
	mustBe(t, allowed, who, "get from a view of the past "+key, err)
	_, _, err = v.Scan(kv.Prefix(key[:2]), kv.ScanOptions{})
	mustBe(t, allowed, who, "scan a view "+key[:2], err)
	_, _, err = v.Scan(kv.Prefix(key[:1]), kv.ScanOptions{})
	mustBe(t, "root", who, "scan more of a view than was granted", err)
	_, err = v.Count(kv.Prefix(key[:2]))
	mustBe(t, allowed, who, "count in a view "+key[:2], err)
	_, err = v.Count(kv.Range{})
	mustBe(t, "root", who, "count all of a view", err)
	_, err = v.Lease(7)
	mustBe(t, "root", who, "a lease of a view", err)
	_, err = v.Leases()
	mustBe(t, "root", who, "the leases of a view", err)
	_, err = v.LeaseKeys(7)
	mustBe(t, "root", who, "the keys of a lease of a view", err)
	if n := v.Len(); (n != 0) != (who.Name == "root") {
		t.Errorf("%s is told of %d keys", who.Name, n)
	}
}

func TestRangesAreWhatTheGrantsHaveTogether(t *testing.T) {
	for _, tc := range []struct {
		grants string // prefixes
		want   []kv.Range
	}{
		{"", nil},
		{"b a", []kv.Range{kv.Prefix("a"), kv.Prefix("b")}},
		{"ab a abc b a", []kv.Range{kv.Prefix("a"), kv.Prefix("b")}},
		{"\xff \xff\xff a", []kv.Range{kv.Prefix("a"), kv.Prefix("\xff")}},
	} {
		c := caller("c", access.Grant{Prefix: "only-written", Rights: access.Write})
		for _, prefix := range strings.Fields(tc.grants) {
			c.Grants = append(c.Grants, access.Grant{Prefix: prefix, Rights: access.Read})
		}
		if got := c.Ranges(access.Read); !slices.Equal(got, tc.want) {
			t.Errorf("%q: %q, want %q", tc.grants, got, tc.want)
		}
	}
	if got := access.Everybody.Ranges(access.Read); !slices.Equal(got, []kv.Range{{}}) {
		t.Errorf("everybody: %q", got)
	}
}

// What was refused has not happened.
func TestARefusedCommandChangesNothing(t *testing.T) {
	s := newStore(t)
	_, err := access.Guard(s, roles[4]).Do(t.Context(), kv.Do(kv.Set("a/new", nil), kv.Set("b/new", nil)))
	if !errors.Is(err, access.ErrForbidden) || !strings.Contains(err.Error(), `user has no right to write "b/new"`) {
		t.Errorf("%v", err)
	}
	if _, err := s.Get(t.Context(), "a/new"); !errors.Is(err, kv.ErrNotFound) {
		t.Errorf("the first half has happened: %v", err)
	}
}

func TestRightsToARangeComeFromOneGrant(t *testing.T) {
	c := caller("c", access.Grant{Prefix: "a", Rights: access.Read}, access.Grant{Prefix: "b", Rights: access.Read}, access.Grant{Prefix: "\xff", Rights: access.Read})
	for _, tc := range []struct {
		r    kv.Range
		want bool
	}{
		{kv.Prefix("a"), true}, {kv.Prefix("ab"), true}, {kv.Range{From: "a", To: "b"}, true}, {kv.Range{From: "a", To: "c"}, false},
		{kv.Range{From: "a"}, false}, {kv.Range{}, false}, {kv.Prefix("\xff\xff"), true}, {kv.Range{From: "\xff"}, true}, {kv.OneKey("c"), false},
	} {
		if got := c.MayRange(access.Read, tc.r); got != tc.want {
			t.Errorf("%q: %v", tc.r, got)
		}
	}
}

func TestABookKnowsCallersByTheirTokens(t *testing.T) {
	entry := func(name, token string, grants ...access.Grant) access.Entry {
		return access.Entry{Caller: *caller(name, grants...), Token: access.DigestOf(token)}
	}
	b, err := access.NewBook([]access.Entry{entry("one", "t1"), entry("two", "t2")})
	if err != nil {
		t.Fatal(err)
	}
	if c, ok := b.Caller("t2"); !ok || c.Name != "two" {
		t.Errorf("t2 is %+v", c)
	}
	for _, token := range []string{"", "t3", "T1"} {
		if c, ok := b.Caller(token); ok {
			t.Errorf("%q is %s", token, c.Name)
		}
	}
	for _, tc := range []struct {
		says    string
		entries []access.Entry
	}{
		{"two callers of the name one", []access.Entry{entry("one", "a"), entry("one", "b")}},
		{"one and two have the same token", []access.Entry{entry("one", "a"), entry("two", "a")}},
		{"no name", []access.Entry{entry("", "a")}},
		{"no rights", []access.Entry{entry("one", "a", access.Grant{Prefix: "x"})}},
		{"not to the prefix", []access.Entry{entry("one", "a", access.Grant{Prefix: "x", Rights: access.Admin})}},
		{"limit of keys", []access.Entry{entry("one", "a", access.Grant{Prefix: strings.Repeat("x", kv.MaxKey+1), Rights: access.Read})}},
	} {
		if err := b.Replace(tc.entries); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%q: %v", tc.says, err)
		}
	}
	if _, ok := b.Caller("t1"); !ok {
		t.Error("a refused replacement has replaced the callers")
	}
	if err := b.Replace([]access.Entry{entry("three", "t3")}); err != nil {
		t.Fatal(err)
	}
	if _, ok := b.Caller("t1"); ok {
		t.Error("a caller that was taken out is still known")
	}
}

func TestABookKnowsCallersByTheirCertificates(t *testing.T) {
	b, err := access.NewBook([]access.Entry{
		{Caller: *caller("one")}, {Caller: *caller("two")}, {Caller: *caller("three"), Token: access.DigestOf("t3")},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"one", "two", "three"} {
		if c, ok := b.Named(name); !ok || c.Name != name {
			t.Errorf("%s is %+v", name, c)
		}
	}
	for _, name := range []string{"", "four", "ONE"} {
		if c, ok := b.Named(name); ok {
			t.Errorf("%q is %s", name, c.Name)
		}
	}
	for _, token := range []string{"", string(make([]byte, 32))} {
		if c, ok := b.Caller(token); ok {
			t.Errorf("the token %q is that of %s, who has none", token, c.Name)
		}
	}
}

func TestRightsAndDigestsAreReadStrictly(t *testing.T) {
	if r, err := access.ParseRights("read", "admin"); err != nil || r != access.Read|access.Admin || r.String() != "read+admin" {
		t.Errorf("%v, %v", r, err)
	}
	if _, err := access.ParseRights("read", "fly"); err == nil || !strings.Contains(err.Error(), `"fly"`) {
		t.Errorf("%v", err)
	}
	const digest = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
	if d, err := access.ParseDigest(digest); err != nil || d != access.DigestOf("secret") {
		t.Errorf("%x, %v", d, err)
	}
	for _, wrong := range []string{"", "2bb8", digest + "00", strings.Repeat("g", 64)} {
		if _, err := access.ParseDigest(wrong); err == nil {
			t.Errorf("%q is taken for a digest", wrong)
		}
	}
}

var _ kv.Store = access.Guard(nil, access.Everybody)

func TestCommandsUpToTheFirstDeniedAreCarriedOut(t *testing.T) {
	m := kv.NewMachine()
	defer m.Close()
	s := access.Guard(kv.Alone(m), caller("writer", access.Grant{Prefix: "a/", Rights: access.Write}))
	commands := []kv.Command{kv.Do(kv.Set("a/1", nil)), kv.Do(kv.Set("b/1", nil)), kv.Do(kv.Set("a/2", nil))}
	var errs []error
	for _, err := range s.DoAll(t.Context(), slices.Values(commands)) {
		errs = append(errs, err)
	}
	if len(errs) != 2 || errs[0] != nil || !errors.Is(errs[1], access.ErrForbidden) {
		t.Fatalf("%v", errs)
	}
	if m.Len() != 1 {
		t.Errorf("%d keys are there", m.Len())
	}
}
