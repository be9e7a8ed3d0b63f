package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/balsaraft/balsa/sim/cover"
	"github.com/balsaraft/balsa/sim/world"
)

func TestACampaignPlaysAllItsWorlds(t *testing.T) {
	if code := playMany(campaign{first: 1, seeds: 8, workers: 2, most: 1}); code != 0 {
		t.Errorf("8 worlds end with %d", code)
	}
}

// What worlds do is in the list of what there is; gaps are few.
func TestACampaignTellsWhichTransitionsWereTaken(t *testing.T) {
	all := cover.New()
	for seed := range uint64(60) {
		all.Add(campaign{covered: true}.play(seed + 1).cover)
	}
	for _, x := range all.Unexpected() {
		t.Errorf("not in the list: %s", x)
	}
	if missing := all.Missing(); len(missing) > 50 {
		t.Errorf("%d transitions are missing after 60 worlds: %v", len(missing), missing)
	}
	var out strings.Builder
	printCover(&out, all, true)
	for _, x := range []string{"transitions of the algorithm: ", "follower, tick: pre-candidate", "never: leader, timeout-now: stays"} {
		if !strings.Contains(out.String(), x) {
			t.Errorf("%q is not told in:\n%s", x, &out)
		}
	}
}

func TestOneWorldIsDrawn(t *testing.T) {
	name := filepath.Join(t.TempDir(), "world.html")
	if code := playOne(7, world.Options{}, look{timeline: name}); code != 0 {
		t.Fatalf("the world ends with %d", code)
	}
	page, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"world of seed 7", "all promises were kept", `class="leader"`, `class="commit"`, `class="m dies"`} {
		if !bytes.Contains(page, []byte(part)) {
			t.Errorf("%q is not on the page", part)
		}
	}
}

func TestOneWorldIsTold(t *testing.T) {
	if code := playOne(3, world.Options{}, look{}); code != 0 {
		t.Errorf("the world ends with %d", code)
	}
}
