package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// progress tells how far long work has come, how fast it goes and how long it still takes.
// It goes to standard error, so that it never gets among data:
//
//	p := startProgress(c.stderr, "backup", inBytes, total) // total 0: not known
//	_, err := io.Copy(p.writer(file), from)                // or p.reader(from), p.add(n), p.set(n)
//	p.end()
//
// On a terminal it is one line that is drawn again, and gone at the end: what came of the
// work is the command's own to say. Elsewhere it is a line each ten seconds, and work that
// takes less says nothing. Its methods may be called from any goroutine, but end once, by
// whoever has started it, before anything else is printed. A nil progress is silent, for --quiet or --json.
type progress struct {
	out   io.Writer
	what  string
	unit  unit
	total atomic.Int64
	done  atomic.Int64
	over  atomic.Pointer[time.Time]

	redraw bool
	stop   chan struct{}
	ended  sync.WaitGroup

	marks []mark // of the last seconds, oldest first; the drawing goroutine's
}

// mark is how far the work was at a moment.
type mark struct {
	at   time.Time
	done int64
}

// How often it is told. They are variables for a test of short work.
var (
	redrawEvery = 200 * time.Millisecond
	lineEvery   = 10 * time.Second
)

// rateOver is how far back the rate looks: long enough to be calm, short enough to follow a
// disk that slows down.
const rateOver = 10 * time.Second

// startProgress begins to tell of work that has so many units to do, 0 if nobody knows. It is
// silent if out is nil.
func startProgress(out io.Writer, what string, u unit, total int64) *progress {
	if out == nil {
		return nil
	}
	p := &progress{out: out, what: what, unit: u, redraw: redraws(out), stop: make(chan struct{})}
	p.total.Store(total)
	p.marks = []mark{{time.Now(), 0}}
	p.ended.Go(p.run)
	return p
}

// add says that so much more is done.
func (p *progress) add(n int64) {
	if p != nil {
		p.done.Add(n)
	}
}

// set says how much is done, all in all.
func (p *progress) set(done int64) {
	if p != nil {
		p.done.Store(done)
	}
}

// expect says how much there is to do, once it is known.
func (p *progress) expect(total int64) {
	if p != nil {
		p.total.Store(total)
	}
}

// until says when the work will be over, if it goes on for a time and not for an amount.
func (p *progress) until(over time.Time) {
	if p != nil {
		p.over.Store(&over)
	}
}

// writer counts the bytes that go to w.
func (p *progress) writer(w io.Writer) io.Writer { return io.MultiWriter(w, counter{p}) }

// reader counts the bytes that come from r.
func (p *progress) reader(r io.Reader) io.Reader { return io.TeeReader(r, counter{p}) }

type counter struct{ *progress }

func (c counter) Write(b []byte) (int, error) {
	c.add(int64(len(b)))
	return len(b), nil
}

// end stops telling, and leaves a terminal's line empty. Nothing is drawn after it.
func (p *progress) end() {
	if p == nil {
		return
	}
	close(p.stop)
	p.ended.Wait()
	if p.redraw {
		fmt.Fprint(p.out, toLineStart+clearRight)
	}
}

// run draws until end.
func (p *progress) run() {
	every := lineEvery
	if p.redraw {
		every = redrawEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			p.draw(time.Now())
		case <-p.stop:
			return
		}
	}
}

func (p *progress) draw(now time.Time) {
	line := p.line(now)
	if !p.redraw {
		fmt.Fprintln(p.out, line)
		return
	}
	fmt.Fprint(p.out, noWrap+toLineStart+line+clearRight+wrap)
}

// line is how the work stands.
func (p *progress) line(now time.Time) string {
	done, total := p.done.Load(), p.total.Load()
	rate := p.rate(now, done)
	text := p.what + ": "
	switch {
	case total == 0:
		text += p.unit.amount(done)
	case p.unit == inBytes:
		text += byteSize(done) + " of "
	default:
		text += fmt.Sprint(done) + " of "
	}
	if total > 0 {
		text += fmt.Sprintf("%s (%d%%)", p.unit.amount(total), min(100, 100*done/total))
	}
	text += ", " + p.unit.amount(int64(rate)) + "/s"
	if left := p.left(now, total-done, rate); left > 0 {
		text += ", " + remaining(left) + " left"
	}
	return text
}

// left is how long it will go on, 0 if nobody knows.
func (p *progress) left(now time.Time, amount int64, rate float64) time.Duration {
	if over := p.over.Load(); over != nil {
		return over.Sub(now)
	}
	if amount <= 0 || rate == 0 {
		return 0
	}
	return time.Duration(float64(amount) / rate * float64(time.Second))
}

// rate is how many units were done in a second, over the last seconds.
func (p *progress) rate(now time.Time, done int64) float64 {
	p.marks = append(p.marks, mark{now, done})
	for len(p.marks) > 2 && now.Sub(p.marks[1].at) >= rateOver {
		p.marks = p.marks[1:]
	}
	first := p.marks[0]
	if took := now.Sub(first.at).Seconds(); took > 0 {
		return max(0, float64(done-first.done)/took)
	}
	return 0
}

// remaining is a time that is left, as exact as anybody wants to know it.
func remaining(d time.Duration) string {
	switch {
	case d < time.Second:
		return "1s"
	case d < time.Minute:
		return d.Round(time.Second).String()
	case d < time.Hour:
		return d.Round(10 * time.Second).String()
	case d < 100*time.Hour:
		return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	}
	return "days"
}

// unit is what work is counted in.
type unit struct{ noun string }

// inBytes counts in B, KiB, MiB and so on.
var inBytes = unit{}

// counted counts in things, such as entries.
func counted(noun string) unit { return unit{noun} }

// amount prints so many of a unit.
func (u unit) amount(n int64) string {
	if u != inBytes {
		return fmt.Sprintf("%d %s", n, u.noun)
	}
	return byteSize(n)
}

// byteSize prints bytes in the largest unit that leaves something before the point.
func byteSize(n int64) string {
	const step = 1024
	if n < step {
		return fmt.Sprintf("%d B", n)
	}
	value, units := float64(n), []string{"KiB", "MiB", "GiB", "TiB"}
	i := -1
	for value >= step && i+1 < len(units) {
		value, i = value/step, i+1
	}
	if value < 10 {
		return fmt.Sprintf("%.1f %s", value, units[i])
	}
	return fmt.Sprintf("%.0f %s", value, units[i])
}
