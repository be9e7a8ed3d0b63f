package kv

import (
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// When the list of its files cannot be synced, the store cannot go on, and says so to who
// can end the process.
func TestAStoreThatCannotGoOnTellsItsOpener(t *testing.T) {
	var fails atomic.Bool
	broken := errors.New("input/output error")
	files := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if fails.Load() && op.Kind == errorfs.OpFileSync && strings.Contains(op.Path, "MANIFEST") {
			return broken
		}
		return nil
	}))
	told := make(chan error, 1)
	m, err := open(files, "kv", Options{Logger: slog.New(slog.DiscardHandler), Fatal: func(err error) {
		select {
		case told <- err:
		default:
		}
		select {} // it must not return
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Alone(m).Put(t.Context(), "k", []byte("v")); err != nil {
		t.Fatal(err)
	}
	fails.Store(true)
	go m.db.Flush() // waits for ever, and with it all else: the store is not closed
	if err := <-told; !errors.Is(err, broken) || !strings.Contains(err.Error(), "the store cannot go on") {
		t.Errorf("it says %v", err)
	}
}
