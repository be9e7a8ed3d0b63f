package http

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/balsaraft/balsa/internal/pages"
	"github.com/balsaraft/balsa/kv"
	"github.com/balsaraft/balsa/kv/access"
)

// example is a command of docs/http.md and what comes of it.
type example struct {
	section string
	command string
	want    []string
}

// examples are all of the page, in order.
func examples(t *testing.T) (all []example) {
	t.Helper()
	blocks, err := pages.Blocks("../..", "docs/http.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks {
		for _, line := range b.Lines() {
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				all = append(all, example{section: b.Section, command: command})
			} else if last := len(all) - 1; last >= 0 {
				all[last].want = append(all[last].want, line)
			}
		}
	}
	return all
}

// curl is what a command line of curl asks for.
type curl struct {
	method, url, body string
	header            http.Header
	showHeader        bool
}

func parseCurl(t *testing.T, command string) curl {
	t.Helper()
	words := regexp.MustCompile(`'[^']*'|\S+`).FindAllString(command, -1)
	for i := range words {
		words[i] = strings.Trim(words[i], "'")
	}
	if words[0] != "curl" {
		t.Fatalf("%s is no curl", command)
	}
	c := curl{method: "GET", header: http.Header{}}
	for words = words[1:]; len(words) > 0; words = words[1:] {
		switch words[0] {
		case "-X", "-d", "-H":
			switch words[0] {
			case "-X":
				c.method = words[1]
			case "-d":
				c.body = words[1]
				if c.method == "GET" {
					c.method = "POST"
				}
			case "-H":
				name, value, _ := strings.Cut(words[1], ": ")
				c.header.Set(name, value)
			}
			words = words[1:]
		case "-i":
			c.showHeader = true
		case "-N":
		default:
			c.url = words[0]
		}
	}
	return c
}

// Whoever types what the page says sees what it says, but for the time of the day.
func TestThePageIsTrue(t *testing.T) {
	open, store := startAlone(t, nil)
	for range 11 { // what a cluster has in its log before anybody asks
		if _, err := store.Do(t.Context(), kv.Command{}); err != nil {
			t.Fatal(err)
		}
	}
	book, err := access.NewBook([]access.Entry{{
		Caller: access.Caller{Name: "web", Grants: []access.Grant{{Prefix: "users/", Rights: access.Read | access.Write}}},
		Token:  access.DigestOf("secret"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	guarded, _ := startAlone(t, func(c *Config) { c.Store, c.Access = store, book })
	all := examples(t)
	if len(all) < 25 {
		t.Fatalf("the page has %d examples", len(all))
	}
	for _, e := range all {
		base := open
		if e.section == "Callers" {
			base = guarded
		}
		c := parseCurl(t, strings.ReplaceAll(e.command, "http://127.0.0.1:8080", base))
		got := c.lines(t, len(e.want))
		if slices.Contains(e.want, "…") {
			for _, line := range e.want {
				if line != "…" && !slices.Contains(got, line) {
					t.Errorf("%s\nhas no line %q: %q", e.command, line, got)
				}
			}
			continue
		}
		if want := e.want; timeless(got) != timeless(want) {
			t.Errorf("%s\nanswers\n%s\nwant\n%s", e.command, timeless(got), timeless(want))
		}
	}
}

// lines are the first lines of the answer, at most so many unless headers are shown.
func (c curl) lines(t *testing.T, most int) (lines []string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), c.method, c.url, strings.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = c.header
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if c.showHeader {
		lines = append(lines, "HTTP/1.1 "+answer.Status)
		for name, values := range answer.Header {
			lines = append(lines, fmt.Sprintf("%s: %s", name, strings.Join(values, ", ")))
		}
		io.Copy(io.Discard, answer.Body)
		return lines
	}
	stream := answer.Header.Get("Content-Type") == "text/event-stream"
	for in := bufio.NewScanner(answer.Body); (!stream || len(lines) < most) && in.Scan(); {
		lines = append(lines, in.Text())
	}
	return lines
}

func timeless(lines []string) string {
	return regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`).ReplaceAllString(strings.Join(lines, "\n"), "TIME")
}

// The page names every code, operation and parameter.
func TestThePageIsComplete(t *testing.T) {
	text, err := os.ReadFile("../../docs/http.md")
	if err != nil {
		t.Fatal(err)
	}
	words := slices.Clone(otherCodes)
	for _, p := range problems {
		words = append(words, p.code)
	}
	for name, s := range shapes {
		words = slices.Concat(append(words, name), s.needs, s.takes)
	}
	for _, o := range operations() {
		words = append(words, o.query...)
	}
	for _, word := range words {
		if !regexp.MustCompile("[`?&/ ]" + regexp.QuoteMeta(word) + "[`=:?]").Match(text) {
			t.Errorf("the page does not say what %s is", word)
		}
	}
}
