package text

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
)

// scanLimit is how many keys a scan shows.
const scanLimit = 1000

const help = `Ok: one command a line
put KEY VALUE      give KEY a value, the rest of the line
get KEY            show it
del KEY            remove it
cas KEY OLD NEW    give KEY the value NEW if its value is OLD, which is one word
scan [PREFIX]      show the keys that begin with PREFIX
quit               close this connection
`

// Face answers lines.
type Face struct{}

// commands are all that ask the store, each with what follows its name.
var commands = map[string]func(ctx context.Context, store kv.Store, args string) string{
	"put": put, "get": get, "del": del, "cas": cas, "scan": scan,
}

// Knows says whether a word in small letters begins a command.
func (Face) Knows(word string) bool { return commands[word] != nil || word == "help" || word == "quit" }

// Answer carries out one line on a store. It returns the answer, with its line's end, and
// whether the connection goes on.
func (Face) Answer(ctx context.Context, store kv.Store, line string) (reply string, goOn bool) {
	word, rest, _ := strings.Cut(line, " ")
	switch name := strings.ToLower(word); {
	case name == "":
		return "", true // such as two line breaks: nothing was asked
	case commands[name] != nil:
		return commands[name](ctx, store, rest), true
	case name == "help":
		return help, true
	case name == "quit":
		return "Ok: bye\n", false
	}
	return fmt.Sprintf("Error: unknown command %s; try help\n", shown(word)), true
}

func put(ctx context.Context, store kv.Store, args string) string {
	key, value, ok := strings.Cut(args, " ")
	if !ok || key == "" {
		return "Error: put needs a key and a value: put KEY VALUE\n"
	}
	return appended(store.Put(ctx, key, []byte(value)))
}

func get(ctx context.Context, store kv.Store, args string) string {
	key, ok := onlyKey(args)
	if !ok {
		return "Error: get needs a key, which has no spaces: get KEY\n"
	}
	item, err := store.Get(ctx, key)
	if err != nil {
		return failed(err)
	}
	return "Ok: " + shownValue(item.Value) + "\n"
}

func del(ctx context.Context, store kv.Store, args string) string {
	key, ok := onlyKey(args)
	if !ok {
		return "Error: del needs a key, which has no spaces: del KEY\n"
	}
	return appended(store.Delete(ctx, key))
}

func cas(ctx context.Context, store kv.Store, args string) string {
	key, values, _ := strings.Cut(args, " ")
	old, value, ok := strings.Cut(values, " ")
	if !ok || key == "" {
		return "Error: cas needs a key, the old value, which is one word, and the new one: cas KEY OLD NEW\n"
	}
	version, err := store.Put(ctx, key, []byte(value), kv.IfValue([]byte(old)))
	if errors.Is(err, kv.ErrDifferent) {
		return fmt.Sprintf("Error: value is not %s\n", shown(old))
	}
	return appended(version, err)
}

func scan(ctx context.Context, store kv.Store, args string) string {
	prefix := strings.TrimRight(args, " ")
	if strings.Contains(prefix, " ") {
		return "Error: scan takes one prefix, which has no spaces: scan [PREFIX]\n"
	}
	items, more, err := store.Scan(ctx, prefix, scanLimit)
	if err != nil {
		return failed(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Ok: %d key%s", len(items), map[bool]string{false: "s"}[len(items) == 1])
	if more {
		b.WriteString(", and there are more; give a longer prefix")
	}
	b.WriteByte('\n')
	for _, item := range items {
		fmt.Fprintf(&b, "%s %s\n", shownKey(item.Key), shownValue(item.Value))
	}
	return b.String()
}

func onlyKey(args string) (string, bool) {
	key := strings.TrimRight(args, " ")
	return key, key != "" && !strings.Contains(key, " ")
}

func appended(index balsa.Index, err error) string {
	if err != nil {
		return failed(err)
	}
	return fmt.Sprintf("Ok: Appended at %d\n", index)
}

// failed says in a line what went wrong and whether it has happened.
func failed(err error) string {
	what := strings.ReplaceAll(err.Error(), "\n", "; ")
	switch {
	case errors.Is(err, balsa.ErrUnknown):
		what += "; get the key to see whether it has happened"
	case errors.Is(err, balsa.ErrNotCommitted):
		what += "; nothing was changed, try again"
	}
	return "Error: " + what + "\n"
}

// shownValue is the value itself if it fits on a line.
func shownValue(value []byte) string {
	text := string(value)
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		return strconv.Quote(text)
	}
	return text
}

func shownKey(key string) string {
	if strings.Contains(key, " ") {
		return strconv.Quote(key)
	}
	return shownValue([]byte(key))
}

// shown quotes a word of the user's, the start of it if it is long.
func shown(word string) string {
	const enough = 40
	if len(word) > enough {
		return strconv.Quote(word[:enough]) + "…"
	}
	return strconv.Quote(word)
}
