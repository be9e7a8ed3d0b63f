package dashboard

import (
	"context"
	"encoding/json"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/balsaraft/balsa"
)

// Member is what a Reporter asks; a *balsa.Node is one.
type Member interface {
	Status() balsa.Status
	Events(context.Context) iter.Seq[balsa.Event]
	Tell(note []byte) error
	Notes() []balsa.Note
	Done() <-chan struct{}
	Err() error
}

const (
	// every is how often a watched member says how it stands: soon enough to see entries
	// move.
	every = 200 * time.Millisecond
	// idle is how often one that is not watched looks whether somebody does, and sums up
	// what its work took.
	idle = time.Second
	// lasts is for how long one wish to look holds.
	lasts = 3 * time.Second
	// historyLength is how many samples are kept: five minutes.
	historyLength = 300
	// eventsTold is how many events a note has room for.
	eventsTold = 8
	// maxText bounds the text of an event or of a reason.
	maxText = 160
)

// Reporter makes a member's reports. Any goroutine may use it.
type Reporter struct {
	member   Member
	recorder *Recorder
	http     string
	id       balsa.MemberID // when it started: a repaired member gets another
	start    time.Time

	watchedUntil atomic.Int64 // Unix nanoseconds
	wake         chan struct{}
	own          atomic.Pointer[Report]

	mu      sync.Mutex
	heard   map[balsa.MemberID]heard
	events  []Event
	seq     uint64
	history []Sample
}

// NewReporter makes a member's reports until it has ended. The address is that of its own
// page, for the others. It has two goroutines.
func NewReporter(m Member, recorder *Recorder, http string) *Reporter {
	r := &Reporter{
		member: m, recorder: recorder, http: http, id: m.Status().ID, start: time.Now(),
		wake: make(chan struct{}, 1), heard: map[balsa.MemberID]heard{},
	}
	first := r.report()
	r.own.Store(&first)
	go r.follow()
	go r.run()
	return r
}

// Watch lets the members tell how they stand, often, for some seconds from now.
func (r *Reporter) Watch() { r.watchFor(lasts) }

func (r *Reporter) watchFor(d time.Duration) {
	until := time.Now().Add(d).UnixNano()
	for {
		old := r.watchedUntil.Load()
		if until <= old {
			return
		}
		if r.watchedUntil.CompareAndSwap(old, until) {
			break
		}
	}
	r.hurry()
}

// hurry lets the member tell how it stands now.
func (r *Reporter) hurry() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *Reporter) watched() time.Duration {
	return time.Duration(r.watchedUntil.Load() - time.Now().UnixNano())
}

// Own is what this member said last. It does not wait: one that hangs has an old report.
func (r *Reporter) Own() Report {
	own := *r.own.Load()
	own.Age = max(time.Now().UnixMilli()-own.made, 0)
	return own
}

// Heard are the last reports of the other members that were heard. A newcomer that does not
// know yet who they are has none.
func (r *Reporter) Heard() (all []Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, seat := range r.own.Load().Seats {
		if h, was := r.heard[seat.ID]; was {
			h.Report.Age = time.Since(h.at).Milliseconds()
			all = append(all, h.Report)
		}
	}
	return all
}

// Leader is the last report of a member that leads, the newest if several did; not ok if
// none was heard. Unlike Heard it is told of whoever was heard, so that a newcomer that has
// received no membership yet knows how far the others are.
func (r *Reporter) Leader() (report Report, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range r.heard {
		if h.Report.Role == "leader" && (!ok || h.Report.Term > report.Term) {
			report, ok = h.Report, true
			report.Age = time.Since(h.at).Milliseconds()
		}
	}
	return report, ok
}

// History are the member's samples of the last minutes, the oldest first.
func (r *Reporter) History() []Sample {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Sample{}, r.history...)
}

// run tells how the member stands, and hears of the others, until it has ended.
func (r *Reporter) run() {
	timer := time.NewTimer(every)
	defer timer.Stop()
	var sampled time.Time
	for {
		select {
		case <-r.member.Done():
			r.finish()
			return
		case <-r.wake:
		case <-timer.C:
		}
		if now := time.Now(); now.Sub(sampled) >= idle {
			r.sample(now)
			sampled = now
		}
		r.listen()
		own, pause := r.report(), idle
		r.own.Store(&own)
		if r.watched() > 0 {
			r.tell(own)
			pause = every
		}
		timer.Reset(pause)
	}
}

// sample adds to the history. A member that hangs has a gap in it, for this is the
// goroutine that waits for it.
func (r *Reporter) sample(now time.Time) {
	s := r.recorder.take(now)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.history) == historyLength {
		r.history = append(r.history[:0], r.history[1:]...)
	}
	r.history = append(r.history, s)
}

// listen takes what the other members have told.
func (r *Reporter) listen() {
	for _, n := range r.member.Notes() {
		r.mu.Lock()
		before, known := r.heard[n.From]
		r.mu.Unlock()
		if known && before.at.Sub(n.Heard).Abs() < time.Millisecond {
			continue // the one of the last time
		}
		h := heard{at: n.Heard, rtt: before.rtt}
		if json.Unmarshal(n.Data, &h.note) != nil || h.Report.ID != n.From {
			continue // not a Reporter's
		}
		if back, was := h.Echo[r.own.Load().ID]; was {
			since := n.Heard.Sub(r.start) - time.Duration(back.Sent+back.Held)*time.Microsecond
			h.rtt = max(since, time.Microsecond)
		}
		r.mu.Lock()
		r.heard[n.From] = h
		r.mu.Unlock()
		r.watchFor(time.Duration(h.Watched)*time.Millisecond - time.Since(n.Heard))
	}
}

// tell says to the other members how this one stands.
func (r *Reporter) tell(own Report) {
	n := note{Report: own, Watched: r.watched().Milliseconds(), Echo: map[balsa.MemberID]echo{}}
	now := time.Now()
	r.mu.Lock()
	for id, h := range r.heard {
		n.Echo[id] = echo{h.Sent, now.Sub(h.at).Microseconds()}
	}
	r.mu.Unlock()
	n.Sent = now.Sub(r.start).Microseconds()
	_ = r.member.Tell(packed(n)) // one of a member that has ended is not missed
}

// packed is a note as it travels, with as many of the last events as there is room for.
func packed(n note) []byte {
	for {
		data, err := json.Marshal(n)
		if err == nil && len(data) > balsa.MaxNote && len(n.Report.Events) > 0 {
			n.Report.Events = n.Report.Events[1:]
			continue
		}
		return data
	}
}

// report is how the member stands now.
func (r *Reporter) report() Report {
	s := r.member.Status()
	report := reportOf(s)
	report.HTTP, report.made = r.http, time.Now().UnixMilli()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range s.Members {
		if h, was := r.heard[m.ID]; was {
			report.Hears = append(report.Hears, Contact{m.ID, time.Since(h.at).Milliseconds(), h.rtt.Microseconds()})
		}
	}
	if n := len(r.history); n > 0 {
		report.Sample = r.history[n-1]
	}
	report.Events = append([]Event{}, r.events...)
	return report
}

// finish says why the member has ended.
func (r *Reporter) finish() {
	last := r.report()
	last.Stopped = "it was closed"
	if err := r.member.Err(); err != nil {
		last.Stopped = cut(err.Error())
	}
	r.own.Store(&last)
}

// follow notes what happens to the member.
func (r *Reporter) follow() {
	for e := range r.member.Events(context.Background()) { // ends with the member
		kind, text, role := r.describe(e)
		if text == "" {
			continue
		}
		r.add(Event{Kind: kind, Text: cut(text), Role: role})
		r.hurry()
	}
}

// add notes an event. What happens again and again is one, so that it does not push out all
// others.
func (r *Reporter) add(e Event) {
	now := time.Now().UnixMilli()
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.events); n > 0 && r.events[n-1].Text == e.Text {
		r.events[n-1].Latest = now
		r.events[n-1].Times++
		return
	}
	r.seq++
	e.Seq, e.At, e.Latest, e.Times = r.seq, now, now, 1
	r.events = append(r.events[max(len(r.events)-eventsTold+1, 0):], e)
}

func cut(text string) string {
	if len(text) <= maxText {
		return text
	}
	return text[:maxText] + "…"
}
