package session

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

func TestARequestIsCutOffAsItWasWritten(t *testing.T) {
	relay := Envelope{7, 300, 5}
	payload := append(relay.Append(nil), byte(ToRun), 'x')
	if got, request, rest, err := CutRequest(payload); got != relay || request != ToRun || string(rest) != "x" || err != nil {
		t.Errorf("it is %+v, %d before %q, %v", got, request, rest, err)
	}
	if id, err := DecodeClosing(AppendClosing(nil, 9)); id != 9 || err != nil {
		t.Errorf("closing 9 becomes %v, %v", id, err)
	}
	if _, _, _, err := CutRequest(relay.Append(nil)); !errors.Is(err, ErrEntry) {
		t.Errorf("no request: %v, want ErrEntry", err)
	}
	if _, err := DecodeClosing(make([]byte, 9)); !errors.Is(err, ErrEntry) {
		t.Errorf("a closing of 9 bytes: %v, want ErrEntry", err)
	}
}

func TestWhatCouldNotBeReadIsFoundBeforeItIsCommitted(t *testing.T) {
	member, caller := Envelope{7, 300, 5}.Append(nil), Envelope{9, 1, 1}.Append(nil)
	behind := func(request Request, rest []byte) []byte {
		return append(append(bytes.Clone(member), byte(request)), rest...)
	}
	opening, closing := Opening{9, time.Hour, 0}.Append(nil), AppendClosing(nil, 9)
	for _, good := range [][]byte{behind(ToRun, caller), behind(ToOpen, opening), behind(ToClose, closing)} {
		if err := CheckRelayed(good); err != nil {
			t.Errorf("%x: %v", good, err)
		}
	}
	for name, bad := range map[string][]byte{
		"nothing":                nil,
		"no request":             member,
		"a request of tomorrow":  behind(4, closing),
		"no envelope to run":     behind(ToRun, closing),
		"no opening to open":     behind(ToOpen, closing),
		"an opening to close":    behind(ToClose, opening),
		"an envelope that ended": behind(ToRun, caller[:9]),
	} {
		if err := CheckRelayed(bad); !errors.Is(err, ErrEntry) {
			t.Errorf("%s: %v, want ErrEntry", name, err)
		}
	}
}

func FuzzRequest(f *testing.F) {
	f.Add(append(Envelope{7, 300, 5}.Append(nil), byte(ToClose), 1, 2, 3, 4, 5, 6, 7, 8))
	f.Fuzz(func(t *testing.T, b []byte) {
		relay, request, rest, err := CutRequest(b)
		if err != nil {
			return
		}
		again := append(append(relay.Append(nil), byte(request)), rest...)
		if r, q, tail, err := CutRequest(again); r != relay || q != request || string(tail) != string(rest) || err != nil {
			t.Fatalf("%x becomes %+v, %d, %x, %v", b, r, q, tail, err)
		}
	})
}

// Callers outside may be many and forgetful; members' sessions must not go for them.
func TestCallersOutsideCannotPushOutSessionsOfMembers(t *testing.T) {
	var table Table[int]
	table.Open(Opening{1, time.Hour, 1}, 0)
	for id := ID(2); id < MaxSessions-Reserved; id++ {
		table.open(Opening{id, time.Minute, 0}, 1)
	}
	if !table.OpenRelayed(Opening{MaxSessions, time.Minute, 0}, 1) || table.OpenRelayed(Opening{MaxSessions + 1, time.Minute, 0}, 1) {
		t.Errorf("of %d sessions the last must be the last", table.Len())
	}
	if verdict, _ := table.Begin(Envelope{1, 1, 1}, 2); verdict != Fresh {
		t.Errorf("the member's session is gone: verdict %d", verdict)
	}
	if !table.OpenRelayed(Opening{2, time.Minute, 0}, 3) {
		t.Error("a session that is open already was refused")
	}
	if !table.OpenRelayed(Opening{MaxSessions * 2, time.Minute, 0}, 2+int64(time.Minute)) {
		t.Error("the expired ones still take the room")
	}
	table.Close(1)
	if verdict, _ := table.Begin(Envelope{1, 2, 2}, 4+int64(time.Minute)); verdict != Expired {
		t.Errorf("a closed session: verdict %d, want Expired", verdict)
	}
}
