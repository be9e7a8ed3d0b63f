package trial

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/balsaraft/balsa/wire"
)

// memberOf is the name of the variable that makes a test's program member 2, which dials
// the member 1 at the address that the variable holds.
const memberOf = "BALSA_TEST_MEMBER_OF"

// Main runs the tests, or, in the process that Another started, member 2 with the
// transport that listen opens: it answers each message with one of its own.
func Main(m *testing.M, listen func() Transport) {
	addr := os.Getenv(memberOf)
	if addr == "" {
		os.Exit(m.Run())
	}
	transport, first := As(listen(), 2), wire.Peer{ID: 1, Addr: addr}
	transport.Connect([]wire.Peer{first})
	os.Stdout.WriteString(transport.Addr() + "\n")
	for range transport.Wake() {
		for _, a := range transport.Drain(nil) {
			if a.Kind == wire.ArrivedMessage {
				transport.Send(first, &wire.Message{Kind: wire.ReadIndexReply, From: 2, To: 1, ID: a.Message.ID})
			}
		}
	}
}

// Another starts member 2 as a process of its own, and waits for member 1's connection to
// it. The test's TestMain must call Main.
func Another(t *testing.T, one Transport) (wire.Peer, *os.Process) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	process := exec.Command(program)
	process.Env = append(os.Environ(), memberOf+"="+one.Addr())
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
	one.Connect([]wire.Peer{peer})
	Await(t, one, "the connection", Of(wire.ArrivedUp))
	return peer, process.Process
}

// Killed kills member 2, whose end must be known to be one.
func Killed(t *testing.T, one Transport) {
	_, process := Another(t, one)
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	if down := Await(t, one, "the end", Of(wire.ArrivedDown)); !down.Gone {
		t.Errorf("arrived %+v", down)
	}
}
