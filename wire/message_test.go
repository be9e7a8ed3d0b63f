package wire

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

// appended is an Append with entries of two terms.
func appended() Message {
	return Message{
		Kind: Append, From: 1, To: 2, Lease: true, Done: true, Term: 7, Pos: Pos{5, 9}, Commit: 8, Session: 1, Round: 2,
		Data: []byte{}, Batches: []Batch{commands(Pos{5, 10}, "a", "b"), commands(Pos{7, 12}, "c")},
	}
}

func TestAMessageReadsBackAsItWasMade(t *testing.T) {
	for i, name := range messageNames {
		kind := MessageKind(i)
		if name == "" {
			continue
		}
		for _, reject := range []bool{false, true} {
			m := Message{Kind: kind, From: 1<<64 - 1, To: 1, Reject: reject, Force: !reject, Term: 1<<64 - 1,
				Pos: Pos{1, 1 << 40}, Index: 3, Session: 4, Round: 5, ID: 6, Data: []byte("data")}
			back, err := DecodeMessage(m.Append(nil))
			if err != nil || !reflect.DeepEqual(back, m) {
				t.Errorf("sent %v\ngot  %v, %v", m, back, err)
			}
		}
	}
	m := appended()
	back, err := DecodeMessage(m.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	if len(back.Spans) != 2 || back.Spans[0].String() != "5/10..11" || back.Spans[1].String() != "7/12" {
		t.Errorf("spans %v", back.Spans)
	}
	m.Spans = back.Spans
	if !reflect.DeepEqual(back, m) {
		t.Errorf("sent %v\ngot  %v", m, back)
	}
}

func TestSizeBoundsAMessage(t *testing.T) {
	small, large := Message{Kind: Vote}, appended()
	for _, m := range []Message{small, large} {
		if n := len(m.Append(nil)); n > m.Size() {
			t.Errorf("%v takes %d bytes, more than its size of %d", m, n, m.Size())
		}
	}
}

func TestAMessagePrintsWhatIsSet(t *testing.T) {
	m := appended()
	for _, c := range []struct {
		message Message
		want    string
	}{
		{Message{Kind: Vote, From: 1, To: 2, Term: 3, Pos: Pos{2, 5}, Force: true}, "vote 1>2 term=3 force pos=2/5"},
		{Message{Kind: Control, From: 0xa, To: 2, ID: 9, Data: []byte("xy"), Reject: true}, "control a>2 term=0 reject id=9 data=2B"},
		{m, "append 1>2 term=7 lease done pos=5/9 commit=8 session=1 round=2 entries=10..12"},
	} {
		if got := c.message.String(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
	back, err := DecodeMessage(m.Append(nil))
	if err != nil || !strings.HasSuffix(back.String(), "entries=[5/10..11 7/12]") {
		t.Errorf("decoded it prints as %s, %v", back, err)
	}
}

func TestAMalformedMessageIsRefused(t *testing.T) {
	with := func(change func(*Message)) []byte {
		m := appended()
		change(&m)
		return m.Append(nil)
	}
	m := appended()
	good := m.Append(nil)
	for name, c := range map[string]struct {
		bytes []byte
		says  string
	}{
		"nothing":                      {nil, "cut off"},
		"fields cut off":               {good[:20], "cut off"},
		"data cut off":                 {(&Message{Kind: Vote, Data: []byte("ab")}).Append(nil)[:27], "cut off"},
		"a batch cut off":              {good[:len(good)-1], "malformed batch"},
		"an unknown kind":              {with(func(m *Message) { m.Kind = 200 }), "kind 200 is unknown here; is the sender a newer version?"},
		"unknown flags":                {append([]byte{5, 0x80}, good[2:]...), "flags 0x80 are unknown here"},
		"entries in a vote":            {with(func(m *Message) { m.Kind = Vote }), "too many after a vote"},
		"a gap before the entries":     {with(func(m *Message) { m.Pos.Index = 8 }), "entries 5/10 after 5/8"},
		"a gap among the entries":      {with(func(m *Message) { m.Batches[1] = commands(Pos{7, 13}, "c") }), "entries 7/13 after 5/11"},
		"terms that go back":           {with(func(m *Message) { m.Pos.Term = 6 }), "entries 5/10 after 6/9"},
		"entries of a term to come":    {with(func(m *Message) { m.Term = 6 }), "entries 7/12 after 5/11 in term 6"},
		"a membership that is not one": {with(func(m *Message) { m.Batches[1] = membershipBatch(Pos{7, 12}, []byte("?")) }), "malformed membership"},
	} {
		back, err := DecodeMessage(c.bytes)
		if !errors.Is(err, ErrMessage) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, %v, want a word of %q", name, back, err, c.says)
		}
	}
}
