package main

import (
	"context"
	"fmt"
	"io"
	"time"
)

// part is a section of the comparison: what is measured, and the tables that tell of it.
type part struct {
	name string
	run  func(ctx context.Context, s *suite, out io.Writer) error
}

var parts = []part{
	{"throughput", throughput},
	{"others", otherLoads},
	{"failover", leadersDeath},
	{"reopen", reopening},
	{"catchup", catchingUp},
	{"members", clusterSizes},
	{"sizes", commandSizes},
	{"length", logLengths},
}

// propose is the job of the yardstick.
func (s *suite) propose(size, callers int) Job {
	return Job{Kind: "propose", Size: size, Callers: callers, Warm: s.warm, Measure: s.measured, Profile: s.profile, Profiles: s.profiles}
}

// throughputRow is the name of a row in the table of part throughput.
func throughputRow(size, callers int) string {
	return fmt.Sprintf("%s, %s", bytesName(size), several(callers, "caller"))
}

func throughput(ctx context.Context, s *suite, out io.Writer) error {
	var rows []row
	for _, size := range s.sizes {
		for _, callers := range s.callers {
			rows = append(rows, row{name: throughputRow(size, callers), job: s.propose(size, callers)})
		}
	}
	t, err := s.measure(ctx, s.rounds, s.who, rows)
	if err != nil {
		return err
	}
	s.tell(toldThroughput, t)
	fmt.Fprintf(out, "\n## Proposals on the leader\n\nThree members; each caller waits until its command is on a majority's disks and applied. Medians of %s.\n", several(s.rounds, "round"))
	t.writeShort(out)
	for _, v := range []view{
		{"Proposals a second", "propose", perSecond, higher},
		{"99th percentile, ms", "propose", p99, lower},
		{"Median, ms", "propose", p50, lower},
		{"Processor seconds for a million proposals (all members and the callers)", "propose", processorPerMillion, lower},
		{"Peak memory of the process with all members and the callers, MiB", "propose", peakMiB, lower},
		{"Proposals for each sync of a file (three members sync each)", "propose", entriesPerSync, neither},
		{"Bytes that the disk wrote for a proposal (three copies)", "propose", bytesPerEntry, lower},
	} {
		t.write(out, v)
	}
	t.writeLosses(out, view{"", "propose", perSecond, higher}, view{"", "propose", p99, lower}, view{"", "propose", processorPerMillion, lower})
	return nil
}

func otherLoads(ctx context.Context, s *suite, out io.Writer) error {
	const size, callers = 256, 256
	t, err := s.measure(ctx, s.rounds, withoutMark(s.who), []row{{name: "others", job: Job{
		Kind: "others", Size: size, Callers: callers, Warm: s.warm, Measure: s.measured, Loads: s.loads, Profile: s.profile, Profiles: s.profiles,
	}}})
	if err != nil {
		return err
	}
	s.tell(toldOthers, t.byLoad("others"))
	fmt.Fprintf(out, "\n## Other loads\n\nThree members, %d callers, commands of %s. Medians of %s. – is what a library does not offer, or does not promise: a follower of hashicorp/raft takes no proposals; stale reads of it and of etcd/raft are looks at one's own state, without the library. dragonboat's are as old as they happen to be, balsa's no older than a second.\n", callers, bytesName(size), several(s.rounds, "round"))
	t.byLoad("others").write(out, view{"Operations a second", "", perSecond, higher})
	t.byLoad("others").write(out, view{"99th percentile, ms", "", p99, lower})
	t.byLoad("others").write(out, view{"Processor seconds for a million operations", "", processorPerMillion, lower})
	t.byLoad("others").writeLosses(out, view{"", "", perSecond, higher})
	return nil
}

func leadersDeath(ctx context.Context, s *suite, out io.Writer) error {
	job := Job{Kind: "failover", Size: 256, Kills: s.kills}
	lan := job
	lan.LAN = true
	t, err := s.measure(ctx, 1, withoutMark(s.who), []row{{name: "defaults", job: job}, {name: "LAN", job: lan}})
	if err != nil {
		return err
	}
	s.tell(toldFailover, t)
	fmt.Fprintf(out, "\n## From the leader's death to the next acknowledged write\n\nEach member is a process of its own; the one that leads is killed (SIGKILL), %s. LAN is balsa.LAN, and a heartbeat of 50 ms with elections after 150 to 300 ms for the others.\n", several(s.kills, "time"))
	t.write(out, view{"Median, ms", "failover", p50, lower})
	t.write(out, view{"Least, ms", "failover", fastest, lower})
	t.write(out, view{"Most, ms", "failover", slowest, lower})
	return nil
}

func reopening(ctx context.Context, s *suite, out io.Writer) error {
	const size = 256
	name := fmt.Sprintf("%s × %s", thousands(s.entries), bytesName(size))
	t, err := s.measure(ctx, s.rounds, withoutSlow(withoutMark(s.who)), []row{{name: name, job: Job{Kind: "fill", Size: size, Entries: []int{s.entries}}}})
	if err != nil {
		return err
	}
	s.tell(toldReopen, t)
	fmt.Fprint(out, "\n## Opening a long log again\n\nNo snapshot stands for any of it. The process that holds all three members ends without closing them; another one starts, and every member replays all into an empty state. Nothing of the files is in the system's cache then, as after a restart of the machine, nor when they are read alone, one after the other.\n")
	t.write(out, view{"From the start of the process to the first acknowledged write, s (an election by each library's defaults included)", "reopen", seconds, lower})
	t.write(out, view{"To read all files of the three members once, s", "reopen", readingSeconds, neither})
	t.write(out, view{"Peak memory of the process with all members, MiB", "reopen", peakMiB, lower})
	t.write(out, view{"Bytes on a member's disk for an entry", "fill", diskPerEntry, lower})
	t.write(out, view{"To fill it with 2,048 callers, s", "fill", seconds, lower})
	return nil
}

func catchingUp(ctx context.Context, s *suite, out io.Writer) error {
	const size, callers = 4096, 256
	name := fmt.Sprintf("%d MiB behind", s.behind>>20)
	t, err := s.measure(ctx, 1, oneLogEach(withoutMark(s.who)), []row{{name: name, job: Job{
		Kind: "catchup", Size: size, Callers: callers, Behind: s.behind, Warm: s.warm, Measure: s.measured,
	}}})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\n## A member that catches up while the cluster serves\n\nOne of three was away; %d callers go on with commands of %s while it takes in what it lacks from the others' logs, without a snapshot.\n", callers, bytesName(size))
	t.write(out, view{"Until it has caught up, s", while, seconds, lower})
	t.write(out, view{"MiB a second of what it lacked", while, mibPerSecond, higher})
	t.write(out, view{"Proposals a second meanwhile", while, perSecond, higher})
	t.write(out, view{"Proposals a second before, with two members", alone, perSecond, higher})
	t.write(out, view{"99th percentile meanwhile, ms", while, p99, lower})
	t.write(out, view{"99th percentile before, ms", alone, p99, lower})
	return nil
}

func clusterSizes(ctx context.Context, s *suite, out io.Writer) error {
	var rows []row
	for _, n := range []int{1, 3, 5, 7} {
		rows = append(rows, row{name: fmt.Sprintf("%d members", n), members: n, job: s.propose(256, 256)})
	}
	t, err := s.measure(ctx, 1, oneLogEach(s.who), rows)
	if err != nil {
		return err
	}
	fmt.Fprint(out, "\n## Cost against the size of the cluster\n\n256 B, 256 callers, libraries with one of their logs, all members on this machine's cores and disk.\n")
	t.write(out, view{"Proposals a second", "propose", perSecond, higher})
	t.write(out, view{"Processor seconds for a million proposals", "propose", processorPerMillion, lower})
	return nil
}

func commandSizes(ctx context.Context, s *suite, out io.Writer) error {
	var rows []row
	for _, size := range []int{16, 256, 4 << 10, 64 << 10, 1 << 20} {
		rows = append(rows, row{name: bytesName(size), job: s.propose(size, 16)})
	}
	t, err := s.measure(ctx, 1, oneLogEach(s.who), rows)
	if err != nil {
		return err
	}
	fmt.Fprint(out, "\n## Cost against the size of commands\n\n16 callers, three members, libraries with one of their logs.\n")
	t.write(out, view{"Proposals a second", "propose", perSecond, higher})
	t.write(out, view{"99th percentile, ms", "propose", p99, lower})
	return nil
}

func logLengths(ctx context.Context, s *suite, out io.Writer) error {
	own, err := one("balsa")
	if err != nil {
		return err
	}
	t, err := s.measure(ctx, 1, []contestant{own}, []row{{name: "length", job: Job{
		Kind: "length", Size: 16, Callers: 256, Entries: s.lengths, Warm: s.warm, Measure: s.measured,
	}}})
	if err != nil {
		return err
	}
	fmt.Fprint(out, "\n## Cost against the length of the log\n\nBalsa alone, 16 B, 256 callers, three members in one process, no snapshot.\n")
	t.writeLengths(out, s.lengths)
	return nil
}

// quick is what -quick makes of the settings.
func (s *settings) quick() {
	s.rounds, s.measured, s.warm = 1, 700*time.Millisecond, 300*time.Millisecond
	s.sizes, s.callers = []int{256, 4096}, []int{16, 256, 2048}
	s.entries, s.lengths, s.behind, s.kills = 100_000, []int{1_000, 100_000}, 64<<20, 1
	s.parts = []string{"throughput", "others", "failover", "reopen", "catchup", "length"}
}
