// Package history judges what callers of a key-value store saw: whether one order of
// all their operations explains every answer (linearizability), and whether each
// answer is one that the store may give at all.
//
// A load records an Op for each request. Judge takes those of one key, says what broke
// a promise, and refuses nothing that a correct store could have answered, an unknown
// outcome above all: such an operation may take effect at any later time, or never.
package history

import "fmt"

// Kind is what was asked.
type Kind uint8

const (
	Get Kind = iota
	Put
	Delete
)

func (k Kind) String() string { return [...]string{"get", "put", "del"}[k] }

// Condition is under which a write was to happen.
type Condition uint8

const (
	Always    Condition = iota
	IfAbsent            // the key has no value
	IfVersion           // the key's value has Op.Expect as its version
)

// Outcome is what the caller knows.
type Outcome uint8

const (
	Unknown   Outcome = iota // no answer, or one that leaves it open
	Done                     // 200
	NotFound                 // 404: there was no value
	Different                // 412: the condition did not hold
	Refused                  // it surely did not happen and never will
)

func (o Outcome) String() string {
	return [...]string{"unknown", "done", "not found", "different", "refused"}[o]
}

// Version numbers the changes of a store: a key's version is that of the write that
// gave it its value, and no two writes have one. 0 is none that is known.
type Version uint64

// Op is one request and what became of it.
type Op struct {
	Client    int
	Member    string // who was asked
	Key       string
	Kind      Kind
	Condition Condition
	Expect    Version // with IfVersion
	// Value is what a put wrote, unique to it, or what a get found.
	Value   string
	Version Version // that a write got or a get found
	Outcome Outcome
	// Call and Return are by one clock, in nanoseconds. Return of an operation that
	// is Unknown has no meaning.
	Call, Return int64
}

func (o Op) String() string {
	s := fmt.Sprintf("%.6f-%.6f client %d asks %s: %s %s", float64(o.Call)/1e9, float64(o.Return)/1e9, o.Client, o.Member, o.Kind, o.Key)
	if o.Kind == Put {
		s += " " + o.Value
	}
	switch o.Condition {
	case IfAbsent:
		s += " if absent"
	case IfVersion:
		s += fmt.Sprintf(" if at %d", o.Expect)
	}
	s += ": " + o.Outcome.String()
	if o.Outcome == Done {
		if o.Kind == Get {
			s += " " + o.Value
		}
		s += fmt.Sprintf(" at %d", o.Version)
	}
	return s
}
