package redis

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa/kv"
)

var inputs = []string{
	array("SET", "k", "v"), array("GET", "k"), array("PING") + "PING\r\n" + array("MGET", "k", "l"),
	"*1\r\n$4\r\nPI", "*1048576\r\n$1\r\na\r\n", "*1\r\n*1\r\n*1\r\n", "$5\r\nhello\r\n", "*-1\r\n*0\r\n\r\n\n",
	"set k \"a\\x41\\n\" ex 10\r\nget k\r\nttl k\r\n", "set 'k\r\n", "say hello\nbye\nsay more\n",
	array("MULTI") + array("INCR", "n") + array("NOPE") + array("EXEC"),
	array("MULTI") + array("SET", "n", "x", "GET") + array("INCR", "n") + array("GETEX", "n", "PX", "5") + array("EXEC") + array("DISCARD"),
	array("WATCH", "k") + array("SET", "k", "w") + array("MULTI") + array("EXEC"),
	array("HELLO", "3", "SETNAME", "x") + array("GET", "none") + array("CLIENT", "INFO") + array("CLIENT", "GETNAME") + array("COMMAND", "INFO", "get", "x"),
	array("SUBSCRIBE", "__keyspace@0__:k") + array("SET", "k", "v") + array("UNSUBSCRIBE") + array("PING"),
	array("SCAN", "0", "MATCH", "[a-c]*\\", "COUNT", "2") + array("KEYS", "[^") + array("DBSIZE") + array("FLUSHDB"),
	array("EXPIRE", "k", "-9223372036854775808", "GT") + array("EXPIREAT", "k", "9223372036854775807") + array("INCRBY", "k", "9223372036854775807"),
	array("GETRANGE", "k", "-9223372036854775808", "9223372036854775807") + array("MSETNX", "a", "1", "a", "2") + array("RESET") + array("QUIT"),
	array("SET", "k", strings.Repeat("x", 5000)), array("INFO", "keyspace") + array("CONFIG", "GET", "*") + array("COMMAND", "DOCS", "get"),
}

// FuzzParser: whatever comes, in whatever pieces, it is the same requests and the same
// error, and a request spelled again is the same request.
func FuzzParser(f *testing.F) {
	for i, input := range inputs {
		f.Add([]byte(input), uint64(i))
	}
	b := bounds{args: 20, bulk: 2000, bytes: 4000, line: 500}
	f.Fuzz(func(t *testing.T, input []byte, seed uint64) {
		whole, wholeErr := parse(newParser(b, func(int) bool { return true }), input, len(input))
		dice := rand.New(rand.NewPCG(seed, 1))
		p := newParser(b, func(int) bool { return true })
		pieces, piecesErr := parse(p, input, 1+dice.IntN(16))
		if fmt.Sprint(whole) != fmt.Sprint(pieces) || fmt.Sprint(wholeErr) != fmt.Sprint(piecesErr) {
			t.Fatalf("%q is %v, %v; in pieces %v, %v", input, whole, wholeErr, pieces, piecesErr)
		}
		if n := cap(p.arg) + cap(p.line); n > 4*(b.bulk+b.line+spare) {
			t.Fatalf("%d bytes are kept", n)
		}
		for _, r := range whole {
			size := 0
			for _, arg := range r.args {
				size += len(arg)
			}
			if len(r.args) > b.args || size > b.bytes || len(r.line) > b.line {
				t.Fatalf("%v is over the bounds", r)
			}
			if r.inline || r.over != "" || len(r.args) == 0 {
				continue
			}
			var args []string
			for _, arg := range r.args {
				args = append(args, string(arg))
			}
			again, err := parse(newParser(b, func(int) bool { return true }), []byte(array(args...)), 7)
			if err != nil || len(again) != 1 || fmt.Sprint(again[0]) != fmt.Sprint(r) {
				t.Fatalf("%v spelled again is %v, %v", r, again, err)
			}
		}
	})
}

func parse(p *parser, input []byte, piece int) (all []request, err error) {
	for len(input) > 0 {
		part := input[:min(piece, len(input))]
		input = input[len(part):]
		for len(part) > 0 {
			n, r, whole, err := p.take(part)
			if err != nil {
				return all, err
			}
			if n == 0 {
				return all, errors.New("nothing was taken")
			}
			part = part[n:]
			if whole {
				all = append(all, r)
			}
		}
	}
	if r, ok := p.finish(); ok {
		all = append(all, r)
	}
	return all, nil
}

// canned is a connection whose other end has said all that it will say.
type canned struct {
	in  io.Reader
	out bytes.Buffer
}

func (c *canned) Read(p []byte) (int, error)     { return c.in.Read(p) }
func (c *canned) Write(p []byte) (int, error)    { return c.out.Write(p) }
func (*canned) Close() error                     { return nil }
func (*canned) SetDeadline(time.Time) error      { return nil }
func (*canned) SetReadDeadline(time.Time) error  { return nil }
func (*canned) SetWriteDeadline(time.Time) error { return nil }
func (*canned) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (*canned) RemoteAddr() net.Addr             { return &net.TCPAddr{} }

// FuzzConnection: whatever a client sends, what it gets is answers of the protocol, and
// nothing is held for it afterwards.
func FuzzConnection(f *testing.F) {
	for _, input := range inputs {
		f.Add([]byte(input))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		m := kv.NewMachine()
		defer m.Close()
		s := NewServer(kv.Alone(m), Config{MaxLine: 2000, Logger: slog.New(slog.DiscardHandler), Timeout: 20 * time.Second})
		c := &canned{in: bytes.NewReader(input)}
		newConn(s, c).serve(t.Context())
		if held := s.held.Load(); held != 0 {
			t.Fatalf("%q: %d bytes are held for nobody", input, held)
		}
		for rest := c.out.Bytes(); len(rest) > 0; {
			n, err := answerSize(rest)
			if err != nil {
				t.Fatalf("%q is answered %q, which is broken at %q: %v", input, c.out.Bytes(), rest, err)
			}
			rest = rest[n:]
		}
	})
}

// answerSize is how many bytes the first answer has.
func answerSize(b []byte) (int, error) {
	end := bytes.Index(b, []byte("\r\n"))
	if bytes.HasPrefix(b, []byte("Error: ")) { // in words, which ends the connection
		end = bytes.IndexByte(b, '\n') - 1
	}
	if end < 1 {
		return 0, errors.New("no line")
	}
	at, n := end+2, 0
	if strings.ContainsRune("$=*%~>", rune(b[0])) {
		if _, err := fmt.Sscanf(string(b[1:end]), "%d", &n); err != nil {
			return 0, err
		}
	}
	switch b[0] {
	case '+', '-', ':', '_', 'E':
		return at, nil
	case '$', '=':
		if n < 0 {
			return at, nil
		}
		if len(b) < at+n+2 || string(b[at+n:at+n+2]) != "\r\n" {
			return 0, errors.New("a text of another length")
		}
		return at + n + 2, nil
	case '%':
		n *= 2
	case '*', '~', '>':
	default:
		return 0, fmt.Errorf("an answer that begins with %q", b[0])
	}
	for range n {
		size, err := answerSize(b[at:])
		if err != nil {
			return 0, err
		}
		at += size
	}
	return at, nil
}

// FuzzMatch compares with another matcher, as far as they mean the same.
func FuzzMatch(f *testing.F) {
	for _, s := range [][2]string{{"*a*b?", "xaxbx"}, {"[a-c]*", "bz"}, {"[^a]", "a"}, {"\\*", "*"}, {"a*", "ab"}, {"[", "["}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		got := match(pattern, text)
		if got && !strings.HasPrefix(text, literal(pattern)) {
			t.Fatalf("%q fits %q, and does not begin with %q", text, pattern, literal(pattern))
		}
		for _, s := range []string{pattern, text} {
			for _, b := range []byte(s) {
				if b > 'z' || b == '/' || b == '[' || b == ']' || b == '\\' {
					return
				}
			}
		}
		if want, err := path.Match(pattern, text); err == nil && want != got {
			t.Fatalf("%q fits %q: %v, want %v", text, pattern, got, want)
		}
	})
}

func TestPatternsAreThoseOfRedis(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"a*c", "abbc", true}, {"a*c", "abb", false},
		{"h[ae]llo", "hello", true}, {"h[^e]llo", "hello", false}, {"h[a-c]llo", "hbllo", true}, {"h[c-a]llo", "hbllo", true},
		{`h\*llo`, "h*llo", true}, {`h\*llo`, "hello", false}, {`[\]]`, "]", true}, {"[ab", "a", true}, {"[a-", "a", true}, {`a\`, `a\`, true},
		{strings.Repeat("*a", 30) + "b", strings.Repeat("a", 1000), false},
	} {
		if got := match(c.pattern, c.text); got != c.want {
			t.Errorf("%q fits %q: %v", c.text, c.pattern, got)
		}
	}
}
