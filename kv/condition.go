package kv

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"

	"github.com/balsaraft/balsa"
)

// Condition compares something of a key with something given. A key that has no value
// counts as one whose version, creation, count of changes and lease are 0; its value
// compares with nothing.
type Condition struct {
	Key    string
	Of     Field
	Is     Comparison
	Number uint64 // what to compare with
	Value  []byte // what to compare with, for ValueOf
}

// Field says what of a key a Condition looks at.
type Field uint8

const (
	VersionOf  Field = iota + 1 // the log index of its last change
	CreationOf                  // the log index at which it was made
	ChangesOf                   // how often it has changed since, its making included
	LeaseOf                     // its lease
	ValueOf                     // its value
	endOfFields
)

var fieldNames = [...]string{VersionOf: "version", CreationOf: "creation", ChangesOf: "changes", LeaseOf: "lease", ValueOf: "value"}

func (f Field) String() string {
	if f > 0 && f < endOfFields {
		return fieldNames[f]
	}
	return fmt.Sprintf("field(%d)", uint8(f))
}

// Comparison says how what is there must compare with what is given.
type Comparison uint8

const (
	Equal Comparison = iota + 1
	NotEqual
	Less
	Greater
	endOfComparisons
)

var comparisonNames = [...]string{Equal: "=", NotEqual: "≠", Less: "<", Greater: ">"}

func (c Comparison) String() string {
	if c > 0 && c < endOfComparisons {
		return comparisonNames[c]
	}
	return fmt.Sprintf("comparison(%d)", uint8(c))
}

// IfExists holds if the key has a value. Of this condition and those below, Store.Put
// and Store.Delete know the key; elsewhere, name it with On.
func IfExists() Condition { return Condition{Of: CreationOf, Is: NotEqual} }

// IfAbsent holds if the key has no value.
func IfAbsent() Condition { return Condition{Of: CreationOf, Is: Equal} }

// IfVersion holds if the key was last changed at this log index.
func IfVersion(version balsa.Index) Condition {
	return Condition{Of: VersionOf, Is: Equal, Number: uint64(version)}
}

// IfCreated holds if the key was made at this log index. Of a lock's key, the index is
// the lock's token.
func IfCreated(at balsa.Index) Condition {
	return Condition{Of: CreationOf, Is: Equal, Number: uint64(at)}
}

// IfValue holds if the key's value is this one.
func IfValue(value []byte) Condition { return Condition{Of: ValueOf, Is: Equal, Value: value} }

// On is the condition about a key.
func (c Condition) On(key string) Condition {
	c.Key = key
	return c
}

// holds says whether the condition is met by what is stored under its key, nil for
// nothing.
func (c Condition) holds(i *record) bool {
	var order int
	switch {
	case c.Of == ValueOf && i == nil:
		return false
	case c.Of == ValueOf:
		order = bytes.Compare(i.value, c.Value)
	default:
		order = cmp.Compare(i.number(c.Of), c.Number)
	}
	switch c.Is {
	case Equal:
		return order == 0
	case NotEqual:
		return order != 0
	case Less:
		return order < 0
	}
	return order > 0
}

// append encodes the condition: key (uvarint length, bytes), u8 field, u8 comparison,
// then the value (uvarint length, bytes) if the field is that, else the uvarint number.
func (c Condition) append(b []byte) []byte {
	b = appendBytes(b, c.Key)
	b = append(b, byte(c.Of), byte(c.Is))
	if c.Of == ValueOf {
		return appendBytes(b, c.Value)
	}
	return binary.AppendUvarint(b, c.Number)
}

// condition decodes what Condition.append wrote. The value is a part of the input.
func (d *decoder) condition() (c Condition) {
	c.Key = string(d.bytes(MaxKey))
	c.Of, c.Is = Field(d.byte()), Comparison(d.byte())
	if c.Of == ValueOf {
		c.Value = d.bytes(MaxValue)
	} else {
		c.Number = d.uvarint()
	}
	return c
}

func (c Condition) check() error {
	if c.Of == 0 || c.Of >= endOfFields || c.Is == 0 || c.Is >= endOfComparisons {
		return fmt.Errorf("%w command: unknown condition, %s %s", ErrMalformed, c.Of, c.Is)
	}
	return cmp.Or(CheckKey(c.Key), CheckValue(c.Value))
}
