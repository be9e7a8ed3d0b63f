package redis

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// request is one command as it came.
type request struct {
	args   [][]byte // of one that came as an array; its own
	line   string   // of one that came as a line
	inline bool
	// over is why its arguments were not kept: the client gets to know, and goes on.
	over string
}

// bounds are what a request may have.
type bounds struct {
	args  int // arguments
	bulk  int // bytes of one of them
	bytes int // of all of them
	line  int // bytes of a request that comes as a line
}

const (
	// maxCount and maxLength are where a number cannot be meant seriously.
	maxCount  = 1 << 20
	maxLength = 512 << 20
	// maxHeader is the longest line that says how much of something comes.
	maxHeader = 32
	// spare is how much of an argument is made room for before any of it has come.
	spare = 4 << 10
)

var errLineTooLong = errors.New("the line is too long")

// protocolError says that what came is no command, so that nobody knows where the next
// one begins.
type protocolError string

func (e protocolError) Error() string { return "Protocol error: " + string(e) }

// parser takes requests from bytes, in whatever pieces they come. It holds no more than
// its bounds and what it was given, whatever lengths are claimed.
type parser struct {
	bounds bounds
	// hold is asked before a request grows by many bytes; it may say no. Whoever gave it
	// takes back what was held once the request is done with.
	hold func(n int) bool

	line    []byte // of the line that is coming
	left    int    // arguments to come, of a request that is an array
	pending int    // bytes of the argument to come with its line's end; -1 for its length
	arg     []byte // what has come of it
	size    int    // of the arguments so far
	held    int    // bytes that hold has granted for it
	whole   int    // those that it had granted for requests before
	now     request
}

func newParser(b bounds, hold func(int) bool) *parser {
	return &parser{bounds: b, hold: hold, pending: -1}
}

// take takes bytes off the front of b until a request is whole or b is used up. It says
// how many it took, and whether the request is whole. After an error it cannot go on.
func (p *parser) take(b []byte) (taken int, r request, whole bool, err error) {
	for taken < len(b) {
		if p.pending >= 0 {
			n, done, err := p.takeArgument(b[taken:])
			taken += n
			if err != nil {
				return taken, r, false, err
			}
			if done && p.left == 0 {
				return taken, p.end(), true, nil
			}
			continue
		}
		n, line, whole, err := p.takeLine(b[taken:])
		taken += n
		if err != nil {
			return taken, r, false, err
		}
		if !whole {
			break
		}
		done, err := p.header(line)
		if err != nil {
			return taken, r, false, err
		}
		if done {
			return taken, p.end(), true, nil
		}
	}
	return taken, r, false, nil
}

// finish is the request that the end of the input ends: a line needs no end.
func (p *parser) finish() (request, bool) {
	if p.left > 0 || len(p.line) == 0 || p.line[0] == '*' {
		return request{}, false
	}
	p.now = request{inline: true, line: string(bytes.TrimSuffix(p.line, []byte("\r")))}
	p.line = nil
	return p.end(), true
}

// begun says whether a part of a request has come.
func (p *parser) begun() bool { return p.left > 0 || len(p.line) > 0 }

// granted is how many bytes hold has granted for requests that are whole, which the
// caller takes back.
func (p *parser) granted() (n int) {
	n, p.whole = p.whole, 0
	return n
}

// end hands the request over.
func (p *parser) end() request {
	r := p.now
	p.whole, p.held = p.whole+p.held, 0
	p.now, p.size, p.left, p.pending, p.arg = request{}, 0, 0, -1, nil
	return r
}

// takeLine takes bytes up to a line's end. The line is valid until the next call.
func (p *parser) takeLine(b []byte) (taken int, line []byte, whole bool, err error) {
	taken, part := len(b), b
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		taken, part, whole = i+1, b[:i], true
	}
	p.line = append(p.line, part[:min(len(part), p.bounds.line+2)]...)
	first := byte(0)
	if len(p.line) > 0 {
		first = p.line[0]
	}
	switch head := p.left > 0 || first == '*'; {
	case head && len(p.line) > maxHeader && p.left > 0:
		return taken, nil, false, protocolError("too big bulk count string")
	case head && len(p.line) > maxHeader:
		return taken, nil, false, protocolError("too big mbulk count string")
	case len(bytes.TrimSuffix(p.line, []byte("\r"))) > p.bounds.line:
		return taken, nil, false, errLineTooLong
	case !whole:
		return taken, nil, false, nil
	}
	line = bytes.TrimSuffix(p.line, []byte("\r"))
	p.line = p.line[:0]
	if cap(p.line) > spare {
		p.line = nil
	}
	return taken, line, true, nil
}

// header takes a line: of a request that is one, or one that says how much comes. It
// says whether the request is whole.
func (p *parser) header(line []byte) (done bool, err error) {
	switch {
	case p.left > 0:
		return false, p.bulkHeader(line)
	case len(line) == 0 || line[0] != '*':
		p.now = request{inline: true, line: string(line)}
		return true, nil
	}
	n, err := strconv.Atoi(string(line[1:]))
	if err != nil || n > maxCount {
		return false, protocolError("invalid multibulk length")
	}
	if n <= 0 {
		return true, nil // nothing was asked
	}
	p.left = n
	if n > p.bounds.args {
		p.giveUp(fmt.Sprintf("%d arguments, the limit is %d", n, p.bounds.args))
	}
	return false, nil
}

func (p *parser) bulkHeader(line []byte) error {
	if len(line) == 0 || line[0] != '$' {
		got := "\n"
		if len(line) > 0 {
			got = string(line[:1])
		}
		return protocolError(fmt.Sprintf("expected '$', got %q", got[0]))
	}
	n, err := strconv.Atoi(string(line[1:]))
	if err != nil || n < 0 || n > maxLength {
		return protocolError("invalid bulk length")
	}
	p.pending = n + len("\r\n")
	p.size += n
	switch {
	case p.now.over != "":
	case n > p.bounds.bulk:
		p.giveUp(fmt.Sprintf("an argument of %d bytes, the limit is %d", n, p.bounds.bulk))
	case p.size > p.bounds.bytes:
		p.giveUp(fmt.Sprintf("arguments of more than %d bytes together, which is the limit", p.bounds.bytes))
	case p.size > p.held+spare && !p.more():
		p.giveUp("this member is busy with other large commands; try again")
	}
	if p.now.over == "" {
		p.arg = make([]byte, 0, min(p.pending, spare))
	}
	return nil
}

// more asks for room for as much as the request has claimed so far.
func (p *parser) more() bool {
	n := p.size - p.held
	if !p.hold(n) {
		return false
	}
	p.held += n
	return true
}

// giveUp lets the rest of the request pass without keeping it.
func (p *parser) giveUp(why string) {
	p.now.args, p.arg = nil, nil
	p.now.over = why
}

// takeArgument takes bytes of an argument, and says whether it is whole.
func (p *parser) takeArgument(b []byte) (taken int, done bool, err error) {
	taken = min(len(b), p.pending)
	if p.now.over == "" {
		p.arg = append(p.arg, b[:taken]...)
	}
	p.pending -= taken
	if p.pending > 0 {
		return taken, false, nil
	}
	p.pending = -1
	p.left--
	if p.now.over == "" {
		text, ok := bytes.CutSuffix(p.arg, []byte("\r\n"))
		if !ok {
			return taken, false, protocolError("an argument is longer than it says")
		}
		p.now.args = append(p.now.args, text)
	}
	p.arg = nil
	return taken, true, nil
}

// words splits a line as Redis does: at spaces, with quotes around what has some.
func words(line string) (all [][]byte, ok bool) {
	for i := 0; i < len(line); {
		if isSpace(line[i]) {
			i++
			continue
		}
		var word []byte
		for i < len(line) && !isSpace(line[i]) {
			switch quote := line[i]; quote {
			case '"', '\'':
				text, n := unquoted(line[i+1:], quote)
				i += 1 + n
				if n == 0 || i < len(line) && !isSpace(line[i]) {
					return nil, false // no end, or something right behind it
				}
				word = append(word, text...)
			default:
				word = append(word, quote)
				i++
			}
		}
		if word == nil {
			word = []byte{}
		}
		all = append(all, word)
	}
	return all, true
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' || c == 0 }

// unquoted is what stands before the closing quote, and how many bytes that takes with
// the quote, 0 if there is none.
func unquoted(s string, quote byte) (text []byte, n int) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == quote:
			return text, i + 1
		case c != '\\' || i+1 == len(s):
			text = append(text, c)
		case quote == '\'':
			if s[i+1] == '\'' {
				i++
			}
			text = append(text, s[i])
		case s[i+1] == 'x' && i+3 < len(s) && isHex(s[i+2]) && isHex(s[i+3]):
			v, _ := strconv.ParseUint(s[i+2:i+4], 16, 8)
			text = append(text, byte(v))
			i += 3
		default:
			i++
			text = append(text, escaped(s[i]))
		}
	}
	return nil, 0
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func escaped(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'b':
		return '\b'
	case 'a':
		return '\a'
	}
	return c
}
