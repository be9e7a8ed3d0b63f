package text

import (
	"strings"
	"testing"

	"github.com/balsaraft/balsa/kv"
)

// lonely is a store without a cluster: each command is applied at once.
type lonely struct {
	kv.Store
	machine *kv.Machine
}

// FuzzLine: whatever a line says, its answer is one that a person can read, cannot be
// taken for two, and is true.
func FuzzLine(f *testing.F) {
	for _, seed := range []string{
		"put 1 bar", "get 1", "GET 1", "put 2 with  spaces ", "scan 2", "cas k v w", "help", "quit", "*1",
		"put a \x00\xff", "put " + strings.Repeat("k", kv.MaxKey+1) + " v", "get " + strings.Repeat("x", 3000),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if strings.Contains(line, "\n") {
			return // that is two
		}
		m := kv.NewMachine()
		defer m.Close()
		store := &lonely{kv.Alone(m), m}
		reply, _ := Face{}.Answer(t.Context(), store, line)
		checkReply(t, store, line, reply)
	})
}

// checkReply looks at one answer alone.
func checkReply(t *testing.T, store *lonely, line, reply string) {
	t.Helper()
	words := strings.SplitN(line, " ", 3)
	switch word := strings.ToLower(words[0]); {
	case line == "" || word == "" && reply == "":
		return
	case word == "help", word == "scan":
		return // more than a line
	case strings.HasPrefix(reply, "Ok: "), strings.HasPrefix(reply, "Error: "):
		if strings.Count(reply, "\n") != 1 || !strings.HasSuffix(reply, "\n") || strings.ContainsAny(strings.TrimRight(reply, "\r\n"), "\x00\r\x1b\x7f") {
			t.Errorf("%q is answered %q, which is not one line of text", line, reply)
		}
		if word == "put" && strings.HasPrefix(reply, "Ok: ") {
			if item, err := store.machine.Get(words[1]); err != nil || string(item.Value) != words[2] {
				t.Errorf("%q is answered %q, and the key has %q", line, reply, item.Value)
			}
		}
	default:
		t.Errorf("%q is answered %q, which says neither Ok nor Error", line, reply)
	}
}
