package main

import (
	"bytes"
	"sync"
)

// A page says in its own time what commands came to. If Apply waited for that, each
// command would cross to the page and back before its outcome crosses a third time, and
// each of these ways wakes a thread. So the page gets commands in order, keeps what they
// came to, and says it with what it proposes next, or when it is asked; and an outcome
// whose result has not come yet names it by its command's number.
//
// What else is asked of the page is answered after it has run all commands before, so
// that reads, snapshots and hashes see what they would if Apply had waited.

const (
	// askFrom is from how many results on, or bytes of commands, that have not come the
	// page is to say them at once.
	askFrom      = 256
	askFromBytes = 256 << 10
	// mostUnsaid bounds the commands whose results have not come, mostUnsaidBytes their
	// bytes: a page that does not keep up holds Apply up.
	mostUnsaid      = 4096
	mostUnsaidBytes = 4 << 20
)

// results are those of the commands that the page was given. Any goroutine may use it.
type results struct {
	ask func() // tells the page to say what it has

	mu      sync.Mutex
	changed *sync.Cond // what follows has changed
	given   uint64     // how many commands the page got
	waiting []*result  // those whose results have not come, in order
	bytes   int        // of their commands
	err     error      // why none come any more
}

// result is what a command came to, as the page's JSON: a BinaryMarshaler, since it goes
// into snapshots.
type result struct {
	of     *results
	number uint64 // of the command among all that the page got
	size   int    // of the command
	text   []byte // once it has come
	come   bool
}

func newResults(ask func()) *results {
	r := &results{ask: ask}
	r.changed = sync.NewCond(&r.mu)
	return r
}

// expect makes results for commands that the page is to get now, and says how many have
// come before, and whether the page is to say what it has. While too many have not come it
// waits. An error says why there will be none.
func (r *results) expect(commands []*command) (made []*result, come uint64, now bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	size := 0
	for _, c := range commands {
		size += len(c.text)
	}
	for r.err == nil && len(r.waiting) > 0 && (len(r.waiting)+len(commands) > mostUnsaid || r.bytes+size > mostUnsaidBytes) {
		r.changed.Wait()
	}
	if r.err != nil {
		return nil, 0, false, r.err
	}
	come = r.given - uint64(len(r.waiting))
	fresh := make([]result, len(commands))
	made = make([]*result, len(commands))
	for i := range fresh {
		fresh[i] = result{of: r, number: r.given, size: len(commands[i].text)}
		made[i] = &fresh[i]
		r.given++
	}
	r.waiting = append(r.waiting, made...)
	r.bytes += size
	return made, come, len(r.waiting) >= askFrom || r.bytes >= askFromBytes, nil
}

// came takes the next results, in the order of their commands.
func (r *results) came(packed []byte) error {
	texts, err := unpackResults(packed)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil || len(texts) > len(r.waiting) {
		return errPacked
	}
	for i, text := range texts {
		known := r.waiting[i]
		known.text, known.come = text, true
		r.bytes -= known.size
		r.waiting[i] = nil
	}
	r.waiting = r.waiting[len(texts):]
	r.changed.Broadcast()
	return nil
}

// end says that no more will come.
func (r *results) end(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
	}
	r.changed.Broadcast()
}

// known is the result, if it has come.
func (r *result) known() (text []byte, come bool) {
	if r.of == nil { // out of a snapshot
		return r.text, true
	}
	r.of.mu.Lock()
	defer r.of.mu.Unlock()
	return r.text, r.come
}

// MarshalBinary asks for the result if it has not come, and waits for it.
func (r *result) MarshalBinary() ([]byte, error) {
	if text, come := r.known(); come {
		return text, nil
	}
	r.of.ask()
	r.of.mu.Lock()
	defer r.of.mu.Unlock()
	for !r.come && r.of.err == nil {
		r.of.changed.Wait()
	}
	if !r.come {
		return nil, r.of.err
	}
	return r.text, nil
}

// UnmarshalBinary is for what a snapshot holds.
func (r *result) UnmarshalBinary(text []byte) error {
	*r = result{text: bytes.Clone(text)}
	return nil
}
