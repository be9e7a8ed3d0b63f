package wire

import (
	"bytes"
	"testing"
)

// BenchmarkBatch is what 64 commands of 256 bytes cost between a caller and Apply: they
// are gathered once, framed for the wire, checked where they arrive, and read back.
func BenchmarkBatch(b *testing.B) {
	const count, size = 64, 256
	command := bytes.Repeat([]byte{'x'}, size)
	body := NewBody(count * (size + 3))
	gather := func() Batch {
		body = body[:BatchHeaderSize]
		for range count {
			body = AppendEntry(body, KindCommand, command)
		}
		return NewBatch(Pos{Term: 1, Index: 1}, 0, count, body)
	}
	batch := gather()
	var head [FrameHeaderSize]byte
	PutFrameHeader(head[:], FrameMessage, 0, batch)
	for _, stage := range []struct {
		name string
		run  func()
	}{
		{"gather", func() { gather() }},
		{"frame", func() { PutFrameHeader(head[:], FrameMessage, 0, batch) }},
		{"check", func() {
			if CheckFrame(head[:], batch) != nil {
				b.Fatal("the frame is damaged")
			}
			if _, _, err := ParseBatch(batch); err != nil {
				b.Fatal(err)
			}
		}},
		{"read", func() {
			read := 0
			for _, e := range batch.Entries() {
				read += len(e.Payload)
			}
			if read != count*size {
				b.Fatalf("%d bytes", read)
			}
		}},
	} {
		b.Run("stage="+stage.name+"/size=256/batch=64", func(b *testing.B) {
			b.SetBytes(count * size)
			b.ReportAllocs()
			for b.Loop() {
				stage.run()
			}
		})
		if n := testing.AllocsPerRun(10, stage.run); n > 0 {
			b.Errorf("%s makes %v allocations a batch, want none", stage.name, n)
		}
	}
}
