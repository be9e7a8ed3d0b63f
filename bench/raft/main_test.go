package main

import (
	"flag"
	"io"
	"os"
	"slices"
	"testing"
	"time"
)

// The tests' own program does jobs when it is asked to, as the real one does.
func TestMain(m *testing.M) {
	if isChild() {
		runChild()
	}
	flag.Parse()
	// Most of the time is elections, which processes of their own wait for.
	flag.Set("test.parallel", "4")
	os.Exit(m.Run())
}

// forEach runs a test with each contestant but those that are left out, some side by side.
func forEach(t *testing.T, test func(t *testing.T, s *suite, who contestant), leftOut ...string) {
	for _, who := range contestants {
		if slices.Contains(leftOut, who.name) {
			continue
		}
		t.Run(who.name, func(t *testing.T) {
			t.Parallel()
			test(t, &suite{settings: settings{dir: t.TempDir(), limit: time.Minute}, progress: io.Discard}, who)
		})
	}
}

// once has a job done by a process of its own, with each library's own timeouts: shorter
// ones depose leaders on a machine that is busy with other tests.
func once(t *testing.T, s *suite, who contestant, job Job) Result {
	t.Helper()
	result, err := s.do(t.Context(), row{name: "test", job: job}, who, &table{cells: map[cell][]Figures{}})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

const moment = 50 * time.Millisecond

// All members have the same state afterwards, with as many commands as were acknowledged:
// the job fails otherwise.
func TestEachContestantCarriesTheLoad(t *testing.T) {
	forEach(t, func(t *testing.T, s *suite, who contestant) {
		result := once(t, s, who, Job{Kind: "propose", Size: 256, Callers: 32, Measure: 2 * moment})
		if f := result["propose"]; f[count] == 0 || f[p99] < f[p50] || f[processorPerMillion] <= 0 || f[peakMiB] <= 0 {
			t.Errorf("%v", f)
		}
	})
}

func TestEachLibraryCarriesOtherLoads(t *testing.T) {
	offered := map[string][]string{
		"balsa":             otherNames,
		"etcd":              {onLeader, onFollower, linearizable, fromFollower, leaseReads, mixed},
		"etcd-async":        {onLeader, onFollower, linearizable, fromFollower, leaseReads, mixed},
		"hashicorp":         {onLeader, linearizable, mixed},
		"hashicorp-bolt":    {onLeader, linearizable, mixed},
		"dragonboat":        {onLeader, onFollower, linearizable, fromFollower, staleReads, mixed},
		"dragonboat-pebble": {onLeader, onFollower, linearizable, fromFollower, staleReads, mixed},
	}
	forEach(t, func(t *testing.T, s *suite, who contestant) {
		result := once(t, s, who, Job{Kind: "others", Size: 256, Callers: 8, Measure: moment})
		for _, name := range otherNames {
			f, there := result[name]
			if want := slices.Contains(offered[who.name], name); there != want {
				t.Errorf("%s: measured %v, offered %v", name, there, want)
			} else if want && f[count] == 0 {
				t.Errorf("%s: nothing was done", name)
			}
		}
	}, "floor")
}

// A log that a process left without closing it is whole: reopen fails unless every member
// applies all of it again, and another command.
func TestEachLibraryOpensItsLogAgain(t *testing.T) {
	forEach(t, func(t *testing.T, s *suite, who contestant) {
		result := once(t, s, who, Job{Kind: "fill", Size: 256, Entries: []int{3000}})
		if result["fill"][diskPerEntry] < 256 || result["reopen"][seconds] <= 0 {
			t.Errorf("%v", result)
		}
	}, "floor")
}

// No acknowledged command is lost when the process that leads is killed, and the members
// are of one mind once it is back: failover fails otherwise.
func TestEachLibraryGoesOnAfterItsLeadersDeath(t *testing.T) {
	forEach(t, func(t *testing.T, s *suite, who contestant) {
		result := once(t, s, who, Job{Kind: "failover", Size: 256, Kills: 1})
		if f := result["failover"]; f[count] != 1 || f[p50] <= 0 {
			t.Errorf("%v", f)
		}
	}, "floor")
}

// Left out is dragonboat with tan: some proposals that it took while the member came back
// were never answered, now and then, so that its measurement fails after half a minute.
func TestEachLibrarysMemberCatchesUp(t *testing.T) {
	forEach(t, func(t *testing.T, s *suite, who contestant) {
		result := once(t, s, who, Job{Kind: "catchup", Size: 4096, Callers: 8, Behind: 4 << 20, Measure: moment})
		if result[alone][count] == 0 || result[while][mibPerSecond] <= 0 {
			t.Errorf("%v", result)
		}
	}, "floor", "dragonboat")
}

func TestALogsLengthIsMeasuredAsItGrows(t *testing.T) {
	t.Parallel()
	s := &suite{settings: settings{dir: t.TempDir(), limit: time.Minute}}
	own, err := one("balsa")
	if err != nil {
		t.Fatal(err)
	}
	result := once(t, s, own, Job{Kind: "length", Size: 16, Callers: 8, Entries: []int{100, 2000}, Measure: moment})
	for _, n := range []int{100, 2000} {
		if f := result[lengthName(n)]; f[count] == 0 || f[residentMiB] <= 0 {
			t.Errorf("%d entries: %v", n, f)
		}
	}
}
