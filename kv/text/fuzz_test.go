package text

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
)

// lonely is a store without a cluster: each command is applied at once.
type lonely struct {
	machine *kv.Machine
	index   balsa.Index
}

func newLonely() *lonely { return &lonely{machine: kv.NewMachine()} }

func (s *lonely) Get(_ context.Context, key string) (kv.Item, error) {
	item, ok := s.machine.Get(key)
	if !ok {
		return kv.Item{}, kv.ErrNotFound
	}
	return item, kv.CheckKey(key)
}

func (s *lonely) Scan(_ context.Context, prefix string, limit int) ([]kv.Item, bool, error) {
	items, more := s.machine.Scan(prefix, limit)
	return items, more, nil
}

func (s *lonely) Put(_ context.Context, key string, value []byte, conditions ...kv.Condition) (balsa.Index, error) {
	return s.apply(kv.Command{Op: kv.Put, Key: key, Value: value}, conditions)
}

func (s *lonely) Delete(_ context.Context, key string, conditions ...kv.Condition) (balsa.Index, error) {
	return s.apply(kv.Command{Op: kv.Delete, Key: key}, conditions)
}

func (s *lonely) apply(c kv.Command, conditions []kv.Condition) (balsa.Index, error) {
	for _, condition := range conditions {
		c.If = condition
	}
	if _, err := c.MarshalBinary(); err != nil {
		return 0, err
	}
	s.index++
	result := s.machine.Apply(balsa.Entry{Index: s.index}, c)
	return result.Version, result.Err()
}

// canned is a connection whose other end has said all that it will say.
type canned struct {
	net.Conn
	io.Reader
	bytes.Buffer
}

func (c *canned) Read(p []byte) (int, error)       { return c.Reader.Read(p) }
func (c *canned) Write(p []byte) (int, error)      { return c.Buffer.Write(p) }
func (c *canned) Close() error                     { return nil }
func (c *canned) SetReadDeadline(time.Time) error  { return nil }
func (c *canned) SetWriteDeadline(time.Time) error { return nil }

// FuzzLines: whatever comes, in whatever pieces, each line gets its one answer, in
// order, and no answer can be taken for two.
func FuzzLines(f *testing.F) {
	for _, seed := range []string{
		"put 1 bar\nget 1\ndel 1\nget 1\n",
		"GET 1\r\nput 2 with  spaces \r\n\r\n\nscan\nscan 2\n",
		"put k v\ncas k v w\ncas k v x\ncas absent 1 2\nget k\n",
		"ping\nPING hello\nhelp\nquit\nput 1 after\n",
		"*1\r\n$4\r\nPING\r\n",
		"put a \x00\xff\nget a\nput \x01 b\nscan\n",
		"put 1 cut off",
		"put " + strings.Repeat("k", kv.MaxKey+1) + " v\n",
		"get " + strings.Repeat("x", 3000) + "\nget 1\n",
	} {
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, input []byte, inPieces bool) {
		var in io.Reader = bytes.NewReader(input)
		if inPieces {
			in = iotest.OneByteReader(in)
		}
		const maxLine = 2000
		store := newLonely()
		c := &canned{Reader: in}
		newConn(NewServer(store, Config{MaxLine: maxLine}), c).serve(t.Context())

		want, beside := "", newLonely()
		for _, line := range linesOf(string(input)) {
			if len(line) > maxLine {
				want += fmt.Sprintf("Error: the line is longer than %d bytes, which ends this connection; put larger values over HTTP\n", maxLine)
				break
			}
			reply, goOn := answer(t.Context(), beside, line)
			checkReply(t, beside, line, reply)
			want += reply
			if !goOn {
				break
			}
		}
		if got := c.String(); got != want {
			t.Fatalf("%q is answered\n%q, line by line it would be\n%q", input, got, want)
		}
	})
}

// linesOf are the lines of an input, of which the last may have no end.
func linesOf(input string) (lines []string) {
	for line := range strings.Lines(input) {
		lines = append(lines, strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"))
	}
	return lines
}

// checkReply looks at one answer alone.
func checkReply(t *testing.T, store *lonely, line, reply string) {
	t.Helper()
	words := strings.SplitN(line, " ", 3)
	switch word := strings.ToLower(words[0]); {
	case line == "" || word == "" && reply == "":
		return
	case word == "ping", word == "help", word == "scan":
		return // more than a line, or another's protocol
	case strings.HasPrefix(reply, "Ok: "), strings.HasPrefix(reply, "Error: "), strings.HasPrefix(reply, "-ERR "):
		if strings.Count(reply, "\n") != 1 || !strings.HasSuffix(reply, "\n") || strings.ContainsAny(strings.TrimRight(reply, "\r\n"), "\x00\r\x1b\x7f") {
			t.Errorf("%q is answered %q, which is not one line of text", line, reply)
		}
		if word == "put" && strings.HasPrefix(reply, "Ok: ") {
			if item, ok := store.machine.Get(words[1]); !ok || string(item.Value) != words[2] {
				t.Errorf("%q is answered %q, and the key has %q", line, reply, item.Value)
			}
		}
	default:
		t.Errorf("%q is answered %q, which says neither Ok nor Error", line, reply)
	}
}
