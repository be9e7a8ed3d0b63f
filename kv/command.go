package kv

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/balsaraft/balsa"
)

// Op says what a Command does.
type Op uint8

const (
	Put    Op = iota + 1 // give the key a value
	Delete               // remove the key
)

func (o Op) String() string {
	switch o {
	case Put:
		return "put"
	case Delete:
		return "delete"
	}
	return fmt.Sprintf("op(%d)", uint8(o))
}

// Command changes one key. With a Condition it is a compare-and-set. There is no
// command that reads: a read needs no place in the log.
type Command struct {
	Op    Op
	Key   string
	Value []byte    // for Put
	If    Condition // what must hold, else nothing changes
}

// commandVersion is the first byte of every encoded command and result.
const commandVersion = 1

// ErrMalformed says that bytes are not the encoding of what they should be.
var ErrMalformed = errors.New("malformed")

// MarshalBinary encodes the command. Errors: *LimitError, or ErrMalformed for an
// unknown operation or condition.
//
//	size  field
//	1     version, 1
//	1     op
//	1     condition
//	…     key: uvarint length, bytes
//	…     value: uvarint length, bytes             if op is put
//	…     uvarint version                          if the condition is version-is
//	…     value: uvarint length, bytes             if the condition is value-is
func (c Command) MarshalBinary() ([]byte, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	const lengths = 3 + 4*binary.MaxVarintLen64
	b := make([]byte, 0, lengths+len(c.Key)+len(c.Value)+len(c.If.Value))
	b = append(b, commandVersion, byte(c.Op), byte(c.If.Kind))
	b = appendBytes(b, c.Key)
	if c.Op == Put {
		b = appendBytes(b, c.Value)
	}
	switch c.If.Kind {
	case VersionIs:
		b = binary.AppendUvarint(b, uint64(c.If.Version))
	case ValueIs:
		b = appendBytes(b, c.If.Value)
	}
	return b, nil
}

func (c Command) check() error {
	switch {
	case c.Op != Put && c.Op != Delete:
		return fmt.Errorf("%w command: unknown %s", ErrMalformed, c.Op)
	case c.If.Kind > ValueIs:
		return fmt.Errorf("%w command: unknown %s", ErrMalformed, c.If.Kind)
	}
	return cmp.Or(CheckKey(c.Key), CheckValue(c.Value), CheckValue(c.If.Value))
}

// UnmarshalBinary decodes what MarshalBinary wrote and keeps no part of b. It takes
// nothing else: what decodes encodes to the same bytes.
func (c *Command) UnmarshalBinary(b []byte) error {
	d := decoder{rest: b}
	d.version()
	*c = Command{Op: Op(d.byte()), If: Condition{Kind: ConditionKind(d.byte())}}
	c.Key = string(d.bytes(MaxKey))
	if c.Op == Put {
		c.Value = append([]byte{}, d.bytes(MaxValue)...)
	}
	switch c.If.Kind {
	case VersionIs:
		c.If.Version = balsa.Index(d.uvarint())
	case ValueIs:
		c.If.Value = append([]byte{}, d.bytes(MaxValue)...)
	}
	if err := d.finish(); err != nil {
		return fmt.Errorf("%w command: %w", ErrMalformed, err)
	}
	return c.check()
}
