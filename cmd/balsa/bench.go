package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/balsaraft/balsa/client"
	"github.com/balsaraft/balsa/kv"
)

// benchCommand puts load on a cluster: callers outside it, each of which writes again as
// soon as it is answered.
type benchCommand struct {
	Server   []string      `help:"Addresses of members' HTTP ports. Default: ${default}." default:"http://127.0.0.1:8080" placeholder:"URL,..."`
	Clients  int           `help:"How many callers write at a time. Default: ${default}." default:"64" placeholder:"N"`
	Size     int           `help:"Bytes of a value. Default: ${default}." default:"256" placeholder:"BYTES"`
	Keys     int           `help:"How many keys are written to. Default: ${default}." default:"10000" placeholder:"N"`
	Duration time.Duration `help:"How long. Default: ${default}." default:"10s" placeholder:"TIME"`
	JSON     bool          `name:"json" help:"Print the outcome as JSON."`
	credentials
}

// figures are what a run of load has shown.
type figures struct {
	Clients   int     `json:"clients"`
	Size      int     `json:"size"`
	Seconds   float64 `json:"seconds"`
	Writes    int     `json:"writes"`
	OpsPerS   float64 `json:"ops_per_s"`
	P50       float64 `json:"p50_ms"`
	P95       float64 `json:"p95_ms"`
	P99       float64 `json:"p99_ms"`
	Max       float64 `json:"max_ms"`
	Errors    int     `json:"errors"`
	LastError string  `json:"last_error,omitempty"`
}

// Run loads the cluster for a while, with a line of progress a second on a terminal.
func (b benchCommand) Run(ctx context.Context, c console) error {
	if b.Clients < 1 || b.Size < 0 || b.Size > kv.MaxValue || b.Keys < 1 || b.Duration <= 0 {
		return fmt.Errorf("%w: --clients and --keys are 1 at least, --size is 0 to %d, --duration more than 0", errUsage, kv.MaxValue)
	}
	cluster, err := dial(ctx, b.Server, b.credentials)
	if err != nil {
		return err
	}
	defer cluster.Close()
	ready, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := cluster.Ready(ready); err != nil {
		return fmt.Errorf("no cluster answers at %v: %w", b.Server, err)
	}
	f := b.load(ctx, cluster, c)
	if f.Writes == 0 {
		return fmt.Errorf("nothing was written: %s", f.LastError)
	}
	return b.print(c.stdout, f)
}

// load writes from all callers until the time is over, and a call that is under way then
// is waited for.
func (b benchCommand) load(ctx context.Context, cluster *client.Client[kv.Command, kv.Result], c console) figures {
	ctx, cancel := context.WithTimeout(ctx, b.Duration)
	defer cancel()
	value := make([]byte, b.Size)
	rand.Read(value)
	var mu sync.Mutex
	var took []time.Duration
	var failed error
	failures := 0
	var callers sync.WaitGroup
	tells := b.tells(c)
	defer tells.end()
	began := time.Now()
	for i := range b.Clients {
		callers.Go(func() {
			var own []time.Duration
			for n := i; ctx.Err() == nil; n += b.Clients {
				asked := time.Now()
				patient, stop := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
				_, err := cluster.Propose(patient, kv.Do(kv.Set(fmt.Sprintf("bench/%08d", n%b.Keys), value)))
				stop()
				if err != nil {
					mu.Lock()
					failed, failures = err, failures+1
					mu.Unlock()
					continue
				}
				own = append(own, time.Since(asked))
				tells.add(1)
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, own...)
		})
	}
	callers.Wait()
	f := figures{Clients: b.Clients, Size: b.Size, Seconds: time.Since(began).Seconds(), Writes: len(took), Errors: failures}
	if failed != nil {
		f.LastError = failed.Error()
	}
	f.OpsPerS = float64(f.Writes) / f.Seconds
	slices.Sort(took)
	f.P50, f.P95, f.P99, f.Max = percentile(took, 50), percentile(took, 95), percentile(took, 99), percentile(took, 100)
	return f
}

// tells says how fast it goes, unless the outcome is for a program.
func (b benchCommand) tells(c console) *progress {
	if b.JSON {
		return nil
	}
	p := startProgress(c.stderr, "bench", counted("writes"), 0)
	p.until(time.Now().Add(b.Duration))
	return p
}

// percentile is the time within which so many of a hundred were answered, in milliseconds;
// 0 of none.
func percentile(sorted []time.Duration, percent int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	at := (len(sorted)*percent + 99) / 100
	return float64(sorted[max(at, 1)-1].Microseconds()) / 1000
}

func (b benchCommand) print(w io.Writer, f figures) error {
	if b.JSON {
		return printJSON(w, f)
	}
	_, err := fmt.Fprintf(w, "%d writes of %d bytes by %d callers in %.1f s: %.0f/s\nanswered within: half %.2f ms, 95%% %.2f ms, 99%% %.2f ms, all %.2f ms\n",
		f.Writes, f.Size, f.Clients, f.Seconds, f.OpsPerS, f.P50, f.P95, f.P99, f.Max)
	if err == nil && f.Errors > 0 {
		_, err = fmt.Fprintf(w, "%d failed, the last with: %s\n", f.Errors, f.LastError)
	}
	return err
}
