package text

import (
	"slices"
	"strings"
	"testing"

	"github.com/balsaraft/balsa/kv/access"
)

// roles are callers of every kind; those with a prefix have to do with keys that begin
// with a/.
var roles = []*access.Caller{
	nil,
	{Name: "nobody"},
	{Name: "reader", Grants: []access.Grant{{Prefix: "a/", Rights: access.Read}}},
	{Name: "writer", Grants: []access.Grant{{Prefix: "a/", Rights: access.Write}}},
	{Name: "user", Grants: []access.Grant{{Prefix: "a/", Rights: access.Read | access.Write}}},
	{Name: "admin", Grants: []access.Grant{{Rights: access.Admin}}},
	{Name: "root", Grants: []access.Grant{{Rights: access.Read | access.Write | access.Admin}}},
}

// asks are the lines of each command, K standing for a key, and for whom they are if it
// begins with a/; with another key they are for root alone.
var asks = map[string]struct{ line, allowed string }{
	"get":  {"get K", "reader user root"},
	"put":  {"put K v", "writer user root"},
	"del":  {"del K", "writer user root"},
	"cas":  {"cas K v w", "user root"},
	"scan": {"scan K", "reader user root"},
}

// Every command that there is, by every kind of caller.
func TestEveryLineIsForWhoMay(t *testing.T) {
	s := newStore(t)
	for name := range commands {
		a, listed := asks[name]
		if !listed {
			t.Errorf("nobody has said who may %s", name)
		}
		for key, allowed := range map[string]string{"a/1": a.allowed, "b/1": "root"} {
			for _, who := range roles {
				name := "stranger"
				if who != nil {
					name = who.Name
				}
				got, _ := Face{}.Answer(t.Context(), access.Guard(s, who), strings.ReplaceAll(a.line, "K", key))
				denied := strings.HasPrefix(got, "Error: "+name+" has no right to ") || strings.HasPrefix(got, "Error: a caller without a token has no right to ")
				if may := slices.Contains(strings.Fields(allowed), name); denied == may {
					t.Errorf("%s of %s, for %s: %q", a.line, key, name, got)
				}
			}
		}
	}
}
