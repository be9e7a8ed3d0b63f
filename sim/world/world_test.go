package world_test

import (
	"bufio"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/balsaraft/balsa/sim/world"
)

var (
	fixed = flag.Uint64("fixed", 60, "how many worlds of fixed seeds to play")
	fresh = flag.Uint64("fresh", 10, "how many worlds of seeds that nobody has played yet")
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
	sideBySide(t, seeds, func(t *testing.T, seed uint64) { play(t, seed, mode) })
}

func sideBySide(t *testing.T, seeds []uint64, f func(*testing.T, uint64)) {
	const lanes = 4
	for lane := range lanes {
		t.Run(fmt.Sprintf("lane=%d", lane), func(t *testing.T) {
			t.Parallel()
			for i := lane; i < len(seeds); i += lanes {
				f(t, seeds[i])
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
	// There were no upgrades then, nor sessions that a plot outlives, and they would make other
	// worlds of these seeds.
	without := world.Options{Without: []string{"upgrades", "lost-session"}}
	sideBySide(t, seeds, func(t *testing.T, seed uint64) {
		if r := world.Run(seed, without); r.Err != nil {
			t.Errorf("%v\nreplay with: go run ./sim -without upgrades,lost-session -seed %d -v", r.Err, seed)
		}
	})
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
	sideBySide(t, from(1, shorter(100)), func(t *testing.T, seed uint64) {
		one, two := play(t, seed, world.Swarm), play(t, seed, world.Swarm)
		if one.Digest != two.Digest || one.Events != two.Events {
			t.Errorf("seed %d: %d events with digest %x, then %d with %x", seed, one.Events, one.Digest, two.Events, two.Digest)
		}
	})
}

// A world in which nothing strikes proves nothing. Some troubles are rare: worlds are
// played until each was there.
func TestTroublesHappen(t *testing.T) {
	missing := map[string]bool{}
	for _, what := range []string{
		"read", "control", "followed", "relayed-done", "relayed-again-done",
		"leader-changed", "members-changed", "removed", "snapshot-taken", "snapshot-installed", "snapshot-failed",
		// the network
		"weather-loss", "weather-duplicate", "weather-reorder", "weather-delay", "weather-garble",
		"message-lost", "message-twice", "message-reordered", "message-late", "message-garbled", "message-cut",
		"cut-deaf", "cut-dumb", "cut-bridge", "cut-directions", "partition", "flap", "connections-broken", "moved",
		// disks
		"disk-fails-create", "disk-fails-write", "disk-fails-sync", "disk-fails-rename", "disk-fails-remove", "disk-fails-syncdir",
		"disk-slow", "disk-stalled", "disk-fills", "disk-full", "wiped", "rolled-back", "rot-bit", "rot-sector", "rot-read", "rot-misplaced",
		// processes and clocks
		"died", "died-with-power", "died-in-start", "died-in-task", "died-in-turn", "closed", "storm", "paused", "slow-apply",
		"clock-drifts", "clock-jumps",
		// plots
		"plot-long-tail", "plot-short-reigns", "plot-late-votes", "plot-late-news", "plot-overtaken", "plot-joint-cut", "plot-handover-read", "plot-drifting-lease",
		"plot-stale-start", "plot-acknowledged-crash", "plot-crash-twice", "plot-snapshot-on-tail", "plot-rolled-back", "plot-slow-link", "plot-odd-state", "diverged-found", "plot-restore-running", "restored-running", "restore-left",
		"plot-lost-session", "session-outlived", "session-lost",
	} {
		missing[what] = true
	}
	const most = 300
	for _, seed := range from(1, most) {
		for what, n := range play(t, seed, world.Swarm).Counts {
			if n > 0 {
				delete(missing, what)
			}
		}
		if len(missing) == 0 {
			return
		}
	}
	t.Errorf("what did not happen in any of %d worlds: %v", most, slices.Sorted(maps.Keys(missing)))
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
