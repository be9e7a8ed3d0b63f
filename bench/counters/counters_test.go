package counters

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lni/dragonboat/v4/logger"

	"github.com/balsaraft/balsa/bench/counters/balsa"
	"github.com/balsaraft/balsa/bench/counters/dragonboat"
	"github.com/balsaraft/balsa/bench/counters/etcd"
	"github.com/balsaraft/balsa/bench/counters/hashicorp"
)

// counter is what each of them is.
type counter struct {
	add   func(context.Context, int) (int, error)
	close func() error
}

func TestAllCountAlikeAndSurviveARestart(t *testing.T) {
	for _, name := range []string{"raft", "rsm", "transport", "grpc", "dragonboat", "logdb", "raftpb", "config", "settings", "server", "utils", "tan"} {
		logger.GetLogger(name).SetLevel(logger.CRITICAL)
	}
	addr := free(t)
	for name, open := range map[string]func(ctx context.Context, dir string) (counter, error){
		"balsa": func(ctx context.Context, dir string) (counter, error) {
			c, err := balsa.Open(ctx, dir)
			return counter{c.Propose, c.Close}, err
		},
		"hashicorp": func(ctx context.Context, dir string) (counter, error) {
			c, err := hashicorp.Open(ctx, dir)
			return counter{c.Add, c.Close}, err
		},
		"etcd": func(ctx context.Context, dir string) (counter, error) {
			c, err := etcd.Open(ctx, dir)
			return counter{c.Add, c.Close}, err
		},
		"dragonboat": func(ctx context.Context, dir string) (counter, error) {
			c, err := dragonboat.Open(ctx, dir, addr)
			return counter{c.Add, c.Close}, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			dir, want := t.TempDir(), 0
			for range 2 {
				c, err := open(ctx, dir)
				if err != nil {
					t.Fatal(err)
				}
				for range 3 {
					want += 5
					if total, err := c.add(ctx, 5); total != want || err != nil {
						err = errors.Join(err, c.close())
						t.Fatalf("the total is %d, want %d; %v", total, want, err)
					}
				}
				if err := c.close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// free is an address that nobody listens on.
func free(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// docs/comparison.md says how long the files are.
func TestThePageCountsTheirLines(t *testing.T) {
	row := "| lines of the file |"
	for _, name := range []string{"balsa", "hashicorp", "etcd", "dragonboat"} {
		text, err := os.ReadFile(filepath.Join(name, "counter.go"))
		if err != nil {
			t.Fatal(err)
		}
		row += fmt.Sprintf(" %d |", bytes.Count(text, []byte("\n")))
	}
	page, err := os.ReadFile("../../docs/comparison.md")
	if err != nil || !bytes.Contains(page, []byte(row)) {
		t.Errorf("docs/comparison.md lacks the row %s: %v", row, err)
	}
}
