package main

import (
	"fmt"
	"runtime/debug"
	"syscall/js"

	"github.com/balsaraft/balsa/wire"
)

// gcPercent trades some megabytes for time: a member in a window allocates little that
// stays, and one thread does all its work.
const gcPercent = 400

func main() {
	debug.SetGCPercent(gcPercent)
	p := newPage()
	w := &window{page: p, channels: newChannels(p)}
	w.results = newResults(func() { p.post("say", nil) })
	p.scope.Call("serve", js.FuncOf(func(_ js.Value, args []js.Value) any {
		w.receive(args[0], args[1])
		return nil
	}))
	w.page.post("loaded", nil)
	select {}
}

// receive takes what has come in since the last time. It must not wait.
func (w *window) receive(words, events js.Value) {
	packed := make([]byte, events.Length()) // copied first: the next events are written over them
	js.CopyBytesToGo(packed, events)
	if words.Truthy() {
		for i := range words.Length() {
			w.hear(words.Index(i))
		}
	}
	if err := unpackEvents(packed, w.take); err != nil {
		w.fail(err)
	}
}

// take takes an event.
func (w *window) take(e event) {
	switch e.kind {
	case channelData, channelOpened, channelDrained, channelClosed:
		w.channels.take(e)
	case callProposals:
		w.calls.propose(e.bytes)
	case callRead:
		w.calls.read(e.id)
	case callCancel:
		w.calls.cancel(e.id)
	case pageAnswer:
		w.page.answered(e.id, answer{data: e.bytes})
	case pageResults:
		if err := w.results.came(e.bytes); err != nil {
			w.fail(err)
		}
	}
}

// hear takes a word of the page.
func (w *window) hear(word js.Value) {
	kind := word.Get("type").String()
	switch kind {
	case "answer":
		w.page.answered(uint32(word.Get("token").Int()), answer{word: word, channel: w.channels.in(word)})
	case "incoming":
		w.incoming(w.channels.in(word))
	case "here":
		if w.transport != nil {
			w.transport.Here(word.Get("addr").String())
		}
	case "prepare":
		go w.prepare(word)
	case "start":
		go w.start(word)
	case "threw":
		w.threw(wire.Index(word.Get("index").Int()), word.Get("error").String())
	case "hidden":
		go w.handOver()
	case "close":
		go w.close()
	default:
		w.fail(fmt.Errorf("%w: %q is no word that is known here", errPacked, kind))
	}
}

// incoming is a channel that another member has made.
func (w *window) incoming(c *channel) {
	if w.transport == nil {
		c.Close()
		return
	}
	w.transport.Accept(c)
}
