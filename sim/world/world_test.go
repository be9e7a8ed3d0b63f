package world_test

import (
	"bufio"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/balsaraft/balsa/sim/world"
)

var (
	fixed = flag.Uint64("fixed", 100, "how many worlds of fixed seeds to play")
	fresh = flag.Uint64("fresh", 50, "how many worlds of seeds that nobody has played yet")
)

// play plays one world, and says how to play it again if a promise was broken in it.
func play(t *testing.T, seed uint64, mode world.Mode) world.Result {
	t.Helper()
	r := world.Run(seed, world.Options{Mode: mode})
	if r.Err != nil {
		t.Errorf("%v\nreplay with: go run ./sim -mode %s -seed %d -v", r.Err, mode, seed)
	}
	return r
}

// playAll plays worlds side by side.
func playAll(t *testing.T, seeds []uint64, mode world.Mode) {
	const lanes = 4
	for lane := range lanes {
		t.Run(fmt.Sprintf("lane=%d", lane), func(t *testing.T) {
			t.Parallel()
			for i := lane; i < len(seeds); i += lanes {
				play(t, seeds[i], mode)
			}
		})
	}
}

func shorter(n uint64) uint64 {
	if testing.Short() {
		return n / 5
	}
	return n
}

func from(first, n uint64) (seeds []uint64) {
	for seed := first; seed < first+n; seed++ {
		seeds = append(seeds, seed)
	}
	return seeds
}

// Worlds that once broke a promise keep them all now.
func TestWorldsThatOnceBroke(t *testing.T) {
	file, err := os.Open("testdata/corpus.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var seeds []uint64
	for lines := bufio.NewScanner(file); lines.Scan(); {
		text, _, _ := strings.Cut(strings.TrimSpace(lines.Text()), " ")
		if text == "" || text == "#" {
			continue
		}
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("testdata/corpus.txt: %q: a line is a seed and what it showed", lines.Text())
		}
		seeds = append(seeds, seed)
	}
	playAll(t, seeds, world.Swarm)
}

func TestWorldsKeepAllPromises(t *testing.T) {
	for _, mode := range []world.Mode{world.Swarm, world.Safety, world.Liveness} {
		t.Run(string(mode), func(t *testing.T) { playAll(t, from(1, shorter(*fixed)/2), mode) })
	}
}

func TestWorldsThatNobodyHasSeenKeepAllPromises(t *testing.T) {
	playAll(t, from(rand.Uint64()>>16, shorter(*fresh)), world.Swarm)
}

func TestTheSameSeedIsTheSameWorld(t *testing.T) {
	for _, seed := range from(1, shorter(100)) {
		one, two := play(t, seed, world.Swarm), play(t, seed, world.Swarm)
		if one.Digest != two.Digest || one.Events != two.Events {
			t.Errorf("seed %d: %d events with digest %x, then %d with %x", seed, one.Events, one.Digest, two.Events, two.Digest)
		}
	}
}

// A world in which nothing strikes proves nothing.
func TestTroublesHappen(t *testing.T) {
	counts := map[string]int{}
	for _, seed := range from(1, 60) {
		for what, n := range play(t, seed, world.Swarm).Counts {
			counts[what] += n
		}
	}
	for _, what := range []string{
		"died", "wiped", "read", "control", "leader-changed", "members-changed", "removed", "disk-full",
		"snapshot-taken", "snapshot-installed", "snapshot-failed",
	} {
		if counts[what] == 0 {
			t.Errorf("%s did not happen in any of 60 worlds", what)
		}
	}
}

func TestATraceTellsALineAnEvent(t *testing.T) {
	var told strings.Builder
	r := world.Run(1, world.Options{Trace: &told})
	if silent := world.Run(1, world.Options{}); r.Digest != silent.Digest {
		t.Errorf("a world that is told of differs from the same one untold")
	}
	for _, part := range []string{"starts as", "leader term=", "commit=", "receives append", "the troubles end"} {
		if !strings.Contains(told.String(), part) {
			t.Errorf("the trace does not tell of %q", part)
		}
	}
}

func TestAnUnknownModeIsRefused(t *testing.T) {
	if err := (world.Options{Mode: "mayhem"}).Check(); err == nil {
		t.Error("the mode mayhem is taken")
	}
}
