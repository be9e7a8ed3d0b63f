package wire

import (
	"encoding/json"
	"testing"
)

// TestUpToDate is the table of paper §5.4.1, the last rule of the election.
func TestUpToDate(t *testing.T) {
	for name, c := range map[string]struct {
		p, q Pos
		want bool
	}{
		"the same":                          {Pos{3, 5}, Pos{3, 5}, true},
		"longer in the same term":           {Pos{3, 6}, Pos{3, 5}, true},
		"shorter in the same term":          {Pos{3, 4}, Pos{3, 5}, false},
		"a later term though shorter":       {Pos{4, 1}, Pos{3, 5}, true},
		"an earlier term though longer":     {Pos{2, 9}, Pos{3, 1}, false},
		"anything against an empty log":     {Pos{1, 1}, Pos{}, true},
		"an empty log against anything":     {Pos{}, Pos{1, 1}, false},
		"an empty log against an empty one": {Pos{}, Pos{}, true},
	} {
		if got := c.p.AtLeastAsUpToDate(c.q); got != c.want {
			t.Errorf("%s: %s at least as up to date as %s: %v", name, c.p, c.q, got)
		}
	}
}

func TestIdentitiesPrintAsTheyRead(t *testing.T) {
	if got := (Pos{3, 17}).String(); got != "3/17" {
		t.Errorf("a position prints as %s", got)
	}
	for _, id := range []MemberID{1, 0xabc, 1<<64 - 1} {
		text, err := json.Marshal(id)
		var back MemberID
		if err == nil {
			err = json.Unmarshal(text, &back)
		}
		if err != nil || back != id {
			t.Errorf("%s was read back from %s as %s: %v", id, text, back, err)
		}
	}
	for _, bad := range []string{"", "xyz", "-1", "10000000000000000"} {
		if err := new(MemberID).UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q was read as an identity", bad)
		}
	}
	if text, err := ClusterID(0xc1).MarshalText(); string(text) != "00000000000000c1" || err != nil {
		t.Errorf("a cluster prints as %s", text)
	}
}
