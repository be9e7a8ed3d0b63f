package main

import (
	"encoding/binary"
	"math"
)

// appendCommandsHead begins commands that are packed.
func appendCommandsHead(b []byte, count int, now bool, come uint64) []byte {
	b = append(binary.LittleEndian.AppendUint32(b, uint32(count)), 0)
	if now {
		b[len(b)-1] = 1
	}
	return appendNumber(b, come)
}

// appendNumber adds a number as JavaScript has them.
func appendNumber(b []byte, n uint64) []byte {
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(float64(n)))
}

// appendCommand adds one of the commands.
func appendCommand(b []byte, index uint64, milliseconds, chance float64, command []byte) []byte {
	b = appendNumber(b, index)
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(milliseconds))
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(chance))
	return appendBytes(b, command)
}

// appendOutcome adds one of the outcomes that are packed behind their count.
func appendOutcome(b []byte, call uint32, v verdict, bytes []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, call)
	return appendBytes(append(b, byte(v)), bytes)
}

// verdict says what became of a call.
type verdict byte

const (
	done         verdict = 0 // the bytes are its result
	notCommitted verdict = 1 // the bytes are an error, as JSON
	unknown      verdict = 2 // the same
	doneLater    verdict = 3 // the bytes are the number of the command that has its result
)
