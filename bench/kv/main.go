// Command kv compares the key-value service with etcd: three durable members of each, on
// this machine and one disk, loaded in turns, several rounds. What one system does at a
// moment when the machine is busy the other one does soon after, so ratios hold where
// single figures do not; medians of both are printed, and a table for a document.
//
//	cd bench && go run ./kv
//	go run ./kv -rounds 9 -seconds 5 -etcd /opt/etcd/etcd
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/balsaraft/balsa/bench/internal/cluster"
)

// settings are what a run is to do.
type settings struct {
	rounds  int
	seconds float64
	clients int
	size    int
	keys    int
	etcd    string
	place   cluster.Place
}

func main() {
	var s settings
	flag.IntVar(&s.rounds, "rounds", 5, "how many rounds")
	flag.Float64Var(&s.seconds, "seconds", 3, "about how long each load takes")
	flag.IntVar(&s.clients, "clients", 50, "connections of each load")
	flag.IntVar(&s.size, "size", 100, "bytes of a value")
	flag.IntVar(&s.keys, "keys", 100_000, "how many keys are written to")
	flag.StringVar(&s.etcd, "etcd", "etcd", "etcd's server")
	s.place.Flags("the members' files")
	cluster.Main("kv", func(ctx context.Context) error { return run(ctx, s) })
}

// load is one thing that is measured.
type load struct {
	system string // whose
	name   string
	run    func(context.Context) (sample, error)
	// against is the load that this one is compared with, "" for none.
	against string
}

// sample is what a load showed once.
type sample struct {
	perSecond float64
	p50, p99  time.Duration
	server    time.Duration // processor time of all members for one operation
}

func run(ctx context.Context, s settings) error {
	err := cluster.Missing(map[string]string{"redis-benchmark": "redis-tools", s.etcd: "etcd-server"})
	if err != nil {
		return err
	}
	dir, program, err := s.place.Prepare(ctx)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	homes := map[string]string{}
	for _, system := range []string{"balsa", "etcd"} {
		homes[system] = filepath.Join(dir, system+"-files")
		if err := os.Mkdir(homes[system], 0o755); err != nil {
			return err
		}
	}
	balsa, err := cluster.StartBalsa(ctx, program, homes["balsa"], 3)
	if err != nil {
		return err
	}
	defer balsa.Stop()
	etcd, err := cluster.StartEtcd(ctx, s.etcd, homes["etcd"])
	if err != nil {
		return err
	}
	defer etcd.Stop()
	loads, err := prepare(ctx, s, balsa, etcd)
	if err != nil {
		return err
	}
	printMachine(s)
	samples := map[string][]sample{}
	for round := range s.rounds + 1 {
		for _, l := range loads {
			got, err := l.run(ctx)
			if err != nil {
				return fmt.Errorf("%s %s: %w", l.system, l.name, err)
			}
			if round == 0 {
				continue // it warms up, and shows how many requests take how long
			}
			fmt.Printf("round %d  %-5s  %-22s %8.0f/s  p50 %8s  p99 %8s  %5.0f µs of processor\n",
				round, l.system, l.name, got.perSecond, brief(got.p50), brief(got.p99), micros(got.server))
			samples[l.name] = append(samples[l.name], got)
		}
	}
	printTable(loads, samples)
	return nil
}

// prepare is all that is measured, in the order of a round. Both systems are asked at
// their leader, where both are fastest.
func prepare(ctx context.Context, s settings, balsa *cluster.Balsa, etcd *cluster.Etcd) ([]load, error) {
	leader, err := balsa.Leader(ctx)
	if err != nil {
		return nil, err
	}
	endpoint, err := etcd.Leader(ctx)
	if err != nil {
		return nil, err
	}
	redis := func(command string, pipeline int) func(context.Context) (sample, error) {
		b := &redisLoad{settings: s, addr: leader.Redis, command: command, pipeline: pipeline, servers: balsa.Processes()}
		return b.run
	}
	rival := func(get bool, callers int) func(context.Context) (sample, error) {
		e := &etcdLoad{settings: s, endpoint: endpoint, get: get, callers: callers, servers: etcd.Processes}
		return e.run
	}
	put, get := fmt.Sprintf("put, %d callers", s.clients), fmt.Sprintf("get, %d callers", s.clients)
	crowd := fmt.Sprintf("put, %d callers", 16*s.clients)
	return []load{
		{"balsa", "SET -P 16", redis("set", 16), put},
		{"etcd", put, rival(false, s.clients), ""},
		{"balsa", "SET -P 1", redis("set", 1), put},
		{"etcd", crowd, rival(false, 16*s.clients), ""},
		{"balsa", "GET -P 16", redis("get", 16), get},
		{"etcd", get, rival(true, s.clients), ""},
		{"balsa", "GET -P 1", redis("get", 1), get},
	}, nil
}

// printMachine says where it was measured.
func printMachine(s settings) {
	version, _ := exec.Command(s.etcd, "--version").Output()
	fmt.Printf("%s; %s\n%d connections, values of %d bytes, %d keys; three members of each system, every write synced by a majority\n\n",
		time.Now().UTC().Format("2 January 2006 15:04 UTC"), cluster.Machine(), s.clients, s.size, s.keys)
	fmt.Printf("%s\n", firstLine(version))
}
