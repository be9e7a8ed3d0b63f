package balsa_test

import (
	"context"
	"io"
	"testing"
	"testing/synctest"

	"github.com/balsaraft/balsa"
)

// gated is a state machine whose commands wait until they may go on. A result is the entry's
// index.
type gated struct {
	begun chan string
	goOn  chan struct{}
}

func (g gated) Apply(e balsa.Entry, command string) balsa.Index {
	g.begun <- command
	<-g.goOn
	return e.Index
}

func (gated) Snapshot() (io.WriterTo, error) { panic("not in this test") }
func (gated) Restore(io.Reader) error        { panic("not in this test") }

// Several batches are applied together, and who waits for the first is answered before the
// last is done. What the status says then must do for AtLeast.
func TestAStatusIsNotBehindAWriteThatWasAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		machine := gated{make(chan string), make(chan struct{})}
		node, err := balsa.Open(context.Background(), balsa.Config{Name: "a"}, machine)
		if err != nil {
			t.Fatal(err)
		}
		answers := make(chan balsa.Index, 3)
		// While the first is applied the others are committed, each in a batch of its own.
		for _, command := range []string{"first", "second", "third"} {
			before := node.Status().Commit
			go func() {
				index, err := node.Propose(context.Background(), command)
				if err != nil {
					t.Error(err)
				}
				answers <- index
			}()
			synctest.Wait()
			if node.Status().Commit <= before {
				t.Fatalf("%s is not committed", command)
			}
			if command == "first" {
				<-machine.begun
			}
		}
		machine.goOn <- struct{}{}
		<-answers
		<-machine.begun
		machine.goOn <- struct{}{}
		second := <-answers
		<-machine.begun // the third stands still, and the second was answered
		if s := node.Status(); s.Applied < second || s.Applied > s.Commit {
			t.Errorf("the write at entry %d was answered, and %s", second, s)
		}
		machine.goOn <- struct{}{}
		<-answers
		if err := node.Close(); err != nil {
			t.Error(err)
		}
	})
}
