package wire

import (
	"bytes"
	"errors"
	"reflect"
	"runtime/metrics"
	"testing"
)

// decoding runs a decoder on input from outside and complains if it asks for memory
// out of proportion to it.
func decoding(t *testing.T, input []byte, decode func()) {
	t.Helper()
	before := allocated()
	decode()
	if used := allocated() - before; used > 1<<20+uint64(64*len(input)) {
		t.Errorf("decoding %d bytes allocated %d", len(input), used)
	}
}

func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

func FuzzBatch(f *testing.F) {
	f.Add([]byte(commands(Pos{3, 10}, "a", "", "ccc")))
	f.Add([]byte(membershipBatch(Pos{3, 10}, joint.Append(nil))))
	f.Fuzz(func(t *testing.T, b []byte) {
		decoding(t, b, func() {
			batch, rest, err := ParseBatch(b)
			if err != nil {
				if !errors.Is(err, ErrBatch) {
					t.Errorf("an error of another kind: %v", err)
				}
				return
			}
			body, count := NewBody(len(batch)), 0
			for _, e := range batch.Entries() {
				body = AppendEntry(body, e.Kind, e.Payload)
				count++
			}
			again := NewBatch(Pos{batch.Term(), batch.First()}, batch.Time(), count, body)
			parsed, none, err := ParseBatch(again)
			if err != nil || len(none) > 0 || !reflect.DeepEqual(payloads(parsed), payloads(batch)) {
				t.Errorf("made again it is %v, %v", payloads(parsed), err)
			}
			if len(batch)+len(rest) != len(b) {
				t.Errorf("%d bytes and %d of %d", len(batch), len(rest), len(b))
			}
			middle := batch.First() + Index(batch.Count()/2)
			if got := batch.From(middle); got.Last() != batch.Last() || batch.Until(middle).Last() != middle {
				t.Errorf("cut at %d: %d to %d", middle, got.First(), got.Last())
			}
			_, _ = batch.Span()
		})
	})
}

func FuzzMessage(f *testing.F) {
	m := appended()
	f.Add(m.Append(nil))
	f.Add((&Message{Kind: Control, From: 1, To: 2, Reject: true, ID: 1 << 50, Data: []byte("data")}).Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		decoding(t, b, func() {
			m, err := DecodeMessage(b)
			if err != nil {
				if !errors.Is(err, ErrMessage) {
					t.Errorf("an error of another kind: %v", err)
				}
				return
			}
			_ = m.String()
			again, err := DecodeMessage(m.Append(nil))
			if err != nil || !reflect.DeepEqual(again, m) {
				t.Errorf("sent %v\ngot  %v, %v", m, again, err)
			}
		})
	})
}

func FuzzMembership(f *testing.F) {
	f.Add(joint.Append(nil))
	versioned := joint
	versioned.Version = ClusterVersion{1, 300}
	f.Add(versioned.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		decoding(t, b, func() {
			m, err := DecodeMembership(b)
			if err != nil {
				if !errors.Is(err, ErrMembership) {
					t.Errorf("an error of another kind: %v", err)
				}
				return
			}
			_, _ = m.String(), m.All()
			again, err := DecodeMembership(m.Append(nil))
			if err != nil || !again.Equal(m) {
				t.Errorf("wrote %v, read %v, %v", m, again, err)
			}
		})
	})
}

func FuzzFrame(f *testing.F) {
	head, payload := frameOf(FrameMessage, 7, "payload")
	f.Add(head, payload)
	f.Fuzz(func(t *testing.T, head, payload []byte) {
		decoding(t, payload, func() {
			h, err := ParseFrameHeader(head, MaxFrame)
			if err != nil {
				if !errors.Is(err, ErrFrame) {
					t.Errorf("an error of another kind: %v", err)
				}
				return
			}
			if h.Length != len(payload) || CheckFrame(head, payload) != nil {
				return
			}
			again := make([]byte, FrameHeaderSize)
			PutFrameHeader(again, h.Kind, h.Group, payload[:len(payload)/2], payload[len(payload)/2:])
			if !bytes.Equal(again[:6], head[:6]) || !bytes.Equal(again[8:12], head[8:12]) || !bytes.Equal(again[16:], head[16:FrameHeaderSize]) {
				t.Errorf("read %x, wrote %x", head, again)
			}
		})
	})
}

// FuzzHandshake gives the same bytes to all decoders of a connection's first frames.
func FuzzHandshake(f *testing.F) {
	f.Add(cardOf(1, 2).Append(nil))
	f.Add(NewHello(cardOf(1, 2), LaneBulk, 3).Append(nil))
	f.Add(HandshakeWelcome{Version: 1, Card: cardOf(1, 2)}.Append(nil))
	f.Add(Refusal{What: DifferentMember, Ours: "1", Theirs: "2", Text: "why"}.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		decoding(t, b, func() {
			if card, rest, err := CutCard(b); err == nil {
				again, none, err := CutCard(card.Append(nil))
				if err != nil || again != card || len(none) > 0 || len(rest) > len(b) {
					t.Errorf("card %+v was read back as %+v, %v", card, again, err)
				}
			} else if !errors.Is(err, ErrCard) {
				t.Errorf("an error of another kind: %v", err)
			}
			if hello, err := DecodeHello(b); err == nil {
				again, err := DecodeHello(hello.Append(nil))
				if err != nil || again != hello {
					t.Errorf("hello %+v was read back as %+v, %v", hello, again, err)
				}
				_, _ = hello.Answer(cardOf(1, 2), 0, 0)
			} else if !errors.Is(err, ErrHandshake) {
				t.Errorf("an error of another kind: %v", err)
			}
			if welcome, err := DecodeHandshakeWelcome(b); err == nil {
				again, err := DecodeHandshakeWelcome(welcome.Append(nil))
				if err != nil || again != welcome {
					t.Errorf("welcome %+v was read back as %+v, %v", welcome, again, err)
				}
				_ = welcome.Check(NewHello(cardOf(1, 2), LaneMessages, 3), 0, 0)
			}
			if refusal, err := DecodeRefusal(b); err == nil {
				again, err := DecodeRefusal(refusal.Append(nil))
				if err != nil || again != refusal {
					t.Errorf("refusal %+v was read back as %+v, %v", refusal, again, err)
				}
				_ = refusal.HandshakeError().Error()
			}
		})
	})
}
