package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// isTerminal says whether a person looks at a stream, or types into it.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// redraws says whether lines on a stream can be drawn again: on a terminal, unless it is one
// that knows no cursor (TERM=dumb).
func redraws(stream any) bool { return isTerminal(stream) && os.Getenv("TERM") != "dumb" }

// height is how many lines a terminal has, many if it does not say.
func height(stream any) int {
	if f, ok := stream.(*os.File); ok {
		if _, lines, err := term.GetSize(int(f.Fd())); err == nil && lines > 0 {
			return lines
		}
	}
	return 1000
}

// What a terminal does with its cursor. Where it does not wrap, what is too long for a line
// is not seen, and the lines that are drawn again stay as many as they were.
const (
	toLineStart = "\r"
	clearRight  = "\x1b[K" // to the end of the line
	clearBelow  = "\x1b[J" // to the end of the screen
	linesUp     = "\x1b[%dA"
	noWrap      = "\x1b[?7l"
	wrap        = "\x1b[?7h"
)

// screen shows lines in the place of those that it showed before.
type screen struct {
	out   io.Writer
	drawn int
}

// show draws lines, as many as there is room for.
func (s *screen) show(lines []string) error {
	if room := height(s.out) - 1; len(lines) > room && room > 0 {
		lines = append(lines[:room-1:room-1], fmt.Sprintf("… and %d lines more", len(lines)-room+1))
	}
	var b strings.Builder
	b.WriteString(noWrap + toLineStart)
	if s.drawn > 0 {
		fmt.Fprintf(&b, linesUp, s.drawn)
	}
	for _, line := range lines {
		b.WriteString(line + clearRight + "\n")
	}
	b.WriteString(clearBelow + wrap)
	s.drawn = len(lines)
	_, err := io.WriteString(s.out, b.String())
	return err
}

// A colour is how a word looks on a terminal; the zero one is as everything else.
type colour string

const (
	asIs   colour = ""
	bold   colour = "1"
	faint  colour = "2"
	red    colour = "31"
	green  colour = "32"
	yellow colour = "33"
)

// brush colours words, or leaves them as they are.
type brush bool

// brushFor colours what goes to a terminal, unless NO_COLOR is set (no-color.org).
func brushFor(stream any) brush { return brush(redraws(stream) && os.Getenv("NO_COLOR") == "") }

func (b brush) paint(c colour, text string) string {
	if !b || c == asIs || text == "" {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}
