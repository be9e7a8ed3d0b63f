package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the test binary stand in for the command, in scripts and in processes
// of their own.
func TestMain(m *testing.M) {
	testscript.Main(patient{m}, map[string]func(){"balsa": main, talkative: talk, "slack": tellSlack})
}

// talkative is the command, telling of work that takes some milliseconds as often as the
// command does of work that takes minutes.
const talkative = "balsa-talkative"

func talk() {
	redrawEvery, lineEvery = time.Millisecond, time.Millisecond
	main()
}

// patient runs more tests at a time than there are processors, unless -parallel says how
// many: what they mostly do is wait, for elections, timeouts and disks of other processes.
type patient struct{ *testing.M }

func (p patient) Run() int {
	for _, variable := range os.Environ() { // the settings of whoever runs the tests
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "BALSA_") {
			_ = os.Unsetenv(name) // it cannot fail
		}
	}
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == parallel })
	if !asked {
		_ = flag.Set(parallel, fmt.Sprint(2*runtime.GOMAXPROCS(0))) // which every test binary has
	}
	return p.M.Run()
}

const parallel = "test.parallel"

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{Dir: "testdata/script"})
}
