// Package reducer runs a web developer's reducer, written in JavaScript, in a Go program:
// the state machine that windows run on their pages is then that of servers, too, which
// keep what windows share while all of them are closed.
//
//	machine, err := reducer.Load("todos.js", source)
//	node, err := balsa.Open(ctx, balsa.Config{…}, machine)
//
// The file is a module that exports what a page gives to open (web/balsa.js): initial,
// apply, and, if it likes, save and load. A page uses the very file:
//
//	import * as todos from "./todos.js";
//	const member = await open({ ...todos, servers, room, secret });
//
// Commands and results are JSON, as bytes; a result that is undefined is empty. The
// interpreter is github.com/grafana/sobek: modern JavaScript without a browser around it,
// and some ten thousand small commands a second. Modules do not import others.
package reducer

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"strings"
	"sync"

	"github.com/grafana/sobek"

	"github.com/balsaraft/balsa"
)

// Machine is a reducer with its state: a balsa.StateMachine. Any goroutine may ask for its
// JSON inside Node.Read; the rest belongs to the node.
type Machine struct {
	name    string
	initial string // as JSON

	mu    sync.Mutex // of what follows: the interpreter does one thing at a time
	vm    *sobek.Runtime
	state sobek.Value

	apply, save, load, query sobek.Callable
	parse, stringify         sobek.Callable
}

// ErrModule is under every error about the file itself.
var ErrModule = errors.New("no reducer")

// Load reads a reducer; name is what errors call its file. Errors are ErrModule: it is no
// module, throws when it is loaded, or does not export what it has to.
func Load(name, source string) (*Machine, error) {
	m := &Machine{name: name, vm: sobek.New()}
	exports, err := m.evaluate(source)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrModule, name, err)
	}
	if err := m.take(exports); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrModule, name, err)
	}
	return m, nil
}

var errImports = errors.New("a reducer imports nothing: it must do the same on all members, wherever they run")

// evaluate runs the module's body.
func (m *Machine) evaluate(source string) (*sobek.Object, error) {
	alone := func(any, string) (sobek.ModuleRecord, error) { return nil, errImports }
	module, err := sobek.ParseModule(m.name, source, alone)
	if err != nil {
		return nil, err
	}
	if err := module.Link(); err != nil {
		return nil, err
	}
	done := m.vm.CyclicModuleRecordEvaluate(module, alone)
	switch done.State() {
	case sobek.PromiseStateRejected:
		return nil, fmt.Errorf("it throws: %s", done.Result())
	case sobek.PromiseStatePending:
		return nil, errors.New("it waits for something, and a reducer must not")
	}
	return m.vm.NamespaceObjectFor(module), nil
}

// take finds what the module has to export, and what it may.
func (m *Machine) take(exports *sobek.Object) error {
	json := m.vm.GlobalObject().Get("JSON").ToObject(m.vm)
	m.parse, _ = sobek.AssertFunction(json.Get("parse"))
	m.stringify, _ = sobek.AssertFunction(json.Get("stringify"))
	m.save, m.load = m.stringify, m.parse
	for name, into := range map[string]*sobek.Callable{"apply": &m.apply, "save": &m.save, "load": &m.load, "query": &m.query} {
		value := exports.Get(name)
		if value == nil {
			continue
		}
		f, ok := sobek.AssertFunction(value)
		if !ok {
			return fmt.Errorf("%s is no function", name)
		}
		*into = f
	}
	initial := exports.Get("initial")
	switch {
	case m.apply == nil:
		return errors.New("it exports no apply(state, command, entry), which changes the state and returns a result")
	case initial == nil || sobek.IsUndefined(initial):
		return errors.New("it exports no initial, the state before the first command")
	}
	var err error
	if m.initial, err = m.write(initial); err != nil {
		return fmt.Errorf("write initial: %w", err)
	}
	m.state, err = m.read(m.initial)
	return err
}

// write is a state as text.
func (m *Machine) write(state sobek.Value) (string, error) {
	text, err := m.save(sobek.Undefined(), state)
	if err != nil {
		return "", err
	}
	return text.String(), nil
}

// read is a state from text.
func (m *Machine) read(text string) (sobek.Value, error) {
	return m.load(sobek.Undefined(), m.vm.ToValue(text))
}

// Apply runs the reducer. What it throws stops this member, as it does a window.
func (m *Machine) Apply(e balsa.Entry, command []byte) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	result, err := m.reduce(e, command)
	if err != nil {
		panic(fmt.Sprintf("apply of %s threw %v at entry %d, the command %.200s", m.name, err, e.Index, command))
	}
	return result
}

func (m *Machine) reduce(e balsa.Entry, command []byte) ([]byte, error) {
	value := sobek.Undefined()
	if len(command) > 0 {
		var err error
		if value, err = m.parse(sobek.Undefined(), m.vm.ToValue(string(command))); err != nil {
			return nil, err
		}
	}
	entry := m.vm.NewObject()
	for name, number := range map[string]float64{"index": float64(e.Index), "time": float64(e.Time.UnixMilli()), "random": float64(e.Seed>>11) / (1 << 53)} {
		if err := entry.Set(name, number); err != nil {
			return nil, err
		}
	}
	result, err := m.apply(sobek.Undefined(), m.state, value, entry)
	if err != nil || sobek.IsUndefined(result) {
		return nil, err
	}
	return m.json(result)
}

// json is a value as JSON, empty for what JSON has no word for.
func (m *Machine) json(value sobek.Value) ([]byte, error) {
	text, err := m.stringify(sobek.Undefined(), value)
	if err != nil || sobek.IsUndefined(text) {
		return nil, err
	}
	return []byte(text.String()), nil
}

// Snapshot captures the state as save writes it.
func (m *Machine) Snapshot() (io.WriterTo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	text, err := m.write(m.state)
	if err != nil {
		return nil, fmt.Errorf("write the state of %s as a snapshot: %w", m.name, err)
	}
	return strings.NewReader(text), nil
}

// Restore replaces the state by what save wrote, here or in a window.
func (m *Machine) Restore(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	state, err := m.read(string(text))
	if err != nil {
		return fmt.Errorf("read a snapshot by load of %s: %w", m.name, err)
	}
	m.state = state
	return nil
}

// StateHash is that of the text, as windows have it.
func (m *Machine) StateHash() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	text, err := m.write(m.state)
	if err != nil {
		panic(fmt.Sprintf("save of %s threw %v", m.name, err))
	}
	sum := fnv.New64a()
	io.WriteString(sum, text)
	return sum.Sum64()
}

// JSON is the state.
func (m *Machine) JSON() ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.json(m.state)
}

// Query answers callers outside: by query(state, question) of the module, where question
// and answer are JSON, and by the whole state if it exports none.
func (m *Machine) Query(question []byte) ([]byte, error) {
	if m.query == nil {
		return m.JSON()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	value := sobek.Undefined()
	var err error
	if len(question) > 0 {
		if value, err = m.parse(sobek.Undefined(), m.vm.ToValue(string(question))); err != nil {
			return nil, fmt.Errorf("a question is JSON: %w", err)
		}
	}
	answer, err := m.query(sobek.Undefined(), m.state, value)
	if err != nil {
		return nil, fmt.Errorf("query of %s threw: %w", m.name, err)
	}
	return m.json(answer)
}
