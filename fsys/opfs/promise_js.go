package opfs

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall/js"

	"github.com/balsaraft/balsa/fsys"
)

// thrownError is what the browser threw.
type thrownError struct{ Name, Message string }

func (e *thrownError) Error() string { return e.Name + ": " + e.Message }

// Unwrap is the name that package fsys has for it.
func (e *thrownError) Unwrap() error {
	switch e.Name {
	case "QuotaExceededError":
		return fsys.ErrNoSpace
	case "NotFoundError":
		return fs.ErrNotExist
	case "NoModificationAllowedError":
		return fsys.ErrLocked
	case "NotAllowedError", "SecurityError":
		return fs.ErrPermission
	case "InvalidStateError":
		return fs.ErrClosed
	}
	return nil
}

func thrown(v js.Value) error {
	if v.Type() != js.TypeObject {
		return errors.New(v.String())
	}
	return &thrownError{Name: v.Get("name").String(), Message: v.Get("message").String()}
}

// call calls a method; what it throws becomes an error.
func call(v js.Value, method string, args ...any) (result js.Value, err error) {
	defer func() {
		if value := recover(); value != nil {
			e, ok := value.(js.Error)
			if !ok {
				panic(value)
			}
			err = thrown(e.Value)
		}
	}()
	return v.Call(method, args...), nil
}

// await calls a method and waits for what its promise comes to. It must not be called in
// a callback from JavaScript, which would wait for itself.
func await(v js.Value, method string, args ...any) (js.Value, error) {
	promise, err := call(v, method, args...)
	if err != nil {
		return js.Undefined(), err
	}
	type outcome struct {
		value js.Value
		err   error
	}
	settled := make(chan outcome, 1)
	kept := js.FuncOf(func(_ js.Value, args []js.Value) any {
		settled <- outcome{value: first(args)}
		return nil
	})
	defer kept.Release()
	broken := js.FuncOf(func(_ js.Value, args []js.Value) any {
		settled <- outcome{err: thrown(first(args))}
		return nil
	})
	defer broken.Release()
	promise.Call("then", kept, broken)
	o := <-settled
	return o.value, o.err
}

func first(args []js.Value) js.Value {
	if len(args) == 0 {
		return js.Undefined()
	}
	return args[0]
}

// about says what was done to which file.
func about(op, name string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, fsys.ErrNoSpace) {
		err = fmt.Errorf("%w; make room on this device, or let this page store more", err)
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}
