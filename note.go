package balsa

import (
	"fmt"
	"time"

	"github.com/balsaraft/balsa/host"
)

// MaxNote bounds a note of Tell, in bytes.
const MaxNote = host.MaxNote

// Note is what another member has said last by Tell.
type Note struct {
	From MemberID
	Data []byte
	// Heard is when, by this process's clock.
	Heard time.Time
}

// Tell sends a note to all members to which this one has a connection, once: it is not
// written down, and who cannot be reached now never gets it. It is for what programs
// around the members tell each other, such as where else they listen; it need not be
// true, nor in any order with what is in the log. It does not wait for anybody.
//
// Errors: ErrTooLarge for a note over MaxNote bytes, ErrClosed.
func (n *Node[S, C, R]) Tell(note []byte) error {
	if len(note) > MaxNote {
		return fmt.Errorf("balsa: tell the other members: %w: a note of %d bytes, the limit is %d", ErrTooLarge, len(note), MaxNote)
	}
	if !n.ask(func() { n.host.Tell(note) }) {
		return ErrClosed
	}
	return nil
}

// Notes are the last note of each other member that has told one since this member
// started, in order of their identities. None are left once the node has ended.
func (n *Node[S, C, R]) Notes() (all []Note) {
	n.ask(func() {
		now := time.Now()
		since := n.clock.now().Mono
		for _, note := range n.host.Notes() {
			all = append(all, Note{From: note.From, Data: note.Data, Heard: now.Add(note.Heard - since)})
		}
	})
	return all
}
