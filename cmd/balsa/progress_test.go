package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/balsaraft/balsa/storage/wal"
)

func TestProgressElsewhereIsALineEachTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out safeBuffer
		p := startProgress(&out, "backup", inBytes, 100<<20)
		w := p.writer(io.Discard)
		time.Sleep(time.Second / 2) // so that nothing is written in the moment of a line
		for range 25 {
			time.Sleep(time.Second)
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		p.end()
		want := "backup: 9.0 MiB of 100 MiB (9%), 922 KiB/s, 1m40s left\n" +
			"backup: 19 MiB of 100 MiB (19%), 1.0 MiB/s, 1m20s left\n"
		if got := out.String(); got != want {
			t.Errorf("\n%s\nwant\n%s", got, want)
		}
	})
}

func TestProgressOnATerminalIsOneLineThatGoesAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out safeBuffer
		p := &progress{out: &out, what: "check", unit: counted("entries"), redraw: true, stop: make(chan struct{}), marks: []mark{{time.Now(), 0}}}
		p.expect(2000)
		p.ended.Go(p.run)
		p.set(500)
		time.Sleep(time.Second)
		synctest.Wait()
		p.end()
		drawn := strings.Split(out.String(), toLineStart)
		if n := len(drawn) - 1; n != 6 { // five in a second, and the end
			t.Errorf("%d lines are drawn: %q", n, out.String())
		}
		if got, want := drawn[5], "check: 500 of 2000 entries (25%), 500 entries/s, 3s left"+clearRight+wrap; got != want {
			t.Errorf("%q, want %q", got, want)
		}
		if last := drawn[6]; last != clearRight || strings.Contains(out.String(), "\n") {
			t.Errorf("%q is left on the terminal: %q", last, out.String())
		}
	})
}

// Work whose rate changes is judged by the last seconds, not by all that it took.
func TestTheRateFollowsTheWork(t *testing.T) {
	begun := time.Now()
	p := &progress{what: "restore", unit: inBytes, marks: []mark{{begun, 0}}}
	p.expect(1 << 30)
	at := begun
	for range 60 {
		at = at.Add(time.Second)
		p.add(10 << 20)
		p.line(at)
	}
	for range 20 {
		at = at.Add(time.Second)
		p.add(1 << 20)
		p.line(at)
	}
	if got, want := p.line(at.Add(time.Second)), "restore: 620 MiB of 1.0 GiB (60%), 922 KiB/s, 7m30s left"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestProgressOfUnknownSizeSaysNoTimeLeft(t *testing.T) {
	begun := time.Now()
	p := &progress{what: "read", unit: counted("keys"), marks: []mark{{begun, 0}}}
	p.set(300)
	if got, want := p.line(begun.Add(3*time.Second)), "read: 300 keys, 100 keys/s"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestWorkForATimeSaysWhatIsLeftOfIt(t *testing.T) {
	begun := time.Now()
	p := &progress{what: "bench", unit: counted("writes"), marks: []mark{{begun, 0}}}
	p.until(begun.Add(10 * time.Second))
	p.set(900)
	if got, want := p.line(begun.Add(3*time.Second)), "bench: 900 writes, 300 writes/s, 7s left"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestNoProgressIsSilent(t *testing.T) {
	var p *progress
	p.add(1)
	p.set(2)
	p.expect(3)
	var b bytes.Buffer
	if _, err := io.Copy(p.writer(&b), p.reader(strings.NewReader("data"))); err != nil || b.String() != "data" {
		t.Errorf("%q, %v", b.String(), err)
	}
	p.end()
}

func TestTimeLeftIsSaidAsExactAsItIsKnown(t *testing.T) {
	for d, want := range map[time.Duration]string{
		time.Millisecond:                          "1s",
		1400 * time.Millisecond:                   "1s",
		59 * time.Second:                          "59s",
		94 * time.Second:                          "1m30s",
		10 * time.Minute:                          "10m0s",
		2*time.Hour + 5*time.Minute + time.Second: "2h5m",
		1000 * time.Hour:                          "days",
	} {
		if got := remaining(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}

func TestBytesArePrintedForPeople(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 10 << 10: "10 KiB", 3 << 29: "1.5 GiB", 5000 << 40: "5000 TiB"} {
		if got := byteSize(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestTheReadingOfALogIsTold(t *testing.T) {
	a := newProcess(t, "a").start()
	a.awaitReady()
	a.mustPut("color", "red")
	a.kill()
	s, err := openStopped(a.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	size := s.logBytes()
	p := startProgress(&safeBuffer{}, "log", inBytes, size)
	defer p.end()
	if _, err := wal.Verify(readCounter{s.FS, p}); err != nil {
		t.Fatal(err)
	}
	if read := p.done.Load(); size == 0 || read < size/2 {
		t.Errorf("of %d bytes %d are told to be read", size, read)
	}
}
