package grpc

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// TestPiecesAreWhatProtocolBuffersSay: others may speak for members, or look at what they
// say, with nothing but the service's description.
func TestPiecesAreWhatProtocolBuffersSay(t *testing.T) {
	for _, size := range []int{1, 127, 128, 300, 1 << 20} {
		data := bytes.Repeat([]byte{'b'}, size)
		theirs, err := proto.Marshal(wrapperspb.Bytes(data))
		if err != nil {
			t.Fatal(err)
		}
		ours := append(appendHead(nil, size), data...)
		if !bytes.Equal(ours[pieceHead:], theirs) {
			t.Errorf("%d bytes begin with %x, and should with %x", size, ours[pieceHead:][:4], theirs[:4])
		}
		if length := int(ours[1])<<24 | int(ours[2])<<16 | int(ours[3])<<8 | int(ours[4]); length != len(theirs) {
			t.Errorf("the length of %d bytes is %d, and should be %d", size, length, len(theirs))
		}
	}
}

// FuzzPieces: what is written in parts and read through frames of any size is the same
// stream of bytes.
func FuzzPieces(f *testing.F) {
	f.Add([]byte("balsa"), uint8(3), uint16(7))
	f.Add(bytes.Repeat([]byte("wood"), 1000), uint8(200), uint16(4096))
	f.Fuzz(func(t *testing.T, data []byte, part uint8, frame uint16) {
		if len(data) == 0 {
			return
		}
		w := newWriting()
		wrote := make(chan error, 1)
		go func() {
			var parts [][]byte
			for rest := data; len(rest) > 0; {
				n := min(len(rest), int(part)+1)
				parts, rest = append(parts, rest[:n]), rest[n:]
			}
			wrote <- w.Write(parts)
			w.Close()
		}()
		var frames bytes.Buffer
		if _, err := io.CopyBuffer(struct{ io.Writer }{&frames}, struct{ io.Reader }{w}, make([]byte, int(frame)+1)); err != nil {
			t.Fatal(err)
		}
		if err := <-wrote; err != nil {
			t.Fatalf("it was read whole, and yet: %v", err)
		}
		got, err := io.ReadAll(newReading(iotest.OneByteReader(&frames), 64))
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes came as %d: %v", len(data), len(got), err)
		}
	})
}

func TestALargeWriteGoesInPiecesThatGRPCTakes(t *testing.T) {
	const size = 5<<20 + 1
	w := newWriting()
	go func() {
		_ = w.Write([][]byte{make([]byte, 1), make([]byte, size-1)})
		w.Close()
	}()
	all, err := io.ReadAll(w)
	if err != nil {
		t.Fatal(err)
	}
	pieces := 0
	for len(all) > 0 {
		length := int(all[1])<<24 | int(all[2])<<16 | int(all[3])<<8 | int(all[4])
		if length > 4<<20 {
			t.Errorf("a message of %d bytes is more than gRPC's readers take", length)
		}
		all = all[pieceHead+length:]
		pieces++
	}
	if pieces != 6 {
		t.Errorf("%d bytes went in %d pieces", size, pieces)
	}
}

// TestAnEmptyPieceIsNoEnd: it may be a proxy's sign of life.
func TestAnEmptyPieceIsNoEnd(t *testing.T) {
	stream := append(appendHead(nil, 2), "ba"...)
	stream = append(stream, 0, 0, 0, 0, 0)         // no message at all
	stream = append(stream, appendHead(nil, 0)...) // a field without bytes
	stream = append(append(stream, appendHead(nil, 3)...), "lsa"...)
	got, err := io.ReadAll(newReading(bytes.NewReader(stream), 64))
	if string(got) != "balsa" || err != nil {
		t.Errorf("it reads %q, %v", got, err)
	}
}

func TestMalformedPiecesEndTheCall(t *testing.T) {
	whole := append(appendHead(nil, 5), "balsa"...)
	with := func(at int, b byte) []byte {
		c := bytes.Clone(whole)
		c[at] = b
		return c
	}
	for name, c := range map[string]struct {
		stream []byte
		want   error
	}{
		"compressed":            {with(0, 1), errPiece},
		"another field":         {with(5, 0x12), errPiece},
		"more than its message": {with(6, 6), errPiece},
		"less than its message": {with(6, 4), errPiece},
		"cut in the head":       {whole[:3], io.ErrUnexpectedEOF},
		"cut after the head":    {whole[:5], io.ErrUnexpectedEOF},
		"cut in the length":     {whole[:6], io.ErrUnexpectedEOF},
		"cut in the bytes":      {whole[:9], io.ErrUnexpectedEOF},
	} {
		if got, err := io.ReadAll(newReading(bytes.NewReader(c.stream), 64)); !errors.Is(err, c.want) {
			t.Errorf("%s: it reads %q, %v; want %v", name, got, err, c.want)
		}
	}
}

// TestACallThatEndedTakesNothing: nobody waits for a reader that has gone.
func TestACallThatEndedTakesNothing(t *testing.T) {
	w := newWriting()
	wrote := make(chan error)
	go func() { wrote <- w.Write([][]byte{make([]byte, 100)}) }()
	if _, err := w.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if err := <-wrote; !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("who waited hears %v", err)
	}
	if err := w.Write([][]byte{make([]byte, 1)}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("who comes later hears %v", err)
	}
}
