package wire

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// commands is a batch of commands with these payloads.
func commands(first Pos, payloads ...string) Batch {
	body := NewBody(0)
	for _, p := range payloads {
		body = AppendEntry(body, KindCommand, []byte(p))
	}
	return NewBatch(first, 99, len(payloads), body)
}

func membershipBatch(first Pos, payload []byte) Batch {
	return NewBatch(first, 99, 1, AppendEntry(NewBody(0), KindMembership, payload))
}

// payloads lists the entries of a batch as index:payload.
func payloads(b Batch) (all []string) {
	for index, e := range b.Entries() {
		all = append(all, Pos{b.Term(), index}.String()+":"+e.Kind.String()+":"+string(e.Payload))
	}
	return all
}

func TestABatchReadsBackAsItWasMade(t *testing.T) {
	long := strings.Repeat("x", 1000)
	b := commands(Pos{3, 10}, "a", "", long)
	after, rest, err := ParseBatch(append(slices.Clone(b), "rest"...))
	if err != nil || string(rest) != "rest" {
		t.Fatalf("rest %q, error %v", rest, err)
	}
	want := []string{"3/10:command:a", "3/11:command:", "3/12:command:" + long}
	if got := payloads(after); !slices.Equal(got, want) {
		t.Errorf("entries %v", got)
	}
	if after.Count() != 3 || after.First() != 10 || after.Last() != 12 || after.End() != (Pos{3, 12}) || after.Time() != 99 {
		t.Errorf("header: %d entries, %d to %s, time %d", after.Count(), after.First(), after.End(), after.Time())
	}
	for range after.Entries() {
		break // leaving early is allowed
	}
	if cap(after) != len(after) {
		t.Error("an append to the batch would write over what follows it")
	}
}

func TestAPartOfABatchIsABatch(t *testing.T) {
	b := commands(Pos{3, 10}, "a", "b", "c")
	all := payloads(b)
	for first := Index(10); first <= 12; first++ {
		for last := first; last <= 12; last++ {
			part := b.From(first).Until(last)
			if _, rest, err := ParseBatch(part); err != nil || len(rest) > 0 {
				t.Fatalf("%d to %d: rest %q, error %v", first, last, rest, err)
			}
			if got := payloads(part); !slices.Equal(got, all[first-10:last-9]) || part.Time() != b.Time() {
				t.Errorf("%d to %d: entries %v at %d", first, last, got, part.Time())
			}
		}
	}
	for bytes := range len(b) + 9 {
		last := b.LastWithin(bytes)
		fits := last < b.First() || len(b.Until(last)) <= bytes
		if !fits || last < b.Last() && len(b.Until(last+1)) <= bytes {
			t.Errorf("in %d bytes there is room up to entry %d?", bytes, last)
		}
	}
	if &b.From(10)[0] != &b[0] || &b.Until(12)[0] != &b[0] {
		t.Error("the whole batch was copied")
	}
}

func TestAMalformedBatchIsRefused(t *testing.T) {
	good := commands(Pos{3, 10}, "a", "b")
	changed := func(at int, to byte) []byte {
		b := slices.Clone(good)
		b[at] = to
		return b
	}
	last := NewBatch(Pos{1, 1<<64 - 1}, 0, 2, slices.Clone(good))
	for name, c := range map[string]struct {
		bytes []byte
		says  string
	}{
		"nothing":                   {nil, "0 bytes are less than its header"},
		"half a header":             {good[:31], "31 bytes are less"},
		"a body cut off":            {good[:len(good)-1], "cut off after 5"},
		"a length of 4 GiB":         {changed(3, 0xff), "is cut off"},
		"no entry":                  {changed(4, 0), "no entry"},
		"fewer entries than said":   {changed(4, 3), "2 entries where 3 were announced"},
		"more entries than said":    {changed(4, 1), "2 entries where 1 were announced"},
		"index 0":                   {changed(16, 0), "first index 0"},
		"an index that runs over":   {last, "first index 18446744073709551615 with 2"},
		"an entry without its kind": {changed(32, 0), "entry 1 of 2 is cut off"},
		"an entry beyond the body":  {changed(35, 9), "entry 2 of 2 is cut off"},
		"a number that never ends":  {NewBatch(Pos{1, 1}, 0, 1, append(NewBody(0), 0xff, 0xff, 0xff)), "entry 1 of 1 is cut off"},
		"a membership not alone":    {changed(33, byte(KindMembership)), "must be alone"},
	} {
		if _, _, err := ParseBatch(c.bytes); !errors.Is(err, ErrBatch) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want a word of %q", name, err, c.says)
		}
	}
}

func TestABodyIsCheckedWithoutItsBatch(t *testing.T) {
	body := AppendEntry(AppendEntryParts(NewBody(0), KindCommand, []byte("a"), []byte("b")), KindSession, nil)[BatchHeaderSize:]
	if err := CheckBody(body, 2); err != nil {
		t.Error(err)
	}
	var kinds []EntryKind
	for e := range BodyEntries(body) {
		kinds = append(kinds, e.Kind)
	}
	if got := kinds; !slices.Equal(got, []EntryKind{KindCommand, KindSession}) {
		t.Errorf("kinds %v", got)
	}
	for range BodyEntries(body) {
		break
	}
	for _, count := range []int{-1, 0, 1, 3} {
		if err := CheckBody(body, count); !errors.Is(err, ErrBatch) {
			t.Errorf("%d entries: %v", count, err)
		}
	}
}

func TestASpanIsWhatTheAlgorithmKnows(t *testing.T) {
	b := commands(Pos{3, 10}, "a", "b")
	if s, err := b.Span(); err != nil || s.String() != "3/10..11" || s.Bytes != len(b) || s.End() != b.End() || s.Membership != nil {
		t.Errorf("span %v of %d bytes, %v", s, s.Bytes, err)
	}
	m, err := NewMembership(Member{ID: 1, Role: Voter})
	if err != nil {
		t.Fatal(err)
	}
	if s, err := membershipBatch(Pos{3, 10}, m.Append(nil)).Span(); err != nil || s.String() != "3/10" || !s.Membership.Equal(m) {
		t.Errorf("span %v with membership %v, %v", s, s.Membership, err)
	}
	if _, err := membershipBatch(Pos{3, 10}, []byte("?")).Span(); !errors.Is(err, ErrMembership) || !strings.Contains(err.Error(), "index 10") {
		t.Errorf("a malformed membership: %v", err)
	}
}
