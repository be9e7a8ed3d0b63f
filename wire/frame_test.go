package wire

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func frameOf(kind FrameKind, group GroupID, parts ...string) (head, payload []byte) {
	var pieces [][]byte
	for _, p := range parts {
		pieces, payload = append(pieces, []byte(p)), append(payload, p...)
	}
	head = make([]byte, FrameHeaderSize)
	PutFrameHeader(head, kind, group, pieces...)
	return head, payload
}

func TestAFrameReadsBackAsItWasMade(t *testing.T) {
	for _, parts := range [][]string{nil, {""}, {"one"}, {"in", "", "parts"}} {
		head, payload := frameOf(FrameMessage, 7, parts...)
		h, err := ParseFrameHeader(head, 100)
		if err == nil {
			err = CheckFrame(head, payload)
		}
		if err != nil || h.Kind != FrameMessage || h.Group != 7 || h.Length != len(payload) || h.Version != Version {
			t.Errorf("%q: %+v, %v", parts, h, err)
		}
	}
}

// TestEachChangedBitIsNoticed flips them all, in header and payload.
func TestEachChangedBitIsNoticed(t *testing.T) {
	head, payload := frameOf(FrameMessage, 7, "payload")
	whole := append(slices.Clone(head), payload...)
	for bit := range len(whole) * 8 {
		damaged := slices.Clone(whole)
		damaged[bit/8] ^= 1 << (bit % 8)
		h, err := ParseFrameHeader(damaged, 100)
		if err == nil && h.Length == len(payload) {
			err = CheckFrame(damaged[:FrameHeaderSize], damaged[FrameHeaderSize:])
		}
		if err == nil && h.Length == len(payload) {
			t.Errorf("bit %d of byte %d changed unnoticed", bit%8, bit/8)
		}
	}
}

func TestAMalformedHeaderIsRefused(t *testing.T) {
	good, _ := frameOf(FrameMessage, 7, "payload")
	changed := func(at int, to byte) []byte {
		b := slices.Clone(good)
		b[at] = to
		return b
	}
	for name, c := range map[string]struct {
		bytes []byte
		limit int
		is    error
		says  string
	}{
		"too short":        {good[:23], 100, ErrFrame, "23 bytes are less"},
		"another protocol": {[]byte("GET / HTTP/1.1\r\nHost: a\r\n"), 100, ErrNotBalsa, `it starts with "GET "`},
		"another version":  {changed(4, 9), 100, ErrFrameVersion, "9, this program speaks 1"},
		"an unknown kind":  {changed(5, 9), 100, ErrFrame, "kind 9 is unknown"},
		"kind 0":           {changed(5, 0), 100, ErrFrame, "kind 0 is unknown"},
		"over the limit":   {good, 6, ErrFrameTooLarge, "7 bytes, the limit is 6"},
		"over every limit": {changed(11, 0x7f), 1 << 40, ErrFrameTooLarge, "the limit is 67108864"},
	} {
		if _, err := ParseFrameHeader(c.bytes, c.limit); !errors.Is(err, c.is) || !errors.Is(err, ErrFrame) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want a word of %q", name, err, c.says)
		}
	}
	if err := CheckFrame(good, []byte("Payload")); !errors.Is(err, ErrFrameChecksum) {
		t.Errorf("another payload: %v", err)
	}
}
