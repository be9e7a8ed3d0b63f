package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/balsaraft/balsa/bench/internal/cluster"
)

// redisLoad is redis-benchmark against a member of Balsa.
type redisLoad struct {
	settings
	addr     string
	command  string // set or get
	pipeline int
	servers  []*cluster.Process

	requests int // as many as take about the time that is wanted; 0 before the first run
}

// run runs it once.
func (r *redisLoad) run(ctx context.Context) (sample, error) {
	if r.requests == 0 {
		r.requests = 400 * r.pipeline * r.clients / 10
	}
	host, port, err := net.SplitHostPort(r.addr)
	if err != nil {
		return sample{}, err
	}
	before, err := cluster.CPU(r.servers)
	if err != nil {
		return sample{}, err
	}
	c := exec.CommandContext(ctx, "redis-benchmark", "-h", host, "-p", port, "-t", r.command, "--csv",
		"-P", strconv.Itoa(r.pipeline), "-c", strconv.Itoa(r.clients), "-n", strconv.Itoa(r.requests),
		"-d", strconv.Itoa(r.size), "-r", strconv.Itoa(r.keys))
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return sample{}, fmt.Errorf("redis-benchmark: %w", err)
	}
	after, err := cluster.CPU(r.servers)
	if err != nil {
		return sample{}, err
	}
	got, err := parseBenchmark(out)
	got.server = (after - before) / time.Duration(r.requests)
	r.requests = max(r.clients*r.pipeline, int(got.perSecond*r.seconds))
	return got, err
}

// parseBenchmark reads what redis-benchmark --csv prints: "test","rps","avg_latency_ms",
// "min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms".
func parseBenchmark(out []byte) (s sample, err error) {
	rows, err := csv.NewReader(bytes.NewReader(out)).ReadAll()
	if err != nil || len(rows) != 2 || len(rows[1]) < 8 {
		return s, fmt.Errorf("redis-benchmark printed what this program cannot read: %q", out)
	}
	var n [8]float64
	for i := 1; i < len(n); i++ {
		if n[i], err = strconv.ParseFloat(rows[1][i], 64); err != nil {
			return s, fmt.Errorf("redis-benchmark printed what this program cannot read: %w", err)
		}
	}
	ms := func(f float64) time.Duration { return time.Duration(f * float64(time.Millisecond)) }
	return sample{perSecond: n[1], p50: ms(n[4]), p99: ms(n[6])}, nil
}
