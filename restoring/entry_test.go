package restoring

import (
	"bytes"
	"errors"
	"testing"
)

func TestEntriesAreReadAsTheyWereWritten(t *testing.T) {
	finish := Finish{Pieces: 300, Bytes: 1 << 40, Beyond: 1 << 50, Sum: 0xfeedbeef}
	for _, tc := range []struct {
		payload []byte
		want    Entry
	}{
		{append(AppendPiece(nil, 5, 1000), "the state"...), Entry{Step: StepPiece, ID: 5, Number: 1000, Data: []byte("the state")}},
		{AppendPiece(nil, 5, 0), Entry{Step: StepPiece, ID: 5}},
		{AppendFinish(nil, 6, finish), Entry{Step: StepFinish, ID: 6, Finish: finish}},
		{AppendGiveUp(nil, 7), Entry{Step: StepGiveUp, ID: 7}},
	} {
		got, err := Cut(tc.payload)
		if err != nil || got.Step != tc.want.Step || got.ID != tc.want.ID ||
			got.Number != tc.want.Number || !bytes.Equal(got.Data, tc.want.Data) || got.Finish != tc.want.Finish {
			t.Errorf("%x is read as %+v, %v; want %+v", tc.payload, got, err, tc.want)
		}
	}
	if n := len(AppendPiece(nil, 1<<63, MaxPieces-1)); n > MaxHead {
		t.Errorf("the head of a piece takes %d bytes, MaxHead is %d", n, MaxHead)
	}
}

func TestWhatIsNoEntryIsRefused(t *testing.T) {
	for what, payload := range map[string][]byte{
		"nothing":                  nil,
		"no restore":               {1, 2, 3},
		"an unknown step":          head(nil, 9, 5),
		"a piece without number":   head(nil, StepPiece, 5),
		"a piece of a high number": AppendPiece(nil, 5, MaxPieces),
		"a finish that is cut off": AppendFinish(nil, 5, Finish{Pieces: 1})[:12],
		"a finish with more":       append(AppendFinish(nil, 5, Finish{Pieces: 1}), 0),
		"a finish of many pieces":  AppendFinish(nil, 5, Finish{Pieces: MaxPieces + 1}),
		"a finish of many bytes":   AppendFinish(nil, 5, Finish{Bytes: -1}),
		"a giving up with more":    append(AppendGiveUp(nil, 5), 0),
	} {
		if _, err := Cut(payload); !errors.Is(err, ErrEntry) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// What is read can be written again, to the same meaning.
func FuzzCut(f *testing.F) {
	f.Add(append(AppendPiece(nil, 5, 3), 1, 2))
	f.Add(AppendFinish(nil, 5, Finish{3, 4, 5, 6}))
	f.Add(AppendGiveUp(nil, 5))
	f.Fuzz(func(t *testing.T, payload []byte) {
		e, err := Cut(payload)
		if err != nil {
			return
		}
		var again []byte
		switch e.Step {
		case StepPiece:
			again = append(AppendPiece(nil, e.ID, e.Number), e.Data...)
		case StepFinish:
			again = AppendFinish(nil, e.ID, e.Finish)
		case StepGiveUp:
			again = AppendGiveUp(nil, e.ID)
		}
		same, err := Cut(again)
		if err != nil || same.Step != e.Step || same.ID != e.ID || same.Number != e.Number || !bytes.Equal(same.Data, e.Data) || same.Finish != e.Finish {
			t.Errorf("%+v is read again as %+v, %v", e, same, err)
		}
	})
}
