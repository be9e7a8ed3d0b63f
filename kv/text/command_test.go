package text

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
)

// newStore is that of a member that is alone, in memory.
func newStore(t *testing.T) kv.Store {
	t.Helper()
	node, err := balsa.Open(t.Context(), balsa.Config{MaxCommand: kv.MaxCommand}, kv.NewMachine())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { node.Close() })
	return kv.NewStore(node)
}

func TestEveryLineIsAnsweredAsDocumented(t *testing.T) {
	s := newStore(t)
	for _, step := range []struct{ send, want string }{
		{"get 1", "^Error: value does not exist\n$"},
		{"put 1 bar", `^Ok: Appended at \d+\n$`},
		{"get 1", "^Ok: bar\n$"},
		{"get 1 ", "^Ok: bar\n$"},
		{"put 2 with  spaces ", `^Ok: Appended at \d+\n$`},
		{"get 2", "^Ok: with  spaces \n$"},
		{"put 4 ", `^Ok: Appended at \d+\n$`},
		{"get 4", "^Ok: \n$"},
		{"del 4", `^Ok: Appended at \d+\n$`},
		{"del 4", "^Error: value does not exist\n$"},
		{"cas 1 foo baz", "^Error: value is not \"foo\"\n$"},
		{"get 1", "^Ok: bar\n$"},
		{"cas 1 bar baz qux", `^Ok: Appended at \d+\n$`},
		{"get 1", "^Ok: baz qux\n$"},
		{"cas 9 bar baz", "^Error: value does not exist\n$"},
		{"put", "^Error: put needs a key and a value: put KEY VALUE\n$"},
		{"put 1", "^Error: put needs a key and a value"},
		{"put  x", "^Error: put needs a key and a value"},
		{"get", "^Error: get needs a key"},
		{"get a b", "^Error: get needs a key, which has no spaces"},
		{"del", "^Error: del needs a key"},
		{"cas 1 bar", "^Error: cas needs a key, the old value"},
		{"scan a b", "^Error: scan takes one prefix"},
		{"frobnicate 1", "^Error: unknown command \"frobnicate\"; try help\n$"},
		{"\x00\xff", `^Error: unknown command "\\x00\\xff"; try help` + "\n$"},
		{"put " + strings.Repeat("k", kv.MaxKey+1) + " v", "^Error: the key has 1025 bytes, the limit is 1024\n$"},
	} {
		got, goOn := Face{}.Answer(t.Context(), s, step.send)
		if !goOn || !regexp.MustCompile(step.want).MatchString(got) {
			t.Errorf("%q is answered %q, want %s", step.send, got, step.want)
		}
	}
	if got, goOn := (Face{}).Answer(t.Context(), s, "quit"); got != "Ok: bye\n" || goOn {
		t.Errorf("quit is answered %q", got)
	}
}

func TestEveryCommandOfTheHelpIsKnown(t *testing.T) {
	reply, _ := Face{}.Answer(t.Context(), nil, "help")
	for _, line := range strings.Split(strings.TrimSpace(reply), "\n")[1:] {
		word, _, _ := strings.Cut(line, " ")
		if !(Face{}).Knows(word) {
			t.Errorf("%s is not known", word)
		}
	}
	if (Face{}).Knows("ping") {
		t.Error("ping is Redis's")
	}
}

func TestAppendedIndexesGrow(t *testing.T) {
	s, last := newStore(t), 0
	for range 3 {
		reply, _ := Face{}.Answer(t.Context(), s, "put 1 bar")
		var index int
		if _, err := fmt.Sscanf(reply, "Ok: Appended at %d\n", &index); err != nil || index <= last {
			t.Fatalf("index %d after %d, %v", index, last, err)
		}
		last = index
	}
}

func TestScanShowsKeysInOrderAndQuotesWhatIsNoText(t *testing.T) {
	s := newStore(t)
	for key, value := range map[string]string{"a2": "two", "a1": "one\nline", "a 3": "\xff", "b": "x"} {
		if _, err := s.Put(t.Context(), key, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	for line, want := range map[string]string{
		"scan a":       "Ok: 3 keys\n\"a 3\" \"\\xff\"\na1 \"one\\nline\"\na2 two\n",
		"scan b":       "Ok: 1 key\nb x\n",
		"scan nothing": "Ok: 0 keys\n",
	} {
		if got, _ := (Face{}).Answer(t.Context(), s, line); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

// failingStore fails every put with one error.
type failingStore struct {
	kv.Store
	err error
}

func (s failingStore) Put(context.Context, string, []byte, ...kv.Condition) (balsa.Index, error) {
	return 0, s.err
}

func TestErrorsSayWhetherItHappened(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("balsa: propose: %w: %w", balsa.ErrNotCommitted, balsa.ErrNoLeader), "Error: balsa: propose: not committed: no leader; nothing was changed, try again\n"},
		{fmt.Errorf("balsa: propose: %w: a\nb", balsa.ErrUnknown), "Error: balsa: propose: outcome unknown: a; b; get the key to see whether it has happened\n"},
	} {
		reply, goOn := Face{}.Answer(t.Context(), failingStore{err: c.err}, "put k v")
		if reply != c.want || !goOn {
			t.Errorf("%q, %v; want %q", reply, goOn, c.want)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	for _, line := range []string{"put 1 bar", "get 1", "cas 1 bar baz", "scan", "help", "quit", "*1", ""} {
		f.Add(line)
	}
	store := failingStore{err: balsa.ErrUnknown}
	f.Fuzz(func(t *testing.T, line string) {
		if word, _, _ := strings.Cut(strings.ToLower(line), " "); word == "get" || word == "del" || word == "scan" {
			return // these need a store
		}
		if reply, _ := (Face{}).Answer(t.Context(), store, line); reply != "" && !strings.HasSuffix(reply, "\n") {
			t.Fatalf("%q is answered without a line's end: %q", line, reply)
		}
	})
}
