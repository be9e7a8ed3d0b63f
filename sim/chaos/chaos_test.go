//go:build linux

package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// standIn is the environment variable by which the test binary is the command.
const standIn = "BALSA_CHAOS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(standIn) != "" || inRoom() {
		os.Exit(command())
	}
	os.Exit(m.Run())
}

// TestRealProcessesKeepTheirPromises is a short run on each network, each with a seed
// of its own; a long one is a matter of the command.
func TestRealProcessesKeepTheirPromises(t *testing.T) {
	length, chapter := map[string]string{"proxy": "11s", "kernel": "7s"}, "6s"
	if testing.Short() {
		length, chapter = map[string]string{"proxy": "2s", "kernel": "2s"}, "2s"
		t.Log("shortened: a chapter on each network")
	}
	program, err := build(t.TempDir(), false)
	if err != nil {
		t.Fatal(err)
	}
	for _, network := range []string{"proxy", "kernel"} {
		t.Run(network, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-for", length[network], "-chapter", chapter, "-net", network, "-seed", "2", "-balsa", program)
			cmd.Env = append(os.Environ(), standIn+"=1")
			out, err := cmd.CombinedOutput()
			said := string(out)
			if network == "kernel" && strings.Contains(said, errNoKernel.Error()) {
				t.Skip(said)
			}
			t.Log("\n" + said)
			if err != nil || !strings.Contains(said, "no promise was broken") {
				t.Fatalf("%v; a longer run of the same: go run ./sim/chaos -net %s -seed 2 -v", err, network)
			}
		})
	}
}
