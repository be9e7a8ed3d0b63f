package main

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// docker runs a command of Docker's in the project's directory, which must succeed.
func docker(t *testing.T, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.Dir = "../.."
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, said)
	}
}

// The session that TestAPersonDrivesThreeMembersByLine has with processes, with the image
// and compose.yaml as they stand, where there is an engine that takes them.
func TestAPersonDrivesThreeContainersByLine(t *testing.T) {
	for _, needs := range [][]string{{"info"}, {"compose", "version"}} {
		if err := exec.Command("docker", needs...).Run(); err != nil {
			t.Skipf("no Docker engine with compose is here: docker %s: %v", strings.Join(needs, " "), err)
		}
	}
	build := exec.Command("make", "-C", "../..", "image")
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("make image: %v\n%s", err, said)
	}
	project := fmt.Sprintf("balsa-test-%d", time.Now().UnixNano())
	compose := func(args ...string) {
		t.Helper()
		docker(t, append([]string{"compose", "--project-name", project}, args...)...)
	}
	t.Cleanup(func() { compose("down", "--volumes", "--timeout", "5") })
	compose("up", "--detach", "--no-build")
	var all []*process
	for i, name := range []string{"a", "b", "c"} {
		all = append(all, &process{
			t: t, name: name, client: httpClient,
			httpURL: fmt.Sprintf("http://127.0.0.1:%d", 8081+i), lines: fmt.Sprintf("127.0.0.1:%d", 8001+i),
		})
	}
	driveByLine(t, all, func(p *process) { compose("stop", p.name) }, func(p *process) {
		compose("start", p.name)
		eventually(t, p.name+" to be ready", func() bool {
			a, err := p.ask("GET", "/readyz", "")
			return err == nil && a.status == 200
		})
	})
	compose("up", "--detach", "--no-build", "--wait") // which waits for the health checks
}
