// Package cluster starts the systems that are compared, as processes of their own with
// their files on a real disk, and tells what they cost.
package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// names of a cluster's members.
var names = []string{"a", "b", "c"}

// Build builds the command from the sources around this module, into dir. The working
// directory must be inside this module.
func Build(ctx context.Context, dir string) (program string, err error) {
	own, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("find Balsa's sources: %w; run this inside their bench directory", err)
	}
	program = filepath.Join(dir, "balsa")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "./cmd/balsa")
	build.Dir = filepath.Dir(strings.TrimSpace(string(own)))
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return "", fmt.Errorf("build balsa: %w", err)
	}
	return program, nil
}

// Balsa is a running cluster, or one member that is one.
type Balsa struct{ Members []*Member }

// Member is one balsa serve.
type Member struct {
	*Process
	HTTP  string // address
	Redis string // address
	Dir   string

	program string
	args    []string
}

// StartBalsa starts members, each in a directory of its own inside dir, and waits until
// they can be written to.
func StartBalsa(ctx context.Context, program, dir string, members int, flags ...string) (_ *Balsa, err error) {
	free, err := Addrs(3 * members)
	if err != nil {
		return nil, err
	}
	var list []string
	for i := range members {
		list = append(list, names[i]+"="+free[3*i])
	}
	b := &Balsa{}
	defer func() {
		if err != nil {
			b.Stop()
		}
	}()
	for i := range members {
		m := &Member{HTTP: free[3*i+1], Redis: free[3*i+2], Dir: filepath.Join(dir, names[i]), program: program}
		m.args = append([]string{"serve", "--name", names[i], "--dir", m.Dir, "--listen", free[3*i],
			"--http", m.HTTP, "--redis", m.Redis, "--cluster", strings.Join(list, ",")}, flags...)
		if err := m.Start(names[i]); err != nil {
			return nil, err
		}
		b.Members = append(b.Members, m)
	}
	_, err = b.Leader(ctx)
	return b, err
}

// Start starts the member's process, again if it has ended.
func (m *Member) Start(name string) (err error) {
	m.Process, err = start("balsa "+name, m.Dir+".log", m.program, m.args...)
	return err
}

// Processes are those of all members.
func (b *Balsa) Processes() (all []*Process) {
	for _, m := range b.Members {
		all = append(all, m.Process)
	}
	return all
}

// Stop ends all members.
func (b *Balsa) Stop() {
	for _, m := range b.Members {
		m.Stop()
	}
}

// Leader waits for a leader, half a minute at most.
func (b *Balsa) Leader(ctx context.Context) (*Member, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		for _, m := range b.Members {
			if err := m.Err(); err != nil {
				return nil, err
			}
			if s, err := m.Status(ctx); err == nil && s.Role == "leader" {
				return m, nil
			}
		}
		if err := pause(ctx); err != nil {
			return nil, fmt.Errorf("no leader came up: %w", err)
		}
	}
}

// Status is what a member says of itself, as far as it matters here.
type Status struct {
	Role    string `json:"role"`
	Commit  uint64 `json:"commit"`
	Applied uint64 `json:"applied"`
}

// Status asks the member.
func (m *Member) Status(ctx context.Context) (s Status, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+m.HTTP+"/status", nil)
	if err != nil {
		return s, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return s, err
	}
	defer answer.Body.Close()
	return s, json.NewDecoder(answer.Body).Decode(&s)
}

func pause(ctx context.Context) error {
	select {
	case <-time.After(20 * time.Millisecond):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Missing says what of some programs is not here, and how it is to be had.
func Missing(packages map[string]string) (err error) {
	for program, from := range packages {
		if _, lacking := exec.LookPath(program); lacking != nil {
			err = errors.Join(err, fmt.Errorf("%s is missing: install it (Debian: apt-get install -y %s)", program, from))
		}
	}
	return err
}
