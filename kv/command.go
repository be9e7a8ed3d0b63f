package kv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// Command is a transaction: if all conditions hold then these operations, else those.
// It is atomic: members apply all of it at one log index, and where one operation fails
// none has happened. The zero Command changes nothing by itself; like every command it
// lets expire what is due.
//
// A later operation sees what an earlier one has done. Of a key that several of them
// change, watches see one change.
type Command struct {
	If   []Condition
	Then []Op
	Else []Op
}

// Do is the Command of some operations without a condition.
func Do(ops ...Op) Command { return Command{Then: ops} }

// commandVersion is the first byte of every encoded command and result.
const commandVersion = 2

// ErrMalformed says that bytes are not the encoding of what they should be.
var ErrMalformed = errors.New("malformed")

// MarshalBinary encodes the command. Errors: *LimitError, or ErrMalformed for what no
// member could carry out.
//
//	size  field
//	1     version, 2
//	…     uvarint number of conditions, then each
//	…     uvarint number of operations if they hold, then each
//	…     uvarint number of operations else, then each
func (c Command) MarshalBinary() ([]byte, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	b := c.append(make([]byte, 0, c.roughSize()))
	if len(b) > MaxCommand {
		return nil, &LimitError{"command", len(b), MaxCommand}
	}
	return b, nil
}

func (c Command) append(b []byte) []byte {
	b = append(b, commandVersion)
	b = binary.AppendUvarint(b, uint64(len(c.If)))
	for _, condition := range c.If {
		b = condition.append(b)
	}
	for _, ops := range [...][]Op{c.Then, c.Else} {
		b = binary.AppendUvarint(b, uint64(len(ops)))
		for _, o := range ops {
			b = o.append(b)
		}
	}
	return b
}

func (c Command) roughSize() int {
	const around = 3 * binary.MaxVarintLen64
	size := around
	for _, condition := range c.If {
		size += around + len(condition.Key) + len(condition.Value)
	}
	for _, ops := range [...][]Op{c.Then, c.Else} {
		for _, o := range ops {
			size += around + len(o.Key) + len(o.End) + len(o.Value)
		}
	}
	return size
}

// Check says whether the command can be carried out, with the errors of MarshalBinary.
func (c Command) Check() error {
	if c.roughSize() > MaxCommand {
		_, err := c.MarshalBinary()
		return err
	}
	return c.check()
}

// check is Check but for the size as a whole.
func (c Command) check() error {
	if n := max(len(c.If), len(c.Then), len(c.Else)); n > MaxOps {
		return fmt.Errorf("%w command: %d operations or conditions, the limit is %d", ErrMalformed, n, MaxOps)
	}
	for _, condition := range c.If {
		if err := condition.check(); err != nil {
			return err
		}
	}
	for _, ops := range [...][]Op{c.Then, c.Else} {
		for _, o := range ops {
			if err := o.check(); err != nil {
				return err
			}
		}
	}
	return nil
}

// UnmarshalBinary decodes what MarshalBinary wrote and keeps no part of b. It takes
// nothing else: what decodes encodes to the same bytes.
func (c *Command) UnmarshalBinary(b []byte) error {
	if len(b) > MaxCommand {
		return &LimitError{"command", len(b), MaxCommand}
	}
	d := decoder{rest: slices.Clone(b)}
	d.version()
	*c = Command{}
	for range d.count(MaxOps) {
		c.If = append(c.If, d.condition())
	}
	for _, ops := range [...]*[]Op{&c.Then, &c.Else} {
		for range d.count(MaxOps) {
			*ops = append(*ops, d.op())
		}
	}
	if err := d.finish(); err != nil {
		return fmt.Errorf("%w command: %w", ErrMalformed, err)
	}
	return c.check()
}
