package wire

import "testing"

func version(log, commands uint32) ClusterVersion { return ClusterVersion{log, commands} }

func TestTheClusterVersionIsTheLeastOfWhatMembersUnderstand(t *testing.T) {
	upTo := func(log, commands uint32) Versions { return Versions{Newest: version(log, commands)} }
	for _, c := range []struct {
		name string
		of   []Versions
		want ClusterVersion
	}{
		{"nobody", nil, version(0, 0)},
		{"one member", []Versions{upTo(2, 5)}, version(2, 5)},
		{"one is behind in both", []Versions{upTo(2, 5), upTo(1, 4)}, version(1, 4)},
		{"each is behind in one", []Versions{upTo(2, 4), upTo(1, 5)}, version(1, 4)},
		{"one knows of no versions", []Versions{upTo(2, 5), {}}, version(0, 0)},
		{"the library's is too old to say the other", []Versions{upTo(0, 5), upTo(1, 5)}, version(0, 0)},
	} {
		if got := Least(c.of...); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestAProgramFitsVersionsBetweenItsOldestAndNewest(t *testing.T) {
	r := Versions{Oldest: version(1, 2), Newest: version(3, 4)}
	for _, c := range []struct {
		v           ClusterVersion
		old, forgot bool
	}{
		{version(1, 2), false, false}, {version(3, 4), false, false}, {version(2, 3), false, false},
		{version(4, 2), true, false}, {version(1, 5), true, false},
		{version(0, 2), false, true}, {version(3, 1), false, true},
	} {
		if r.TooOld(c.v) != c.old || r.TooNew(c.v) != c.forgot {
			t.Errorf("%s in a cluster of %s: too old %t, too new %t", r, c.v, r.TooOld(c.v), r.TooNew(c.v))
		}
	}
}

func TestClusterVersionsReadBackAsTheyPrint(t *testing.T) {
	for _, v := range []ClusterVersion{version(0, 0), version(1, 42)} {
		text, _ := v.MarshalText()
		var back ClusterVersion
		if err := back.UnmarshalText(text); err != nil || back != v {
			t.Errorf("%s was read back as %s, %v", text, back, err)
		}
	}
	for _, bad := range []string{"", "1", "1.", ".1", "1.2.3", "-1.0", "1.4294967296"} {
		if err := new(ClusterVersion).UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q is taken for a version", bad)
		}
	}
}
