package dashboard

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
	"github.com/balsaraft/balsa/kv/access"
)

const (
	// mostEntries is how many entries are shown at a time.
	mostEntries = 100
	// shownBytes is how much of a key or a value is shown.
	shownBytes = 200
)

// entry is an entry of the log, as the page shows it.
type entry struct {
	Index balsa.Index `json:"index"`
	Term  balsa.Term  `json:"term"`
	At    int64       `json:"at"` // by the leader's clock, in milliseconds since 1970
	Kind  string      `json:"kind"`
	Size  int         `json:"size"`
	// Does says what a command asks for, a line each.
	Does []string `json:"does,omitempty"`
	// Hidden says that the caller may not read all that the command is about.
	Hidden bool `json:"hidden,omitempty"`
}

// entries answers with entries that the member has applied: ?from=INDEX&count=N.
func (h *Handler) entries(w http.ResponseWriter, r *http.Request) {
	from, err := strconv.ParseUint(r.URL.Query().Get("from"), 10, 63)
	count, countErr := strconv.Atoi(r.URL.Query().Get("count"))
	if errors.Join(err, countErr) != nil || count < 1 || count > mostEntries {
		refuse(w, http.StatusBadRequest, "bad_request", fmt.Sprintf("give ?from=INDEX&count=N, of which N is at most %d", mostEntries))
		return
	}
	found, err := h.view.Entries(r.Context(), balsa.Index(from), count)
	switch {
	case errors.Is(err, balsa.ErrCompacted):
		refuse(w, http.StatusGone, "compacted", err.Error()+"; a snapshot holds what it did")
		return
	case err != nil:
		refuse(w, http.StatusServiceUnavailable, "closed", err.Error())
		return
	}
	shown := []entry{}
	for _, e := range found {
		shown = append(shown, entryOf(e, access.CallerIn(r.Context())))
	}
	answer(w, http.StatusOK, shown)
}

func entryOf(e balsa.LogEntry[kv.Command], caller *access.Caller) entry {
	shown := entry{Index: e.Index, Term: e.Term, At: e.Time.UnixMilli(), Kind: e.Kind, Size: e.Size}
	if e.Command == nil {
		return shown
	}
	if shown.Hidden = !mayRead(caller, *e.Command); !shown.Hidden {
		shown.Does = linesOf(*e.Command)
	}
	return shown
}

// mayRead says whether a caller has the right to read all that a command is about.
func mayRead(caller *access.Caller, c kv.Command) bool {
	for _, condition := range c.If {
		if caller.Need(access.Read, condition.Key) != nil {
			return false
		}
	}
	for _, ops := range [...][]kv.Op{c.Then, c.Else} {
		for _, o := range ops {
			if o.Key != "" && caller.NeedRange(access.Read, o.Range()) != nil {
				return false
			}
		}
	}
	return true
}

func linesOf(c kv.Command) (lines []string) {
	for _, condition := range c.If {
		lines = append(lines, fmt.Sprintf("if the %s of %s is %s", condition.Of, text(condition.Key), conditionValue(condition)))
	}
	for _, o := range c.Then {
		lines = append(lines, line(o))
	}
	for _, o := range c.Else {
		lines = append(lines, "else "+line(o))
	}
	if lines == nil {
		lines = []string{"let expire what is due"}
	}
	return lines
}

func conditionValue(c kv.Condition) string {
	if c.Value != nil {
		return fmt.Sprintf("%s %s", c.Is, text(string(c.Value)))
	}
	return fmt.Sprintf("%s %d", c.Is, c.Number)
}

func line(o kv.Op) string {
	s := o.Kind.String()
	if o.Key != "" {
		s += " " + text(o.Key)
	}
	if o.End != "" {
		s += " and the keys after it, up to a limit"
	}
	switch o.Kind {
	case kv.OpSet, kv.OpAppend:
		s += " " + text(string(o.Value))
	case kv.OpAdd, kv.OpCompact:
		s += " " + strconv.FormatInt(o.Number, 10)
	}
	if o.TTL > 0 {
		s += " for " + o.TTL.String()
	}
	if !o.At.IsZero() {
		s += " until " + o.At.UTC().Format(time.RFC3339)
	}
	return s
}

// text is a key or a value as people may read it, not all of it if it is long.
func text(s string) string {
	more := ""
	if len(s) > shownBytes {
		s, more = s[:shownBytes], fmt.Sprintf("… (%d bytes)", len(s))
	}
	if !utf8.ValidString(s) && more == "" {
		return fmt.Sprintf("%d bytes that are no text", len(s))
	}
	return strconv.Quote(s) + more
}
