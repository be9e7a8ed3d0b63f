package main

import (
	"errors"
	"sync"
	"syscall/js"
)

// page is the window that this Worker belongs to. Words go to it by post, questions by
// ask. Its methods may be called from any goroutine; ask waits, so never from receive.
type page struct {
	scope js.Value // what worker.js has for this program
	say   js.Value // sends bytes

	mu      sync.Mutex
	next    uint32
	waiting map[uint32]chan answer
}

// answer is what the page says to a question: bytes, a channel, or a word that says why
// there is neither.
type answer struct {
	data    []byte
	word    js.Value
	channel *channel
}

// err is why the page could not do what it was asked.
func (a answer) err() error {
	if a.data == nil && a.word.Get("error").Truthy() {
		return errors.New(a.word.Get("error").String())
	}
	return nil
}

var uint8Array = js.Global().Get("Uint8Array")

func newPage() *page {
	scope := js.Global().Get("balsa")
	return &page{scope: scope, say: scope.Get("post"), waiting: map[uint32]chan answer{}}
}

// post sends a word.
func (p *page) post(kind string, fields map[string]any) {
	word := js.Global().Get("Object").New()
	word.Set("type", kind)
	for name, value := range fields {
		word.Set(name, value)
	}
	js.Global().Call("postMessage", word)
}

// postBytes sends a word with bytes and, if it is a question, the token of its answer.
func (p *page) postBytes(kind js.Value, token uint32, b []byte) {
	bytes := uint8Array.New(len(b))
	js.CopyBytesToJS(bytes, b)
	p.say.Invoke(kind, token, bytes)
}

// Kinds of words that are said often.
var (
	wordApply    = js.ValueOf("apply")
	wordLoad     = js.ValueOf("load")
	wordOutcomes = js.ValueOf("outcomes")
)

// ask sends a question with the token that its answer comes with, and waits for it.
func (p *page) ask(send func(token uint32)) answer {
	answered := make(chan answer, 1)
	p.mu.Lock()
	p.next++
	token := p.next
	p.waiting[token] = answered
	p.mu.Unlock()
	send(token)
	return <-answered
}

func (p *page) askBytes(kind js.Value, b []byte) answer {
	return p.ask(func(token uint32) { p.postBytes(kind, token, b) })
}

func (p *page) askWord(kind string, fields map[string]any) answer {
	return p.ask(func(token uint32) {
		all := map[string]any{"token": token}
		for name, value := range fields {
			all[name] = value
		}
		p.post(kind, all)
	})
}

// answered hands an answer to who asked.
func (p *page) answered(token uint32, a answer) {
	p.mu.Lock()
	answered := p.waiting[token]
	delete(p.waiting, token)
	p.mu.Unlock()
	if answered != nil {
		answered <- a
	}
}
