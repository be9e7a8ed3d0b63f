package timeline

import (
	"bufio"
	"cmp"
	"fmt"
	"html"
	"io"
	"slices"
	"strings"
	"time"
)

// The drawing, in pixels.
const (
	left   = 70   // names
	width  = 1700 // of time
	top    = 54   // the axis and what is about the whole world
	pitch  = 76   // between lanes
	bar    = 22   // of a lane
	bottom = 30
)

// Verdict is what is told of a world above its drawing.
type Verdict struct {
	Title string // which world it is
	Err   error  // the promise that was broken
	Facts string // how it went
}

// Write draws the timeline as a page.
func (t *Timeline) Write(to io.Writer, v Verdict) error {
	slices.SortStableFunc(t.lanes, func(a, b *lane) int { return cmp.Or(len(a.name)-len(b.name), strings.Compare(a.name, b.name)) })
	p := &page{Writer: bufio.NewWriter(to), end: max(t.end, time.Millisecond)}
	height := top + pitch*len(t.lanes) + bottom
	p.head(v, height)
	p.axis(height)
	p.cuts(t, height)
	p.whole(t.global, height)
	p.appends(t)
	for k, l := range t.lanes {
		p.lane(l, laneTop(k))
	}
	p.votes(t)
	p.printf("</svg></div>%s</body></html>\n", legend)
	return p.Flush()
}

type page struct {
	*bufio.Writer
	end time.Duration
}

// printf writes; an error stays in the writer until Flush.
func (p *page) printf(format string, args ...any) { fmt.Fprintf(p.Writer, format, args...) }

func laneTop(k int) int { return top + pitch*k + (pitch-bar)/2 }

func (p *page) x(at time.Duration) float64 { return left + float64(at)/float64(p.end)*width }

func (p *page) head(v Verdict, height int) {
	verdict := `<p class="kept">all promises were kept</p>`
	if v.Err != nil {
		verdict = `<p class="broke">` + html.EscapeString(v.Err.Error()) + `</p>`
	}
	p.printf(`<!doctype html><html lang="en"><meta charset="utf-8"><title>%[1]s</title><style>%[2]s</style><body>
<h1>%[1]s</h1>%[3]s<p class="facts">%[4]s</p><div class="scroll"><svg width="%[5]d" height="%[6]d" viewBox="0 0 %[5]d %[6]d" role="img">
`, html.EscapeString(v.Title), style, verdict, html.EscapeString(v.Facts), left+width+20, height)
}

// axis has a line for each step of time that leaves room for its label.
func (p *page) axis(height int) {
	step := 10 * time.Millisecond
	for _, s := range []time.Duration{50 * time.Millisecond, 100 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, time.Minute} {
		if p.end/step > 24 {
			step = s
		}
	}
	for at := time.Duration(0); at <= p.end; at += step {
		p.printf(`<line class="grid" x1="%.1[1]f" x2="%.1[1]f" y1="20" y2="%[2]d"/><text class="tick" x="%.1[1]f" y="14">%[3]s</text>`+"\n", p.x(at), height-bottom+8, at)
	}
}

// cuts shades the times in which the network was not whole.
func (p *page) cuts(t *Timeline, height int) {
	var all []mark
	for _, l := range t.lanes {
		for _, m := range l.marks {
			if m.kind == "cut" {
				all = append(all, mark{m.at, m.kind, l.name + " " + m.text})
			}
		}
	}
	for _, m := range t.global {
		if m.kind == "healed" {
			all = append(all, m)
		}
	}
	slices.SortStableFunc(all, func(a, b mark) int { return cmp.Compare(a.at, b.at) })
	var since time.Duration
	var why []string
	shade := func(until time.Duration) {
		if len(why) > 0 {
			p.printf(`<rect class="cut" x="%.1f" y="20" width="%.1f" height="%d"><title>%s</title></rect>`+"\n",
				p.x(since), max(1, p.x(until)-p.x(since)), height-bottom-12, html.EscapeString(short(why)))
		}
		why = nil
	}
	for _, m := range all {
		if m.kind == "healed" {
			shade(m.at)
			continue
		}
		if len(why) == 0 {
			since = m.at
		}
		why = append(why, m.text)
	}
	shade(p.end)
}

// short are the first of many lines.
func short(lines []string) string {
	const enough = 12
	if len(lines) > enough {
		lines = append(slices.Clone(lines[:enough]), fmt.Sprintf("and %d more", len(lines)-enough))
	}
	return strings.Join(lines, "\n")
}

// whole draws what is about the whole world.
func (p *page) whole(marks []mark, height int) {
	for _, m := range marks {
		if m.kind == "healed" && strings.HasPrefix(m.text, "the troubles") || m.kind == "broken" {
			p.printf(`<line class="%s" x1="%.1[2]f" x2="%.1[2]f" y1="20" y2="%[3]d"/>`, m.kind, p.x(m.at), height-bottom+8)
		}
	}
	p.crowd(marks, 26, "")
}

// crowd draws marks in a row; those that would cover each other become one.
func (p *page) crowd(marks []mark, y int, only string) {
	const apart = 7
	for k := 0; k < len(marks); {
		x := p.x(marks[k].at)
		kind, lines := marks[k].kind, []string(nil)
		for ; k < len(marks) && p.x(marks[k].at)-x < apart; k++ {
			if only != "" && marks[k].kind != only {
				continue
			}
			if rank[marks[k].kind] > rank[kind] {
				kind = marks[k].kind
			}
			lines = append(lines, fmt.Sprintf("%.3f s  %s", marks[k].at.Seconds(), marks[k].text))
		}
		if len(lines) > 0 {
			p.printf(`<g class="m %s"><title>%s</title><circle cx="%.1f" cy="%d" r="%.1f"/></g>`+"\n",
				kind, html.EscapeString(short(lines)), x, y+5, min(2.6+float64(len(lines))*0.35, 5))
		}
	}
}

// rank says which of several marks in one place gives them its colour.
var rank = map[string]int{"note": 0, "healed": 1, "starts": 2, "cut": 3, "trouble": 4, "dies": 5, "broken": 6}

func (p *page) lane(l *lane, y int) {
	p.printf(`<text class="name" x="8" y="%d">%s</text>`+"\n", y+15, html.EscapeString(l.name))
	p.roles(l, y)
	for _, s := range l.pauses {
		to := cmp.Or(s.to, p.end)
		p.printf(`<rect class="pause" x="%.1f" y="%d" width="%.1f" height="%d"><title>%s</title></rect>`+"\n",
			p.x(s.from), y, max(1.5, p.x(to)-p.x(s.from)), bar, html.EscapeString(s.role))
	}
	p.commits(l, y)
	p.crowd(l.marks, y+bar+6, "")
}

// roles draws phases; where many are too short to be seen, those of the pixel become one,
// with the colour of the role that had most to say.
func (p *page) roles(l *lane, y int) {
	said := -100.0
	for k := 0; k < len(l.roles); {
		first := l.roles[k]
		x := p.x(first.from)
		to, role, count := cmp.Or(first.to, p.end), first.role, 1
		for k++; k < len(l.roles) && p.x(to)-x < 1.5; k++ {
			next := l.roles[k]
			to, count = cmp.Or(next.to, p.end), count+1
			if weight[next.role] > weight[role] {
				role = next.role
			}
		}
		title := fmt.Sprintf("%s: %s in term %d, %.3f s to %.3f s", l.name, first.role, first.term, first.from.Seconds(), to.Seconds())
		if first.role == waiting {
			title = fmt.Sprintf("%s: runs, and belongs to no cluster yet, %.3f s to %.3f s", l.name, first.from.Seconds(), to.Seconds())
		}
		if first.role == down {
			title = fmt.Sprintf("%s: does not run, %.3f s to %.3f s", l.name, first.from.Seconds(), to.Seconds())
		}
		if count > 1 {
			title += fmt.Sprintf(" (%d changes, to term %d)", count, l.roles[k-1].term)
		}
		p.printf(`<rect class="%s" x="%.1f" y="%d" width="%.1f" height="%d"><title>%s</title></rect>`+"\n", role, x, y, max(1.5, p.x(to)-x), bar, html.EscapeString(title))
		if label := fmt.Sprint(first.term); first.term > 0 && p.x(to)-x > float64(7*len(label)+6) && x > said {
			p.printf(`<text class="term" x="%.1f" y="%d">%s</text>`+"\n", x+3, y+15, label)
			said = x + float64(7*len(label))
		}
	}
}

var weight = map[string]int{down: 0, waiting: 1, "follower": 1, "pre-candidate": 2, "candidate": 3, "leader": 4}

// commits draws how the commit index of a leader grows: a tick a pixel, as high as much.
func (p *page) commits(l *lane, y int) {
	for k := 0; k < len(l.commits); {
		first := l.commits[k]
		x, n := p.x(first.at), 0
		last := first
		for ; k < len(l.commits) && p.x(l.commits[k].at)-x < 3; k++ {
			last = l.commits[k]
			n++
		}
		high := min(3+3*float64(n), 16)
		p.printf(`<rect class="commit" x="%.1f" y="%.1f" width="2" height="%.1f"><title>%s commits up to %d, %.3f s</title></rect>`+"\n",
			x, float64(y)-high-2, high, l.name, last.index, last.at.Seconds())
	}
}

// between are the ends of a message from lane to lane, false if one is unknown.
func (t *Timeline) between(m message) (from, to int, ok bool) {
	a, b := t.byID[m.from], t.byID[m.to]
	from, to = slices.Index(t.lanes, a), slices.Index(t.lanes, b)
	return from, to, a != nil && b != nil && from != to
}

// appends draws what leaders send as a web in the background: one line for all that goes
// from one lane to another within some pixels.
func (p *page) appends(t *Timeline) {
	const apart = 9
	last := map[[2]int]float64{}
	for _, m := range t.messages {
		from, to, ok := t.between(m)
		x := p.x(m.at)
		if key := [2]int{from, to}; m.kind != "append" || !ok || last[key] > 0 && x-last[key] < apart {
			continue
		}
		last[[2]int{from, to}] = x
		p.line(m, from, to)
	}
}

// votes draws the questions of candidates and their answers.
func (p *page) votes(t *Timeline) {
	const apart = 2
	type way struct {
		from, to int
		kind     string
	}
	last := map[way]float64{}
	for _, m := range t.messages {
		from, to, ok := t.between(m)
		key, x := way{from, to, m.kind}, p.x(m.at)
		if m.kind == "append" || !ok || last[key] > 0 && x-last[key] < apart {
			continue
		}
		last[key] = x
		p.line(m, from, to)
	}
}

// line draws a message, a little to the right, as time passes under way.
func (p *page) line(m message, from, to int) {
	x, y1, y2 := p.x(m.at), laneTop(from)+bar, laneTop(to)
	if to < from {
		y1, y2 = laneTop(from), laneTop(to)+bar
	}
	p.printf(`<line class="%s" x1="%.1f" y1="%d" x2="%.1f" y2="%d"><title>%.3f s %s</title></line>`+"\n",
		m.kind, x, y1, x+5, y2, m.at.Seconds(), html.EscapeString(m.text))
}
