package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/balsaraft/balsa/bench/internal/contest"
)

// Job is what one process is to do, in a directory that is its own.
type Job struct {
	Kind       string
	Contestant string
	Dir        string
	Addrs      []string // of all members
	Size       int      // of a command, in bytes
	Callers    int
	Warm       time.Duration
	Measure    time.Duration
	// What some kinds need.
	Entries []int // how long logs are
	Behind  int   // by how many bytes a member lags
	LAN     bool
	Kills   int
	ID      int // of the one member that is in this process
	Loads   []string
	// Profile is a directory for profiles, or none, and Profiles which ones.
	Profile  string
	Profiles []string
}

// Result is what it found, by the name of what was done.
type Result map[string]Figures

// kind is a thing that a process can be asked to do.
type kind func(context.Context, Job, *meters) (Result, error)

var kinds map[string]kind

func init() { // for some of them start processes that do others
	kinds = map[string]kind{
		"propose": propose, "others": others,
		"fill": fill, "reopen": reopen,
		"catchup": catchup, "length": length,
		"failover": failover, "member": oneMember,
	}
}

// began is when this process did.
var began = time.Now()

// jobVariable is how a process is told its job.
const jobVariable = "BALSA_BENCH_JOB"

func isChild() bool { return os.Getenv(jobVariable) != "" }

// runChild does a job and writes its result to standard output. It ends without closing
// more than the job did: what it leaves on disk is what a process leaves that was killed.
func runChild() {
	var job Job
	err := json.Unmarshal([]byte(os.Getenv(jobVariable)), &job)
	if err == nil {
		err = doJob(job)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func doJob(job Job) error {
	do, ok := kinds[job.Kind]
	if !ok {
		return fmt.Errorf("no job is called %q", job.Kind)
	}
	result, err := do(context.Background(), job, newMeters(job.Dir))
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

// process is one that will do the job.
func (job Job) process(ctx context.Context) (*exec.Cmd, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	told, err := json.Marshal(job)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program)
	cmd.Env = append(os.Environ(), jobVariable+"="+string(told))
	return cmd, nil
}

// run has the job done by a process of its own.
func (job Job) run(ctx context.Context) (result Result, err error) {
	cmd, err := job.process(ctx)
	if err != nil {
		return nil, err
	}
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s of %s: %w\n%s", job.Kind, job.Contestant, err, firstBytes(problems.Bytes(), 2<<10))
	}
	return result, json.Unmarshal(out.Bytes(), &result)
}

// firstBytes are the beginning of what may be long: a panic begins with the reason.
func firstBytes(b []byte, n int) []byte { return b[:min(len(b), n)] }

// open opens all members of the job's contestant in this process.
func (job Job) open(ctx context.Context, change func(*contest.Config)) (*cluster, error) {
	who, err := one(job.Contestant)
	if err != nil {
		return nil, err
	}
	var configs []contest.Config
	for i := range job.Addrs {
		c, err := job.config(i)
		if err != nil {
			return nil, err
		}
		change(&c)
		configs = append(configs, c)
	}
	return openCluster(ctx, who.open, configs)
}

// asItIs changes nothing, keepLog keeps the whole log.
func asItIs(*contest.Config)    {}
func keepLog(c *contest.Config) { c.KeepLog = true }
