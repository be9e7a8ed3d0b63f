package balsatest_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/balsatest"
	"github.com/balsaraft/balsa/transport/memory"
	"github.com/balsaraft/balsa/transport/tcp"
	"github.com/balsaraft/balsa/wire"
)

// What the suite checks is what a node asks for, no more and no less; and both of our
// transports are such.
var (
	_ balsa.Transport     = balsatest.Transport(nil)
	_ balsatest.Transport = balsa.Transport(nil)
	_ balsa.Transport     = (*memory.Transport)(nil)
	_ balsa.Transport     = (*tcp.Transport)(nil)
)

// mutants are transports that break one promise each, and the test that must notice.
var mutants = map[string]struct {
	notices string
	change  func(*mutant, []wire.Arrival) []wire.Arrival
}{
	"swaps messages": {"messages_arrive_whole_and_in_order", func(_ *mutant, got []wire.Arrival) []wire.Arrival {
		for i := 0; i+1 < len(got); i += 2 {
			got[i], got[i+1] = got[i+1], got[i]
		}
		return got
	}},
	"forgets a field": {"a_message_keeps_every_field", func(_ *mutant, got []wire.Arrival) []wire.Arrival {
		for i := range got {
			got[i].Message.Session = 0
		}
		return got
	}},
	"hands one memory out twice": {"what_arrived_shares_no_memory_with_what_was_sent", func(m *mutant, got []wire.Arrival) []wire.Arrival {
		for i := range got {
			if data := got[i].Message.Data; len(data) > 0 {
				m.buffer = append(m.buffer[:0], data...)
				got[i].Message.Data = m.buffer
			}
		}
		return got
	}},
	"calls nobody gone": {"a_process_that_ended_is_gone", func(_ *mutant, got []wire.Arrival) []wire.Arrival {
		for i := range got {
			got[i].Gone = false
		}
		return got
	}},
	"does not say who is up": {"a_member_that_was_connected_to_is_up", func(_ *mutant, got []wire.Arrival) []wire.Arrival {
		for i := range got {
			got[i].Card.Name = ""
		}
		return got
	}},
}

// mutant is a transport in memory whose arrivals are changed.
type mutant struct {
	*memory.Transport
	change func(*mutant, []wire.Arrival) []wire.Arrival
	buffer []byte
}

func (m *mutant) Drain(into []wire.Arrival) []wire.Arrival {
	return append(into, m.change(m, m.Transport.Drain(nil))...)
}

const mutantName = "BALSA_TEST_MUTANT"

// TestMutant is for TestTheSuiteNotices, which runs it in a process of its own: a
// failing suite fails the test that calls it.
func TestMutant(t *testing.T) {
	m, ok := mutants[os.Getenv(mutantName)]
	if !ok {
		t.Skip("there is no mutant to test")
	}
	balsatest.TestTransport(t, func(*testing.T) balsatest.Listen {
		network := memory.NewNetwork(1)
		return func(t *testing.T, addr string) balsatest.Transport {
			transport, err := network.Listen(addr)
			if err != nil {
				t.Fatal(err)
			}
			return &mutant{Transport: transport, change: m.change}
		}
	})
}

func TestTheSuiteNotices(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range mutants {
		t.Run(name, func(t *testing.T) {
			run := exec.Command(program, "-test.run", "^TestMutant$/^"+m.notices+"$")
			run.Env = append(os.Environ(), mutantName+"="+name)
			out, err := run.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "--- FAIL: TestMutant/"+m.notices) {
				t.Errorf("a transport that %s passes: %v\n%s", name, err, out)
			}
		})
	}
}
