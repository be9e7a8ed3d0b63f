//go:build unix

package tcp_test

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/balsaraft/balsa/transport/tcp"
	"github.com/balsaraft/balsa/wire"
)

// memberProcess is the name of the variable that makes the test's program member 2,
// dialling the member 1 that the variable tells.
const memberProcess = "BALSA_TEST_MEMBER_OF"

func TestMain(m *testing.M) {
	if addr := os.Getenv(memberProcess); addr != "" {
		beMember(addr)
	}
	os.Exit(m.Run())
}

// beMember is the other process's life: it answers each message with one of its own.
func beMember(addr string) {
	transport, err := tcp.Listen("127.0.0.1:0", tcp.Options{})
	if err != nil {
		panic(err)
	}
	c := card(2)
	c.Addr = transport.Addr()
	transport.Introduce(c)
	transport.Connect([]wire.Peer{{ID: 1, Addr: addr}})
	os.Stdout.WriteString(c.Addr + "\n")
	for range transport.Wake() {
		for _, a := range transport.Drain(nil) {
			if a.Kind == wire.ArrivedMessage {
				transport.Send(wire.Peer{ID: 1, Addr: addr}, &wire.Message{Kind: wire.ReadIndexReply, From: 2, To: 1, ID: a.Message.ID})
			}
		}
	}
}

// another starts member 2 as a process of its own, and waits for the connection to it.
func another(t *testing.T) (*tcp.Transport, wire.Peer, *os.Process) {
	t.Helper()
	a := openAs(t, 1, tcp.Options{})
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	process := exec.Command(program)
	process.Env = append(os.Environ(), memberProcess+"="+a.Addr())
	out, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { process.Process.Kill(); process.Wait() })
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	peer := wire.Peer{ID: 2, Addr: strings.TrimSpace(addr)}
	a.Connect([]wire.Peer{peer})
	await(t, a, "the connection", kind(wire.ArrivedUp))
	return a, peer, process.Process
}

func TestAKilledProcessIsGone(t *testing.T) {
	a, _, process := another(t)
	start := time.Now()
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	if down := await(t, a, "the end", kind(wire.ArrivedDown)); !down.Gone {
		t.Errorf("arrived %+v", down)
	}
	t.Logf("noticed after %v", time.Since(start))
}

// TestAStoppedProcessIsNotGone stops the process for longer than a killed one takes to
// be noticed, and lets it go on.
func TestAStoppedProcessIsNotGone(t *testing.T) {
	a, peer, process := another(t)
	if err := process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("the process does not stop: %v", err)
	}
	a.Send(peer, &wire.Message{Kind: wire.ReadIndex, From: 1, To: 2, ID: 1})
	time.Sleep(200 * time.Millisecond)
	for _, x := range a.Drain(nil) {
		if x.Kind != wire.ArrivedUp {
			t.Errorf("while it was stopped arrived %+v", x)
		}
	}
	if err := process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	await(t, a, "the answer", func(x wire.Arrival) bool {
		if x.Kind == wire.ArrivedDown {
			t.Errorf("arrived %+v", x)
		}
		return x.Kind == wire.ArrivedMessage && x.Message.ID == 1
	})
}
