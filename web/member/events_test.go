package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func packedEvents(events ...event) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(events)))
	for _, e := range events {
		b = binary.LittleEndian.AppendUint32(append(b, byte(e.kind)), e.id)
		b = appendBytes(b, e.bytes)
	}
	return b
}

func TestEventsComeInTheirOrder(t *testing.T) {
	packed := packedEvents(event{channelOpened, 1, nil}, event{channelData, 1, []byte("hello")}, event{callRead, 9, nil})
	var got []string
	note := func(e event) { got = append(got, fmt.Sprintf("%d %d %q", e.kind, e.id, e.bytes)) }
	if err := unpackEvents(packed, note); err != nil {
		t.Fatal(err)
	}
	if want := `1 1 "" 0 1 "hello" 5 9 ""`; strings.Join(got, " ") != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// An event that is not whole is none: its bytes would be somebody else's.
func TestNoEventComesOfWhatIsCutOff(t *testing.T) {
	whole := packedEvents(event{channelData, 1, []byte("hello")})
	for size := range len(whole) {
		err := unpackEvents(whole[:size], func(e event) { t.Errorf("%d of %d bytes: %+v", size, len(whole), e) })
		if !errors.Is(err, errPacked) {
			t.Errorf("%d of %d bytes: %v", size, len(whole), err)
		}
	}
}
