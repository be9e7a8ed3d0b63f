package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"syscall/js"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/fsys/opfs"
	"github.com/balsaraft/balsa/steward"
	"github.com/balsaraft/balsa/storage/identity"
	"github.com/balsaraft/balsa/transport/webrtc"
	"github.com/balsaraft/balsa/wire"
)

// window is this Worker's member, from the first word of its page to the last.
type window struct {
	page      *page
	channels  *channels
	files     fsys.FS
	durable   bool
	transport *webrtc.Transport
	node      *node
	calls     *calls
	results   *results
	broken    error  // what the reducer threw
	last      string // status that the page has
}

// timing is for windows: their Workers are not slowed down when they are hidden, but
// share a machine with all that its user does.
var timing = balsa.Timing{Heartbeat: 150 * time.Millisecond, Election: 700 * time.Millisecond}

const (
	// maxCommand bounds a command, in bytes of JSON.
	maxCommand = 1 << 20
	// snapshotBytes is how much log is applied until the next snapshot.
	snapshotBytes = 16 << 20
	// statusPause is the time between two looks at what the page should know.
	statusPause = 100 * time.Millisecond
	// leaving is how long a member that closes waits for the others to take that in.
	leaving = 2 * time.Second
)

// prepare finds out what is kept here, so that the page knows whether this member needs
// a cluster yet.
func (w *window) prepare(word js.Value) {
	reply := map[string]any{}
	err := w.openFiles(word)
	if err == nil && word.Get("forget").Truthy() {
		err = forget(w.files)
	}
	if err == nil && word.Get("recover").Truthy() {
		w.recover(word.Get("dry").Truthy(), reply)
	}
	if err == nil {
		who, found := identity.Load(w.files)
		if found != nil && !errors.Is(found, identity.ErrNone) {
			err = found
		}
		reply["belongs"], reply["name"] = who.Cluster != 0, who.Name
	}
	if err != nil {
		w.fail(err)
		return
	}
	reply["durable"] = w.durable
	w.page.post("prepared", reply)
}

func (w *window) openFiles(word js.Value) error {
	if !word.Get("memory").Truthy() {
		var path []string
		for i := range word.Get("path").Length() {
			path = append(path, word.Get("path").Index(i).String())
		}
		files, err := opfs.Open(path...)
		if !errors.Is(err, opfs.ErrUnsupported) {
			w.files, w.durable = files, true
			return err
		}
	}
	w.files = fsys.NewMemory()
	return nil
}

// forget empties the directory: the cluster goes on without who lived there.
func forget(files fsys.FS) error {
	names, err := files.List()
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := files.Remove(name); err != nil {
			return err
		}
	}
	return files.SyncDir()
}

// recover makes the member that is kept here the only one of a new cluster, as
// balsa.Recover does, or with dry says what that would mean. The page has locked the files.
func (w *window) recover(dry bool, reply map[string]any) {
	r, err := balsa.Recover(balsa.Config{Files: w.files}, dry)
	if err != nil {
		reply["refused"] = err.Error()
		return
	}
	reply["recovery"] = map[string]any{"known": uint64(r.Known.Index), "last": uint64(r.Last.Index), "term": uint64(r.Last.Term), "members": r.Membership.String()}
}

// fail tells the page that there is no member.
func (w *window) fail(err error) {
	w.page.post("failed", map[string]any{"reason": reasonOf(err), "message": err.Error()})
}

// start opens the node: one that was here before, the first of a new cluster, or one
// that joins who is there.
func (w *window) start(word js.Value) {
	name, addr := word.Get("name").String(), word.Get("addr").String()
	cfg := balsa.Config{
		Name: name, Advertise: addr, Files: w.files, Timing: timing, MaxCommand: maxCommand, SnapshotBytes: snapshotBytes,
		MaxVoters: -1, // the steward's business
		Logger:    slog.New(slog.DiscardHandler),
	}
	var err error
	if w.transport, err = webrtc.New(addr, w.page.dial, webrtc.Options{Logger: cfg.Logger}); err != nil {
		w.fail(err)
		return
	}
	cfg.Transport = w.transport
	atServers := word.Get("servers").Truthy()
	if atServers {
		cfg.Transport = toServers{w.transport}
	}
	if word.Get("found").Truthy() {
		cfg.Cluster = map[string]string{name: addr}
	}
	for i := range word.Get("join").Length() {
		cfg.Join = append(cfg.Join, word.Get("join").Index(i).String())
	}
	own := replica{w.page, w.results}
	var state state = &own
	if word.Get("hash").Truthy() {
		state = &hashed{own}
	}
	if w.node, err = balsa.Open(context.Background(), cfg, state); err != nil {
		w.fail(err)
		return
	}
	w.calls = newCalls(w.page, w.node)
	w.page.post("started", map[string]any{"json": w.status().json()})
	rules := steward.OfWindows()
	if word.Get("memoryVotes").Truthy() {
		rules.MayVote = nil
	}
	if !atServers { // who have a steward of their own
		go w.keepVoters(rules)
	}
	go w.keepStatus()
}

// toServers is the transport of a window that belongs to servers: it has no way to other
// windows, and needs none.
type toServers struct{ *webrtc.Transport }

func (t toServers) Connect(peers []wire.Peer) {
	t.Transport.Connect(slices.DeleteFunc(slices.Clone(peers), func(p wire.Peer) bool { return strings.HasPrefix(p.Addr, ofWindows) }))
}

// ofWindows begins the addresses of windows.
const ofWindows = "room:"

// state is a state machine of either kind: one compilation of the node serves both.
type state = balsa.StateMachine[*command, *result]

type node = balsa.Node[state, *command, *result]

// console is the log: one line a message, for the page to print.
type console struct{ page *page }

func (c console) Write(line []byte) (int, error) {
	c.page.post("log", map[string]any{"line": string(line)})
	return len(line), nil
}

func (w *window) keepVoters(rules steward.Rules) {
	steward.Keep(context.Background(), w.node, rules, func(did string, err error) {
		console{w.page}.Write(fmt.Appendf(nil, "level=INFO msg=%q error=%v\n", did, err))
	})
}

// status is what the page shows of this member.
type status struct {
	balsa.Status
	IsDurable bool     `json:"is_durable"`
	Stopped   *problem `json:"stopped,omitempty"`
}

func (w *window) status() status { return status{Status: w.node.Status(), IsDurable: w.durable} }

func (s status) json() string {
	text, _ := json.Marshal(s) // it has nothing that JSON cannot write
	return string(text)
}

func (w *window) keepStatus() {
	ticker := time.NewTicker(statusPause)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			w.tellStatus(w.status())
		case <-w.node.Done():
			s := w.status()
			if err := cmp.Or(w.broken, w.node.Err()); err != nil {
				s.Stopped = &problem{reasonOf(err), err.Error()}
			}
			w.tellStatus(s)
			return
		}
	}
}

func (w *window) tellStatus(s status) {
	text := s.json()
	if text == w.last {
		return
	}
	w.last = text
	w.page.post("status", map[string]any{"json": w.last})
}

// threw ends this member, whose reducer has thrown at an entry: its state is not that of
// the others any more. Whoever asks it for something hears why.
func (w *window) threw(at wire.Index, what string) {
	w.broken = &balsa.ApplyPanicError{Index: at, Value: what}
	w.results.end(w.broken)
	go w.node.Close()
}

// handOver gives leadership to another window, if there is one: this one is hidden now.
func (w *window) handOver() {
	if w.node == nil || w.node.Status().Role != "leader" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), leaving)
	defer cancel()
	if err := w.node.TransferLeadership(ctx, 0); err != nil {
		console{w.page}.Write(fmt.Appendf(nil, "level=INFO msg=\"this window is hidden, and nobody else could lead\" error=%q\n", err))
	}
}

// close leaves in order: a voter says that it does not vote any more, so that the others
// go on without it.
func (w *window) close() {
	if w.node != nil {
		w.leave()
		if err := w.node.Close(); err != nil {
			console{w.page}.Write(fmt.Appendf(nil, "level=WARN msg=\"closing\" error=%q\n", err))
		}
	}
	w.page.post("closed", nil)
}

func (w *window) leave() {
	s := w.node.Status()
	voters := 0
	var own balsa.MemberStatus
	for _, m := range s.Members {
		if m.Role == "voter" {
			voters++
		}
		if m.ID == s.ID {
			own = m
		}
	}
	if s.Leader == "" || own.ID == 0 || own.Role == "voter" && voters < 2 {
		return
	}
	// A learner says it, too: the leader may just be giving it a vote, and would wait for
	// that vote for good.
	ctx, cancel := context.WithTimeout(context.Background(), leaving)
	defer cancel()
	_ = w.node.AddMember(ctx, balsa.Member{ID: own.ID, Name: own.Name, Addr: own.Addr, Role: balsa.Learner})
}
