package wire

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

// joint is a transition: 1 and 2 stay, 3 comes as a learner, 4 goes.
var joint = Membership{
	Members:  []Member{{ID: 1, Name: "a", Role: Voter}, {ID: 2, Name: "b", Role: Voter}, {ID: 3, Role: Learner}},
	Outgoing: []Member{{ID: 1, Name: "a", Role: Voter}, {ID: 4, Name: "d", Role: Voter}},
}

func TestAMembershipReadsBackAsItWasMade(t *testing.T) {
	back, err := DecodeMembership(joint.Append(nil))
	if err != nil || !back.Equal(joint) {
		t.Errorf("got %v, %v", back, err)
	}
	if !back.Joint() || back.Empty() || !(Membership{}).Empty() {
		t.Errorf("joint %v, empty %v", back.Joint(), back.Empty())
	}
	if got, want := back.String(), "voters=a,b learners=3 outgoing=a,d"; got != want {
		t.Errorf("it prints as %q, not %q", got, want)
	}
}

func TestWhoIsInAMembership(t *testing.T) {
	if got := joint.Voters(); !reflect.DeepEqual(got, []MemberID{1, 2}) {
		t.Errorf("voters %v", got)
	}
	if got := joint.OutgoingVoters(); !reflect.DeepEqual(got, []MemberID{1, 4}) {
		t.Errorf("outgoing voters %v", got)
	}
	var all []MemberID
	for _, m := range joint.All() {
		all = append(all, m.ID)
	}
	if !reflect.DeepEqual(all, []MemberID{1, 2, 3, 4}) {
		t.Errorf("all %v", all)
	}
	for id, want := range map[MemberID]struct{ in, voter bool }{1: {true, true}, 3: {true, false}, 4: {true, true}, 5: {}} {
		if m, in := joint.Find(id); in != want.in || in && m.ID != id || joint.IsVoter(id) != want.voter {
			t.Errorf("member %s: found %v (%s), voter %v", id, in, m, joint.IsVoter(id))
		}
	}
	if m, ok := joint.Named("b"); !ok || m.ID != 2 {
		t.Errorf("b is %v", m)
	}
	if _, ok := joint.Named("d"); ok {
		t.Error("d, who goes, still has its name")
	}
}

func TestAMembershipIsChecked(t *testing.T) {
	voter := Member{ID: 1, Name: "a", Role: Voter}
	if m, err := NewMembership(Member{ID: 2, Role: Learner}, voter); err != nil || m.Members[0] != voter {
		t.Errorf("members are not put in order: %v, %v", m, err)
	}
	for says, members := range map[string][]Member{
		"no voter":              {{ID: 1, Role: Learner}},
		"has no identity":       {voter, {Role: Voter}},
		"is there twice":        {voter, voter},
		"unknown role(7)":       {voter, {ID: 2, Role: 7}},
		`are both named "a"`:    {voter, {ID: 2, Name: "a", Role: Voter}},
		"longer than 255 bytes": {voter, {ID: 2, Addr: strings.Repeat("x", 256), Role: Voter}},
		"more than 1024":        append(make([]Member, MaxMembers), voter),
	} {
		if _, err := NewMembership(members...); !errors.Is(err, ErrMembership) || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want a word of %q", err, says)
		}
	}
}

func TestAMalformedMembershipIsRefused(t *testing.T) {
	good := joint.Append(nil)
	unordered := Membership{Members: joint.Members, Outgoing: []Member{joint.Outgoing[1], joint.Outgoing[0]}}
	for name, c := range map[string]struct {
		bytes []byte
		says  string
	}{
		"nothing":               {nil, "cut off"},
		"cut off":               {good[:len(good)-1], "cut off"},
		"too long":              {append(good[:len(good):len(good)], 0), "1 bytes too many"},
		"another version":       {append([]byte{3}, good[1:]...), "version 3, this program knows 2"},
		"no cluster version":    {append([]byte{2, 0, 7}, good[1:]...), "cluster version 0.7 in an encoding of later ones"},
		"a version too large":   {append([]byte{2, 0xff, 0xff, 0xff, 0xff, 0x10, 0}, good[1:]...), "is over 4294967295"},
		"too many":              {[]byte{1, 0xff, 0xff, 0x7f, 0}, "1024 is the most"},
		"outgoing out of order": {unordered.Append(nil), "out of order"},
	} {
		if _, err := DecodeMembership(c.bytes); !errors.Is(err, ErrMembership) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want a word of %q", name, err, c.says)
		}
	}
}
