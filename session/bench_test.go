package session

import "testing"

// BenchmarkTable is what the promise that a retry runs once costs a command: it is looked
// up, and its result is kept until its caller has said that it has it.
func BenchmarkTable(b *testing.B) {
	const window = 64
	var t Table[uint64]
	t.Open(Opening{Session: 1, TTL: ttl, Made: 1}, 1)
	seq := uint64(0)
	once := func() {
		seq++
		e := Envelope{Session: 1, Seq: seq, Low: max(1, seq-min(seq, window))}
		if verdict, _ := t.Begin(e, 1); verdict != Fresh {
			b.Fatalf("command %d is %v", seq, verdict)
		}
		t.Finish(e, seq)
	}
	for range 4 * window {
		once() // the ring has grown to its size then
	}
	b.ReportAllocs()
	for b.Loop() {
		once()
	}
	if n := testing.AllocsPerRun(100, once); n > 0 {
		b.Errorf("%v allocations a command, want none", n)
	}
}
