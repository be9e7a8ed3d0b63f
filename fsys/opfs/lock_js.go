package opfs

import (
	"fmt"
	"io"
	"sync"
	"syscall/js"

	"github.com/balsaraft/balsa/fsys"
)

// Lock takes the Web Lock of the directory's name, which the browser frees when the
// Worker ends, however it ends.
func (d *directory) Lock() (io.Closer, error) {
	l, err := takeLock(d)
	if err != nil {
		return nil, fmt.Errorf("lock directory %s: %w", d.lockName, err)
	}
	d.mu.Lock()
	err = d.load()
	d.mu.Unlock()
	if err != nil {
		l.Close()
		return nil, fmt.Errorf("open directory %s: %w", d.lockName, err)
	}
	return l, nil
}

// webLock is a lock that is held until release is called.
type webLock struct {
	directory *directory
	release   js.Value
	released  chan struct{} // closed when the browser has taken the lock back
	once      sync.Once
	err       error
}

func takeLock(d *directory) (*webLock, error) {
	l := &webLock{directory: d, released: make(chan struct{})}
	granted := make(chan bool, 1)
	// The lock is held for as long as the promise that hold returns is not kept.
	var keep, hold js.Func
	keep = js.FuncOf(func(_ js.Value, args []js.Value) any {
		l.release = args[0]
		return nil
	})
	hold = js.FuncOf(func(_ js.Value, args []js.Value) any {
		if args[0].IsNull() {
			granted <- false
			return nil
		}
		held := js.Global().Get("Promise").New(keep)
		granted <- true
		return held
	})
	failed := make(chan error, 1)
	go func() {
		defer keep.Release()
		defer hold.Release()
		defer close(l.released)
		_, err := await(js.Global().Get("navigator").Get("locks"), "request", d.lockName, map[string]any{"ifAvailable": true}, hold)
		if err != nil {
			failed <- err
		}
	}()
	select {
	case ok := <-granted:
		if !ok {
			return nil, fmt.Errorf("%w; another window of this browser has it open", fsys.ErrLocked)
		}
		return l, nil
	case err := <-failed:
		return nil, err
	}
}

func (l *webLock) Close() error {
	l.once.Do(func() {
		l.err = l.directory.unload()
		l.release.Invoke()
		<-l.released
	})
	return l.err
}
