//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/balsaraft/balsa/sim/chaos/proxy"
)

// kernelNetwork gives each member a network namespace, with a cable to one switch, and
// lets packet filters at the receivers lose what is to be lost. All of it lies inside
// the room and ends with it.
//
//	callers ── switch ──┬── [filter] a 10.99.0.1
//	10.99.0.254         ├── [filter] b 10.99.0.2
//	                    └── …
type kernelNetwork struct {
	members map[string]string // addresses by name
	rules   map[string][]string
}

const (
	netnsDir   = "/run/netns"
	switchName = "chaos0"
	resetFor   = 60 * time.Millisecond
)

// errNoKernel is why there is no kernel network.
var errNoKernel = errors.New("-net kernel is not possible here")

func newKernelNetwork() (network, error) {
	switch {
	case !isolated():
		return nil, fmt.Errorf("%w: it needs root and namespaces", errNoKernel)
	default:
		for _, need := range []string{"ip", "nft"} {
			if _, err := exec.LookPath(need); err != nil {
				return nil, fmt.Errorf("%w: %s is missing (Debian: apt-get install -y iproute2 nftables)", errNoKernel, need)
			}
		}
	}
	// ip netns keeps names there; those of this run are to end with it.
	if err := os.MkdirAll(netnsDir, 0o755); err != nil {
		return nil, err
	}
	if err := syscall.Mount("tmpfs", netnsDir, "tmpfs", 0, ""); err != nil {
		return nil, fmt.Errorf("%w: mount %s: %w", errNoKernel, netnsDir, err)
	}
	for _, line := range []string{
		"link add " + switchName + " type bridge",
		"addr add 10.99.0.254/24 dev " + switchName,
		"link set " + switchName + " up",
	} {
		if err := tool("ip", strings.Fields(line)...); err != nil {
			return nil, fmt.Errorf("%w: %w", errNoKernel, err)
		}
	}
	return &kernelNetwork{members: map[string]string{}, rules: map[string][]string{}}, nil
}

func (k *kernelNetwork) place(name string) (place, error) {
	addr := fmt.Sprintf("10.99.0.%d", len(k.members)+1)
	for _, line := range []string{
		"netns add " + name,
		"link add v-" + name + " type veth peer name eth0 netns " + name,
		"link set v-" + name + " master " + switchName + " up",
		"-n " + name + " addr add " + addr + "/24 dev eth0",
		"-n " + name + " link set eth0 up",
		"-n " + name + " link set lo up",
	} {
		if err := tool("ip", strings.Fields(line)...); err != nil {
			return place{}, err
		}
	}
	k.members[name] = addr
	return place{
		listen: addr + ":7000", advertise: addr + ":7000", http: addr + ":8080", redis: addr + ":6380",
		enter: []string{"ip", "netns", "exec", name},
	}, k.load(name)
}

// load gives a member's filter its rules, all at once.
func (k *kernelNetwork) load(name string) error {
	script := "table inet chaos\ndelete table inet chaos\ntable inet chaos {\n chain in {\n  type filter hook input priority 0;\n"
	for _, rule := range k.rules[name] {
		script += "  " + rule + "\n"
	}
	cmd := exec.Command("ip", "netns", "exec", name, "nft", "-f", "-")
	cmd.Stdin = bytes.NewBufferString(script + " }\n}\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("load the filter of %s: %w: %s", name, err, out)
	}
	return nil
}

// add gives rules to the filters at the ends of directions.
func (k *kernelNetwork) add(routes []proxy.Route, verdict string) error {
	changed := map[string]bool{}
	for _, r := range routes {
		k.rules[r.To] = append(k.rules[r.To], "ip saddr "+k.members[r.From]+" "+verdict)
		changed[r.To] = true
	}
	var errs []error
	for name := range changed {
		errs = append(errs, k.load(name))
	}
	return errors.Join(errs...)
}

func (k *kernelNetwork) set(routes []proxy.Route, c condition) error {
	switch {
	case c.cut:
		return k.add(routes, "drop")
	case c.loss > 0:
		return k.add(routes, fmt.Sprintf("numgen random mod 100 < %d drop", c.loss))
	}
	return nil
}

// reset answers what comes with a reset for a moment: each side that sends anything
// loses its connection. It heals what else there was.
func (k *kernelNetwork) reset(routes []proxy.Route) error {
	if err := k.add(routes, "meta l4proto tcp reject with tcp reset"); err != nil {
		return err
	}
	time.Sleep(resetFor)
	return k.heal()
}

func (k *kernelNetwork) heal() error {
	var errs []error
	for name, rules := range k.rules {
		if len(rules) > 0 {
			delete(k.rules, name)
			errs = append(errs, k.load(name))
		}
	}
	return errors.Join(errs...)
}

func (k *kernelNetwork) lacks(c condition) string {
	if c.delay > 0 {
		return "packet filters cannot delay: run with -net proxy"
	}
	return ""
}

func (k *kernelNetwork) close() {} // it ends with the room
