package pion

import (
	"crypto/rand"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/pion/datachannel"
	"github.com/pion/webrtc/v4"

	"github.com/balsaraft/balsa/room"
	"github.com/balsaraft/balsa/transport/websocket"
)

const (
	// label is what channels that carry streams are called.
	label = "balsa 1"
	// lineID is that of a channel which both ends have from the start: it tells of the
	// other's end, and proves that it still lives.
	lineID = 1000
	// offerTime bounds an attempt, proofTime an answer on the line.
	offerTime = 15 * time.Second
	proofTime = 700 * time.Millisecond
	// byeTime is how long a goodbye may take to arrive.
	byeTime = 100 * time.Millisecond
	// leastRetry and mostRetry are pauses between attempts.
	leastRetry = time.Second
	mostRetry  = 30 * time.Second
	// maxEarly bounds candidates that come before the description.
	maxEarly = 100
	// maxWaiting bounds what a link has not got to yet.
	maxWaiting = 256
)

// What is said on the line.
const (
	stillThere = "still there?"
	yes        = "yes"
	bye        = "bye"
)

// link is the connection to one other member, whatever WebSocket that is on. Its goroutine
// owns it: what happens comes as a function to run.
type link struct {
	d      *Direct
	member string
	tasks  chan func()
	ended  chan struct{} // closed by stop
	opened atomic.Pointer[webrtc.PeerConnection]
	gone   atomic.Bool // it has said goodbye

	say     func(room.Word) // nil while the member is not in the room
	ice     []room.ICEServer
	attempt string
	pc      *webrtc.PeerConnection // nil for none
	line    lineEnd
	early   []webrtc.ICECandidateInit
	pause   time.Duration
	late    *time.Timer // of the attempt
	doubt   *time.Timer // whether the member is still there
	retry   *time.Timer
}

// lineEnd is this side's end of the line.
type lineEnd struct {
	datachannel.ReadWriteCloser
	channel *webrtc.DataChannel // nil for none
}

// BufferedAmount is how much was written and has not arrived, in bytes.
func (e lineEnd) BufferedAmount() uint64 { return e.channel.BufferedAmount() }

func newLink(d *Direct, member string) *link {
	return &link{d: d, member: member, tasks: make(chan func(), maxWaiting), ended: make(chan struct{}), pause: leastRetry}
}

// run does what happens, one after the other, until stop.
func (l *link) run() {
	for {
		select {
		case task := <-l.tasks:
			task()
		case <-l.ended:
			l.bye()
			l.drop()
			return
		}
	}
}

// do has the link's goroutine do something. Who says more than is taken is not heard: what
// is missing is tried again.
func (l *link) do(task func()) {
	select {
	case l.tasks <- task:
	default:
		l.d.opts.Logger.Debug("a member says more than can be taken", "peer", l.member)
	}
}

// after is do, a while later.
func (l *link) after(pause time.Duration, task func()) *time.Timer {
	return time.AfterFunc(pause, func() { l.do(task) })
}

// stop ends the link. It is called once.
func (l *link) stop() { close(l.ended) }

// offers says whether this side makes the offer: the one whose name is the smaller.
func (l *link) offers() bool { return l.d.own < l.member }

func (l *link) isOpen() bool { return l.opened.Load() != nil }

func (l *link) joined(ice []room.ICEServer, say func(room.Word)) {
	l.ice, l.say = ice, say
	l.gone.Store(false)
	if !l.isOpen() {
		l.drop()
	}
}

// left asks a member that the introducer has lost whether it is still there.
func (l *link) left() {
	l.say = nil
	if !l.isOpen() {
		l.drop()
		return
	}
	if !l.write(stillThere) {
		l.drop()
		return
	}
	stop(l.doubt)
	l.doubt = l.after(proofTime, l.broken)
}

func (l *link) hear(w room.Word) {
	var err error
	switch w.Kind {
	case room.SignalHello:
		if w.Direct && l.offers() {
			l.offer()
		}
	case room.SignalOffer:
		if !l.offers() {
			err = l.answer(w)
		}
	case room.SignalAnswer:
		if w.Attempt == l.attempt && l.pc != nil && l.pc.RemoteDescription() == nil {
			err = l.describe(webrtc.SDPTypeAnswer, w.SDP)
		}
	case room.SignalCandidate:
		if w.Attempt == l.attempt && l.pc != nil && w.Candidate != "" {
			l.candidate(webrtc.ICECandidateInit{Candidate: w.Candidate, SDPMid: &w.Mid, SDPMLineIndex: new(uint16(w.Line))})
		}
	case room.SignalFailed:
		if w.Attempt == l.attempt {
			l.broken()
		}
	}
	if err != nil {
		l.fail(w.Attempt, err)
	}
}

// offer begins an attempt.
func (l *link) offer() {
	if l.say == nil || l.pc != nil {
		return
	}
	attempt := rand.Text()
	err := l.begin(attempt)
	if err == nil {
		var sdp webrtc.SessionDescription
		if sdp, err = l.pc.CreateOffer(nil); err == nil {
			err = l.tell(room.SignalOffer, sdp)
		}
	}
	if err != nil {
		l.fail(attempt, err)
	}
}

// answer takes another's attempt up, in place of the one before.
func (l *link) answer(w room.Word) error {
	if err := l.begin(w.Attempt); err != nil {
		return err
	}
	if err := l.describe(webrtc.SDPTypeOffer, w.SDP); err != nil {
		return err
	}
	sdp, err := l.pc.CreateAnswer(nil)
	if err != nil {
		return err
	}
	return l.tell(room.SignalAnswer, sdp)
}

// tell makes a description this side's, and sends it with its fingerprint.
func (l *link) tell(kind string, sdp webrtc.SessionDescription) error {
	if err := l.pc.SetLocalDescription(sdp); err != nil {
		return err
	}
	l.speak(room.Word{Kind: kind, Attempt: l.attempt, SDP: sdp.SDP, Fingerprint: room.FingerprintOf(sdp.SDP)})
	return nil
}

func (l *link) speak(w room.Word) {
	if l.say != nil {
		l.say(w)
	}
}

// describe takes the other side's description, and the candidates that came before it.
func (l *link) describe(kind webrtc.SDPType, sdp string) error {
	if err := l.pc.SetRemoteDescription(webrtc.SessionDescription{Type: kind, SDP: sdp}); err != nil {
		return err
	}
	for _, c := range l.early {
		l.candidate(c)
	}
	l.early = nil
	return nil
}

func (l *link) candidate(c webrtc.ICECandidateInit) {
	switch {
	case l.pc.RemoteDescription() == nil && len(l.early) < maxEarly:
		l.early = append(l.early, c)
	case l.pc.RemoteDescription() == nil:
	default:
		if err := l.pc.AddICECandidate(c); err != nil {
			l.d.opts.Logger.Debug("a candidate is of no use", "peer", l.member, "candidate", c.Candidate, "error", err)
		}
	}
}

// begin makes a connection for an attempt, in place of the one before.
func (l *link) begin(attempt string) error {
	l.drop()
	pc, err := l.d.api.NewPeerConnection(webrtc.Configuration{ICEServers: servers(l.ice, l.d.opts.ICEServers)})
	if err != nil {
		return err
	}
	l.pc, l.attempt = pc, attempt
	// What pion tells comes in goroutines of its own, perhaps when the attempt is over.
	current := func(task func()) {
		l.do(func() {
			if l.pc == pc {
				task()
			}
		})
	}
	pc.OnICECandidate(func(c *webrtc.ICECandidate) {
		if c != nil {
			current(func() { l.speak(wordOf(attempt, c.ToJSON())) })
		}
	})
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateFailed || s == webrtc.PeerConnectionStateClosed {
			current(l.broken)
		}
	})
	pc.OnDataChannel(func(c *webrtc.DataChannel) { l.came(c) })
	line, err := pc.CreateDataChannel("line", &webrtc.DataChannelInit{Negotiated: new(true), ID: new(uint16(lineID))})
	if err != nil {
		return err
	}
	line.OnOpen(func() {
		end, err := line.Detach()
		if err != nil {
			current(l.broken)
			return
		}
		current(func() { l.connected(lineEnd{end, line}) })
		for {
			word, err := readWord(end)
			if err != nil {
				current(l.broken)
				return
			}
			current(func() { l.told(word) })
		}
	})
	l.late = l.after(offerTime, func() {
		if l.pc == pc && !l.isOpen() {
			l.broken()
		}
	})
	return nil
}

func wordOf(attempt string, c webrtc.ICECandidateInit) room.Word {
	w := room.Word{Kind: room.SignalCandidate, Attempt: attempt, Candidate: c.Candidate}
	if c.SDPMid != nil {
		w.Mid = *c.SDPMid
	}
	if c.SDPMLineIndex != nil {
		w.Line = int(*c.SDPMLineIndex)
	}
	return w
}

func servers(all ...[]room.ICEServer) (configured []webrtc.ICEServer) {
	for _, some := range all {
		for _, s := range some {
			configured = append(configured, webrtc.ICEServer{URLs: s.URLs, Username: s.Username, Credential: s.Credential})
		}
	}
	return configured
}

// came takes a channel that the other side has opened.
func (l *link) came(c *webrtc.DataChannel) {
	if c.Label() != label {
		return // not one that anybody here knows
	}
	l.d.accept(l.member, newChannel(c))
}

// connected is the attempt's good end.
func (l *link) connected(line lineEnd) {
	stop(l.late)
	l.line, l.pause = line, leastRetry
	l.opened.Store(l.pc)
	l.gone.Store(false)
	l.d.opts.Logger.Debug("connected directly", "peer", l.member)
	l.d.here(l.member)
}

// told is about a word on the line.
func (l *link) told(word string) {
	switch word {
	case stillThere:
		l.write(yes)
	case yes:
		stop(l.doubt)
	case bye:
		l.gone.Store(true)
		l.drop()
	}
}

// write says a word on the line, if there is one.
func (l *link) write(word string) bool {
	if l.line.channel == nil {
		return false
	}
	_, err := l.line.WriteDataChannel([]byte(word), true)
	return err == nil
}

func readWord(line datachannel.ReadWriteCloser) (string, error) {
	b := make([]byte, 1<<10)
	n, _, err := line.ReadDataChannel(b)
	return string(b[:n]), err
}

// bye says goodbye, and waits a moment for that to arrive.
func (l *link) bye() {
	if !l.write(bye) {
		return
	}
	for end := time.Now().Add(byeTime); l.line.BufferedAmount() > 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}

// fail ends an attempt, and tells the other side why.
func (l *link) fail(attempt string, err error) {
	l.d.opts.Logger.Debug("a direct connection did not come about", "peer", l.member, "error", err)
	l.speak(room.Word{Kind: room.SignalFailed, Attempt: attempt, Reason: err.Error()})
	l.broken()
}

// broken ends a connection; who offers tries again after a while.
func (l *link) broken() {
	l.drop()
	if l.say == nil || !l.offers() {
		return
	}
	l.retry = l.after(l.pause, l.offer)
	l.pause = min(2*l.pause, mostRetry)
}

// drop ends the connection and the attempt.
func (l *link) drop() {
	stop(l.late)
	stop(l.doubt)
	stop(l.retry)
	pc := l.pc
	l.opened.Store(nil)
	l.pc, l.line, l.attempt, l.early = nil, lineEnd{}, "", nil
	if pc != nil {
		if err := pc.Close(); err != nil {
			l.d.opts.Logger.Debug("closing a direct connection", "peer", l.member, "error", err)
		}
	}
}

func stop(t *time.Timer) {
	if t != nil {
		t.Stop()
	}
}

// dial opens a channel, from any goroutine.
func (l *link) dial() (io.ReadWriteCloser, error) {
	pc := l.opened.Load()
	switch {
	case pc == nil && l.gone.Load():
		return nil, websocket.ErrGone
	case pc == nil:
		return nil, ErrNotConnected
	}
	c, err := pc.CreateDataChannel(label, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotConnected, err)
	}
	return newChannel(c), nil
}
