package snapshot

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// streamed is the file of a snapshot, as an Encoder with small blocks writes it.
func streamed(t testing.TB, meta Meta, state []byte) []byte {
	t.Helper()
	var file bytes.Buffer
	e, err := newEncoder(&file, meta, 100)
	must(t, err)
	_, err = e.Write(state)
	must(t, errors.Join(err, e.Close()))
	return file.Bytes()
}

// decoded reads what streamed wrote.
func decoded(file []byte) (Meta, []byte, error) {
	d, err := NewDecoder(bytes.NewReader(file), "the stream")
	if err != nil {
		return Meta{}, nil, err
	}
	state, err := io.ReadAll(iotest.HalfReader(d))
	return d.Meta(), state, err
}

func TestAStreamHasTheBytesOfTheFile(t *testing.T) {
	state := bytes.Repeat([]byte("state "), 50)
	var file bytes.Buffer
	e, err := newEncoder(&file, metaAt(7), small)
	must(t, err)
	_, err = e.Write(state)
	must(t, errors.Join(err, e.Close()))
	if !bytes.Equal(file.Bytes(), raw(t, metaAt(7), state)) {
		t.Error("an Encoder writes otherwise than a Writer")
	}
}

func TestAStreamIsReadAsItWasWritten(t *testing.T) {
	for _, size := range []int{0, 1, 99, 100, 101, 200, 1234} {
		state := bytes.Repeat([]byte{7}, size)
		meta, back, err := decoded(streamed(t, metaAt(7), state))
		if err != nil || !bytes.Equal(back, state) || meta.Pos != metaAt(7).Pos || meta.Cluster != metaAt(7).Cluster || !meta.Membership.Equal(metaAt(7).Membership) {
			t.Errorf("%d bytes: %d came back of %+v: %v", size, len(back), meta, err)
		}
	}
}

func TestAStreamThatIsCutAlteredOrLongerIsDamaged(t *testing.T) {
	whole := streamed(t, metaAt(7), bytes.Repeat([]byte("x"), 250))
	damaged := func(what string, at int, file []byte) {
		t.Helper()
		var damage *DamageError
		if _, _, err := decoded(file); !errors.As(err, &damage) {
			t.Fatalf("%s at %d: %v, want a DamageError", what, at, err)
		}
	}
	for n := range whole {
		damaged("cut", n, whole[:n])
	}
	for n := range whole {
		altered := bytes.Clone(whole)
		altered[n] ^= 0x10
		damaged("altered", n, altered)
	}
	damaged("longer", len(whole), append(bytes.Clone(whole), 0))
}

func TestAStreamOfANewerVersionIsToldFromDamage(t *testing.T) {
	whole := streamed(t, metaAt(7), []byte("x"))
	whole[8]++
	binary.LittleEndian.PutUint32(whole[16:], checksum(whole[:16]))
	if _, _, err := decoded(whole); !errors.Is(err, ErrVersion) || !strings.Contains(err.Error(), "the stream") {
		t.Errorf("%v, want ErrVersion", err)
	}
}

func TestAStreamThatFailsIsNoDamage(t *testing.T) {
	whole := streamed(t, metaAt(7), bytes.Repeat([]byte("x"), 250))
	broken := errors.New("the line broke")
	d, err := NewDecoder(io.MultiReader(bytes.NewReader(whole[:len(whole)-30]), iotest.ErrReader(broken)), "the stream")
	must(t, err)
	var damage *DamageError
	if _, err := io.ReadAll(d); !errors.Is(err, broken) || errors.As(err, &damage) {
		t.Errorf("%v, want that the line broke", err)
	}
}
