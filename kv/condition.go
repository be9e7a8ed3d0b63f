package kv

import (
	"bytes"
	"fmt"

	"github.com/balsaraft/balsa"
)

// Condition is what a Command insists on before it changes anything. The zero
// Condition holds always.
type Condition struct {
	Kind    ConditionKind
	Version balsa.Index // for VersionIs
	Value   []byte      // for ValueIs
}

// ConditionKind says what a Condition looks at.
type ConditionKind uint8

const (
	Always    ConditionKind = iota // holds always
	Exists                         // the key has a value
	Absent                         // the key has none
	VersionIs                      // the key's version is this one
	ValueIs                        // the key's value is this one
)

var conditionNames = [...]string{"always", "exists", "absent", "version-is", "value-is"}

func (k ConditionKind) String() string {
	if int(k) < len(conditionNames) {
		return conditionNames[k]
	}
	return fmt.Sprintf("condition(%d)", uint8(k))
}

// IfExists holds if the key has a value.
func IfExists() Condition { return Condition{Kind: Exists} }

// IfAbsent holds if the key has no value.
func IfAbsent() Condition { return Condition{Kind: Absent} }

// IfVersion holds if the key was last changed at this log index.
func IfVersion(version balsa.Index) Condition { return Condition{Kind: VersionIs, Version: version} }

// IfValue holds if the key's value is this one.
func IfValue(value []byte) Condition { return Condition{Kind: ValueIs, Value: value} }

// holds says whether the condition is met by what is stored under a key, if anything.
func (c Condition) holds(i item, exists bool) bool {
	switch c.Kind {
	case Exists:
		return exists
	case Absent:
		return !exists
	case VersionIs:
		return exists && i.version == c.Version
	case ValueIs:
		return exists && bytes.Equal(i.value, c.Value)
	}
	return true
}
