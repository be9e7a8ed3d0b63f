package restoring

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/balsaraft/balsa/wire"
)

// ID tells one restore from others. It is drawn at random by who begins it.
type ID uint64

func (id ID) String() string { return fmt.Sprintf("%016x", uint64(id)) }

// Step is what an entry of a restore is for.
type Step uint8

const (
	// StepPiece brings a piece of the state.
	StepPiece Step = 1
	// StepFinish makes the pieces the state.
	StepFinish Step = 2
	// StepGiveUp ends the restore, and nothing has changed.
	StepGiveUp Step = 3
)

// ErrEntry is under every error about the form of an entry of a restore.
var ErrEntry = errors.New("malformed restore entry")

// Entry is what stands in an entry of kind restore, behind the session.Envelope of the
// member that brings it to the log:
//
//	u8       step: 1 a piece, 2 finish, 3 give up
//	u64      the restore
//	a piece: uvarint its number, from 0; then its bytes
//	finish:  uvarint pieces, uvarint bytes of them all, uvarint the last index in the backup,
//	         u32 CRC-32C of the pieces' bytes, one after the other
type Entry struct {
	Step   Step
	ID     ID
	Number int    // of a piece
	Data   []byte // of a piece
	Finish Finish
}

// Finish says what all pieces together are.
type Finish struct {
	Pieces int
	Bytes  int64
	// Beyond is the last index in the backup. The state speaks of entries up to there, so
	// that those which come after it must have greater ones.
	Beyond wire.Index
	Sum    uint32
}

// MaxHead is the most bytes in front of a piece's own.
const MaxHead = 1 + 8 + binary.MaxVarintLen64

// MaxPieces bounds the pieces of a restore.
const MaxPieces = 1 << 26

// AppendPiece adds what stands in front of a piece's bytes to b.
func AppendPiece(b []byte, id ID, number int) []byte {
	return binary.AppendUvarint(head(b, StepPiece, id), uint64(number))
}

// AppendFinish adds the last entry of a restore to b.
func AppendFinish(b []byte, id ID, f Finish) []byte {
	b = binary.AppendUvarint(head(b, StepFinish, id), uint64(f.Pieces))
	b = binary.AppendUvarint(b, uint64(f.Bytes))
	b = binary.AppendUvarint(b, uint64(f.Beyond))
	return binary.LittleEndian.AppendUint32(b, f.Sum)
}

// AppendGiveUp adds the entry that ends a restore without an effect to b.
func AppendGiveUp(b []byte, id ID) []byte { return head(b, StepGiveUp, id) }

func head(b []byte, s Step, id ID) []byte {
	return binary.LittleEndian.AppendUint64(append(b, byte(s)), uint64(id))
}

// Cut reads an entry. Data is a part of b.
func Cut(b []byte) (e Entry, err error) {
	if len(b) < 9 {
		return e, fmt.Errorf("%w: %d bytes", ErrEntry, len(b))
	}
	e.Step, e.ID = Step(b[0]), ID(binary.LittleEndian.Uint64(b[1:]))
	switch b = b[9:]; e.Step {
	case StepPiece:
		number, n := binary.Uvarint(b)
		if n <= 0 || number >= MaxPieces {
			return e, fmt.Errorf("%w: a piece of number %d", ErrEntry, number)
		}
		e.Number, e.Data = int(number), b[n:]
	case StepFinish:
		e.Finish, err = cutFinish(b)
	case StepGiveUp:
		if len(b) > 0 {
			err = fmt.Errorf("%w: %d bytes behind a giving up", ErrEntry, len(b))
		}
	default:
		err = fmt.Errorf("%w: step %d is not known", ErrEntry, e.Step)
	}
	return e, err
}

func cutFinish(b []byte) (f Finish, err error) {
	var numbers [3]uint64
	for i := range numbers {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return f, fmt.Errorf("%w: the finish is cut off", ErrEntry)
		}
		numbers[i], b = v, b[n:]
	}
	if numbers[0] > MaxPieces || int64(numbers[1]) < 0 || len(b) != 4 {
		return f, fmt.Errorf("%w: a finish of %d pieces, %d bytes, with %d behind it", ErrEntry, numbers[0], numbers[1], len(b))
	}
	return Finish{int(numbers[0]), int64(numbers[1]), wire.Index(numbers[2]), binary.LittleEndian.Uint32(b)}, nil
}
