package redis

import (
	"bufio"
	"io"
	"strconv"
	"strings"
)

// writer writes answers in one of the protocol's two versions. Errors of what it writes
// to stay, and flush returns them.
type writer struct {
	*bufio.Writer
	proto  int    // 2 or 3
	result string // of the command that is being answered
	room   [24]byte
}

func newWriter(to io.Writer) *writer {
	return &writer{Writer: bufio.NewWriterSize(to, 16<<10), proto: 2}
}

// simple answers with words of our own, without a line's end in them.
func (w *writer) simple(s string) {
	w.WriteByte('+')
	w.WriteString(s)
	w.WriteString("\r\n")
}

func (w *writer) ok() { w.simple("OK") }

// fault answers with an error, whose first word says of what kind it is.
func (w *writer) fault(s string) {
	w.result = resultOf(s)
	w.WriteByte('-')
	w.WriteString(strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, s))
	w.WriteString("\r\n")
}

func (w *writer) head(kind byte, n int64) {
	w.WriteByte(kind)
	w.Write(strconv.AppendInt(w.room[:0], n, 10))
	w.WriteString("\r\n")
}

func (w *writer) number(n int64) { w.head(':', n) }

func (w *writer) truth(b bool) {
	if b {
		w.number(1)
	} else {
		w.number(0)
	}
}

func (w *writer) bulk(b []byte) {
	w.head('$', int64(len(b)))
	w.Write(b)
	w.WriteString("\r\n")
}

func (w *writer) text(s string) {
	w.head('$', int64(len(s)))
	w.WriteString(s)
	w.WriteString("\r\n")
}

// verbatim is text for people.
func (w *writer) verbatim(s string) {
	if w.proto == 2 {
		w.text(s)
		return
	}
	w.head('=', int64(len("txt:")+len(s)))
	w.WriteString("txt:")
	w.WriteString(s)
	w.WriteString("\r\n")
}

// none is the answer where there is no value.
func (w *writer) none() {
	if w.proto == 2 {
		w.WriteString("$-1\r\n")
	} else {
		w.WriteString("_\r\n")
	}
}

// noArray is the answer where there is no list.
func (w *writer) noArray() {
	if w.proto == 2 {
		w.WriteString("*-1\r\n")
	} else {
		w.WriteString("_\r\n")
	}
}

func (w *writer) array(n int) { w.head('*', int64(n)) }

// pairs begins n keys with their values.
func (w *writer) pairs(n int) {
	if w.proto == 2 {
		w.array(2 * n)
	} else {
		w.head('%', int64(n))
	}
}

func (w *writer) set(n int) {
	if w.proto == 2 {
		w.array(n)
	} else {
		w.head('~', int64(n))
	}
}

// push begins what nobody asked for just now.
func (w *writer) push(n int) {
	if w.proto == 2 {
		w.array(n)
	} else {
		w.head('>', int64(n))
	}
}

func (w *writer) texts(all ...string) {
	w.array(len(all))
	for _, s := range all {
		w.text(s)
	}
}
