package grpc

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
)

// A message of a call is a piece of a stream of bytes:
//
//	u8   0: not compressed
//	u32  length of what follows, big endian
//	u8   0x0a: field 1, of known length, of google.protobuf.BytesValue
//	     uvarint length of what follows
//	     bytes
//
// An empty message, of length 0, is an empty piece.
const (
	pieceHead  = 5
	bytesField = 0x0a
	// maxPiece bounds a piece, in bytes: gRPC's readers take messages of up to 4 MiB
	// unless told otherwise.
	maxPiece = 1 << 20
)

var errPiece = errors.New("malformed message of the call")

// appendHead adds what stands before so many bytes.
func appendHead(b []byte, size int) []byte {
	start := len(b)
	b = append(b, 0, 0, 0, 0, 0, bytesField)
	b = binary.AppendUvarint(b, uint64(size))
	binary.BigEndian.PutUint32(b[start+1:], uint32(len(b)-start-pieceHead+size))
	return b
}

// reading is a stream of bytes that comes in pieces.
type reading struct {
	in   *bufio.Reader
	left int // of the piece
}

// newReading reads at most so many bytes at once. What is larger goes past its buffer,
// and the inner one is there for heads.
func newReading(r io.Reader, size int) *bufio.Reader {
	return bufio.NewReaderSize(&reading{in: bufio.NewReaderSize(r, min(size, 4<<10))}, size)
}

func (r *reading) Read(p []byte) (int, error) {
	for r.left == 0 {
		if err := r.next(); err != nil {
			return 0, err
		}
	}
	n, err := r.in.Read(p[:min(len(p), r.left)])
	r.left -= n
	if r.left > 0 {
		err = within(err)
	}
	return n, err
}

// next reads the head of a piece. io.EOF says that the stream ended before it.
func (r *reading) next() error {
	var head [pieceHead]byte
	if _, err := io.ReadFull(r.in, head[:]); err != nil {
		return err
	}
	size := int64(binary.BigEndian.Uint32(head[1:]))
	switch {
	case head[0] != 0:
		return fmt.Errorf("%w: it is compressed", errPiece)
	case size == 0:
		return nil
	}
	field, err := r.in.ReadByte()
	if err != nil {
		return within(err)
	}
	left, err := binary.ReadUvarint(r.in)
	if err != nil {
		return within(err)
	}
	if before := len(binary.AppendUvarint(nil, left)) + 1; field != bytesField || left > uint64(size) || int64(before)+int64(left) != size {
		return fmt.Errorf("%w: it is no google.protobuf.BytesValue", errPiece)
	}
	r.left = int(left)
	return nil
}

// within is an error in the middle of a piece.
func within(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// writing is the body of a request: HTTP/2 reads from it what Write is given, copying it
// into frames, and Write waits for that. Close may be called by any goroutine.
type writing struct {
	mu     sync.Mutex
	moved  *sync.Cond // when any of these changes
	parts  [][]byte
	left   int    // bytes of parts
	head   []byte // of the piece that is being read, what is left of it
	piece  int    // bytes of parts that belong to the piece
	closed bool
	room   [16]byte // for head
}

func newWriting() *writing {
	w := &writing{}
	w.moved = sync.NewCond(&w.mu)
	return w
}

// Write hands over buffers, and keeps none of them.
func (w *writing) Write(parts [][]byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.parts = parts
	for _, part := range parts {
		w.left += len(part)
	}
	w.moved.Broadcast()
	for w.left > 0 && !w.closed {
		w.moved.Wait()
	}
	w.parts = nil
	if w.closed {
		return io.ErrClosedPipe
	}
	return nil
}

func (w *writing) Read(p []byte) (n int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.left == 0 && !w.closed {
		w.moved.Wait()
	}
	if w.closed {
		return 0, io.EOF
	}
	n = w.fill(p)
	if w.left == 0 {
		w.moved.Broadcast()
	}
	return n, nil
}

func (w *writing) fill(p []byte) (n int) {
	for n < len(p) {
		switch {
		case len(w.head) > 0:
			done := copy(p[n:], w.head)
			w.head = w.head[done:]
			n += done
		case w.piece > 0:
			part := w.parts[0]
			done := copy(p[n:], part[:min(len(part), w.piece)])
			w.piece -= done
			w.left -= done
			n += done
			if w.parts[0] = part[done:]; done == len(part) {
				w.parts = w.parts[1:]
			}
		case w.left > 0:
			w.piece = min(w.left, maxPiece)
			w.head = appendHead(w.room[:0], w.piece)
		default:
			return n
		}
	}
	return n
}

func (w *writing) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.moved.Broadcast()
	return nil
}
