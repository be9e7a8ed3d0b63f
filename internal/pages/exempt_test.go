package pages

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// exempt are all blocks that no test runs as they stand, by page and first line, with the
// test that comes nearest. A block that is not here has to be run; what its page says of it
// stands behind it there (*Not run:*).
var exempt = []struct{ page, begins, file, test string }{
	{"CONTRIBUTING.md", "make test", ".ci/run", ""}, // which runs these very lines
	{"docs/deploy.md", "make image", "cmd/balsa/compose_test.go", "TestAPersonDrivesThreeContainersByLine"},
	{"docs/introducer.md", "go run ./cmd/balsa introduce", "cmd/balsa/introduce_test.go", "TestThreeAddressesAreOneIntroducer"},
	{"docs/metrics.md", "# prometheus.yml", "", ""}, // a file of another program's
	{"docs/metrics.md", "curl -H ", "cmd/balsa/observe_test.go", "TestAProcessorProfileIsTaken"},
	{"docs/operations.md", "balsa backup --to ", "cmd/balsa/backup_test.go", "TestBackupsAreMadeAgainAndAgainAndTheOldestGo"},
	{"docs/operations.md", "balsa recover --dir /var/lib/balsa --dry-run", "cmd/balsa/recover_test.go", "TestAPersonRecoversAClusterThatLostItsMajority"},
	{"docs/operations.md", "balsa recover --dir /var/lib/balsa", "cmd/balsa/recover_test.go", "TestAPersonRecoversAClusterThatLostItsMajority"},
	{"docs/web.md", "go run ./cmd/balsa introduce", "cmd/balsa/introduce_test.go", "TestThreeAddressesAreOneIntroducer"},
	{"docs/web.md", "export BALSA_SECRET=", "cmd/balsa/keep_test.go", "TestAServerKeepsWhatWindowsShare"},
	{"docs/web.md", "transport, err := websocket.Meet(", "web/test/archive.test.mjs", ""},
}

func TestWhatNoTestRunsIsListedWithWhatComesNearest(t *testing.T) {
	listed := map[int]bool{}
	every(t, func(b Block) {
		if b.Excuse == "" {
			return
		}
		first := strings.TrimSpace(b.Lines()[0])
		for i, e := range exempt {
			if !listed[i] && e.page == b.Page && strings.HasPrefix(first, e.begins) {
				listed[i] = true
				return
			}
		}
		t.Errorf("%s: the block that begins with %q is run by no test: let one run it, or list it here", b.Where(), first)
	})
	for i, e := range exempt {
		if !listed[i] {
			t.Errorf("%s has no block any more that begins with %q and is not run", e.page, e.begins)
		}
		if e.file == "" {
			continue
		}
		source, err := os.ReadFile(filepath.Join(top, e.file))
		if err != nil || e.test != "" && !strings.Contains(string(source), "func "+e.test+"(") {
			t.Errorf("%s, %q: there is no %s in %s: %v", e.page, e.begins, e.test, e.file, err)
		}
	}
}

// What is called a picture must be one: commands in it would be run by nobody.
func TestNoCommandsHideInPictures(t *testing.T) {
	every(t, func(b Block) {
		if b.Kind != "text" {
			return
		}
		for _, line := range b.Lines() {
			for _, start := range []string{"$ ", "balsa ", "go ", "curl ", "make ", "docker ", "kubectl "} {
				if strings.HasPrefix(strings.TrimSpace(line), start) {
					t.Errorf("%s: %q is a command: the block is one of sh or console", b.Where(), line)
				}
			}
		}
	})
}
