package cluster

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Process is one member of a cluster. It belongs to one goroutine.
type Process struct {
	Name  string
	log   string
	cmd   *exec.Cmd
	ended chan struct{}
}

// start starts a program that says what it says into a file.
func start(name, log, program string, args ...string) (*Process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p := &Process{Name: name, log: log, cmd: exec.Command(program, args...), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// Stop asks the process to end, and ends it if it has not after half a minute.
func (p *Process) Stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(30 * time.Second):
		p.Kill()
	}
}

// Kill ends the process without its knowing.
func (p *Process) Kill() {
	p.cmd.Process.Kill()
	<-p.ended
}

// Err says that the process has ended by itself, and what it said last.
func (p *Process) Err() error {
	select {
	case <-p.ended:
		const enough = 2000
		said, _ := os.ReadFile(p.log)
		return fmt.Errorf("%s has ended (%s); it said:\n%s", p.Name, p.cmd.ProcessState, said[max(0, len(said)-enough):])
	default:
		return nil
	}
}

// Usage is what a process has taken of the machine.
type Usage struct {
	CPU      time.Duration // since it began, of all its threads
	Resident int64         // bytes of memory now
	Peak     int64         // bytes of memory at most, since it began
	Threads  int
	Files    int // that are open, sockets among them
}

// Usage reads what the kernel knows of the process.
func (p *Process) Usage() (u Usage, err error) {
	dir := filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid))
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return u, fmt.Errorf("ask what %s uses: %w", p.Name, err)
	}
	// The name, in parentheses, may have spaces; fields 14 and 15 of proc(5) are ticks.
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return u, fmt.Errorf("ask what %s uses: %s/stat reads %q", p.Name, dir, stat)
	}
	const tick = 10 * time.Millisecond
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return u, fmt.Errorf("ask what %s uses: %w", p.Name, err)
		}
		u.CPU += time.Duration(n) * tick
	}
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return u, fmt.Errorf("ask what %s uses: %w", p.Name, err)
	}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		var n int64
		fmt.Sscan(value, &n)
		switch name {
		case "VmRSS":
			u.Resident = n << 10
		case "VmHWM":
			u.Peak = n << 10
		case "Threads":
			u.Threads = int(n)
		}
	}
	files, err := os.ReadDir(filepath.Join(dir, "fd"))
	if err != nil {
		return u, fmt.Errorf("ask what %s uses: %w", p.Name, err)
	}
	u.Files = len(files)
	return u, nil
}

// CPU is what some processes have used together.
func CPU(all []*Process) (sum time.Duration, err error) {
	for _, p := range all {
		u, err := p.Usage()
		if err != nil {
			return 0, err
		}
		sum += u.CPU
	}
	return sum, nil
}

// Addrs are addresses of this machine that nobody listens on, below those that systems give
// to connections: one of these could take the port of a process that is away.
func Addrs(n int) (all []string, err error) {
	const lowest, ports, tries = 10_000, 20_000, 1000
	for range tries {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", lowest+rand.IntN(ports)))
		if err != nil {
			continue // it is taken
		}
		defer l.Close() // once all are found, so that none is given twice
		if all = append(all, l.Addr().String()); len(all) == n {
			return all, nil
		}
	}
	return nil, fmt.Errorf("no %d free ports between %d and %d", n, lowest, lowest+ports)
}
