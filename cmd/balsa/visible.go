package main

import (
	"strconv"
	"strings"
	"unicode"
)

// visible is a text as it is, if a line can show it, else quoted as in Go.
func visible(s string) string {
	if s == "" || strings.HasPrefix(s, `"`) || strings.ContainsFunc(s, func(r rune) bool { return r == unicode.ReplacementChar || !unicode.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}
