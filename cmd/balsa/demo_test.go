package main

import (
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// runDemo starts a demo and returns once it is ready.
func runDemo(t *testing.T, stdin io.Reader, args ...string) (cmd *exec.Cmd, stdout *safeBuffer, exited chan struct{}) {
	t.Helper()
	stdout, exited = new(safeBuffer), make(chan struct{})
	cmd = exec.Command("balsa", append([]string{"demo", "--no-open"}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { cmd.Wait(); close(exited) }()
	t.Cleanup(func() { cmd.Process.Kill(); <-exited })
	eventually(t, "the demo to be ready", func() bool { return strings.Contains(stdout.String(), "\nready\n") })
	return cmd, stdout, exited
}

func TestDemoWithoutATerminalRunsUntilASignal(t *testing.T) {
	t.Parallel()
	cmd, stdout, exited := runDemo(t, strings.NewReader("write 10\n"), "--http", "127.0.0.1:0", "--redis", "127.0.0.1:0")
	eventually(t, "the last command to be obeyed", func() bool { return strings.Contains(stdout.String(), "10 writes in") })
	url := after(t, stdout.String(), "  a  ", " ")
	if _, s, err := askStatus(t.Context(), httpClient, url, ""); err != nil || s.Name != "a" {
		t.Errorf("after the end of its input: %+v, %v", s, err)
	}
	dir := after(t, stdout.String(), "their files are in ", ".\n")
	cmd.Process.Signal(syscall.SIGTERM)
	<-exited
	if code := cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is left behind: %v", dir, err)
	}
}

// after cuts out what stands between two strings.
func after(t *testing.T, s, from, to string) string {
	t.Helper()
	_, s, ok := strings.Cut(s, from)
	s, _, ends := strings.Cut(s, to)
	if !ok || !ends {
		t.Fatalf("nothing between %q and %q", from, to)
	}
	return s
}

func TestDemoTakesOtherPortsThanTheDefaultsIfTheyAreTaken(t *testing.T) {
	l, err := net.Listen("tcp", demoHTTP)
	if err == nil { // else someone else has taken it, which is as good
		defer l.Close()
	}
	_, stdout, _ := runDemo(t, new(bytes.Buffer), "--redis", "127.0.0.1:0")
	if !strings.Contains(stdout.String(), demoHTTP+" is taken; using 127.0.0.1:") {
		t.Errorf("the demo says nothing of the port:\n%s", stdout.String())
	}
}

func TestDemoRefusesAGivenPortThatIsTaken(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	mustFail(t, 1, "--redis "+l.Addr().String(), "demo", "--http", "127.0.0.1:0", "--redis", l.Addr().String())
}
