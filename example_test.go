package balsa_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/balsaraft/balsa"
)

var quiet = slog.New(slog.DiscardHandler) // for output that is the same each time

// A member alone, in memory: the zero Config. With a Dir it survives the process.
func Example() {
	ctx := context.Background()
	sum := balsa.Func(0, func(total *int, _ balsa.Entry, add int) int { *total += add; return *total })
	node, err := balsa.Open(ctx, balsa.Config{Logger: quiet}, sum)
	if err != nil {
		log.Fatal(err)
	}
	defer node.Close()
	fmt.Println(node.Propose(ctx, 5))
	fmt.Println(node.Propose(ctx, 37))
	// Output:
	// 5 <nil>
	// 42 <nil>
}

// Set is a command.
type Set struct{ Key, Value string }

// Commands and results are Go values; JSON carries them unless they marshal themselves.
func ExampleFunc() {
	ctx := context.Background()
	colors := balsa.Func(map[string]string{}, func(m *map[string]string, _ balsa.Entry, c Set) string {
		before := (*m)[c.Key]
		(*m)[c.Key] = c.Value
		return before
	})
	node, err := balsa.Open(ctx, balsa.Config{Logger: quiet}, colors)
	if err != nil {
		log.Fatal(err)
	}
	defer node.Close()
	node.Propose(ctx, Set{"sky", "grey"})
	before, err := node.Propose(ctx, Set{"sky", "blue"})
	fmt.Println(before, err)
	// Output: grey <nil>
}

// Register is a state machine of three methods: one text, which commands replace.
type Register struct{ text string }

// Apply implements balsa.StateMachine. Its result is what was there before.
func (r *Register) Apply(_ balsa.Entry, text string) (before string) {
	before, r.text = r.text, text
	return before
}

// Snapshot implements balsa.StateMachine. What it returns is used later, beside Apply, and
// holds a text that no Apply changes any more.
func (r *Register) Snapshot() (io.WriterTo, error) { return strings.NewReader(r.text), nil }

// Restore implements balsa.StateMachine.
func (r *Register) Restore(from io.Reader) error {
	text, err := io.ReadAll(from)
	r.text = string(text)
	return err
}

// A state machine of one's own has three methods; C and R follow from Apply.
func ExampleStateMachine() {
	ctx := context.Background()
	node, err := balsa.Open(ctx, balsa.Config{Logger: quiet}, &Register{})
	if err != nil {
		log.Fatal(err)
	}
	defer node.Close()
	node.Propose(ctx, "first")
	before, err := node.Propose(ctx, "second")
	fmt.Println(before, err)
	// Output: first <nil>
}

// freeAddr is an address that nobody listens on. On Linux it lies at a random place of
// the loopback network, where no connection's own port can take it before a member does.
func freeAddr() string {
	host := "127.0.0.1"
	if runtime.GOOS == "linux" {
		host = fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(250), rand.IntN(250), 2+rand.IntN(250))
	}
	return freeAddrAt(host)
}

// freeAddrAt is an address of a host that nobody listens on, for certificates that name it.
func freeAddrAt(host string) string {
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Three members of one cluster, here in one process. On three machines the same Config
// differs in Name alone.
func ExampleOpen() {
	ctx := context.Background()
	cluster := map[string]string{"a": freeAddr(), "b": freeAddr(), "c": freeAddr()}
	var nodes []*balsa.Node[*balsa.State[int, int, int], int, int]
	for _, name := range []string{"a", "b", "c"} {
		sum := balsa.Func(0, func(total *int, _ balsa.Entry, add int) int { *total += add; return *total })
		node, err := balsa.Open(ctx, balsa.Config{Name: name, Listen: cluster[name], Cluster: cluster, Logger: quiet}, sum)
		if err != nil {
			log.Fatal(err)
		}
		defer node.Close()
		nodes = append(nodes, node)
	}
	nodes[0].Propose(ctx, 1) // any member will do
	nodes[1].Propose(ctx, 2)
	total, err := nodes[2].Propose(ctx, 3)
	fmt.Println(total, err)
	// Output: 6 <nil>
}

// What founds a cluster: the same on all three machines, but for Name.
func ExampleConfig() {
	founder := balsa.Config{
		Name:   "a", // "b" and "c" on the others
		Dir:    "data",
		Listen: ":7000",
		Cluster: map[string]string{
			"a": "10.0.0.1:7000",
			"b": "10.0.0.2:7000",
			"c": "10.0.0.3:7000",
		},
	}
	fourth := balsa.Config{Name: "d", Dir: "data", Listen: "10.0.0.4:7000", Join: []string{"10.0.0.1:7000"}}
	fmt.Println(len(founder.Cluster), fourth.Join)
	// Output: 3 [10.0.0.1:7000]
}

// How soon a silent leader is replaced; see docs/choosing.md.
func ExampleTiming() {
	slow := balsa.Config{Timing: balsa.WAN}
	own := balsa.Config{Timing: balsa.Timing{Heartbeat: 40 * time.Millisecond, Election: 200 * time.Millisecond}}
	fmt.Println(slow.Timing.Election, own.Timing.Election)
	// Output: 3s 200ms
}

func openCount(ctx context.Context) *balsa.Node[*balsa.State[int, int, int], int, int] {
	node, err := balsa.Open(ctx, balsa.Config{Logger: quiet},
		balsa.Func(0, func(total *int, _ balsa.Entry, add int) int { *total += add; return *total }))
	if err != nil {
		log.Fatal(err)
	}
	return node
}

// Every error says whether the command happened.
func ExampleNode_Propose() {
	ctx := context.Background()
	node := openCount(ctx)
	node.Close()
	_, err := node.Propose(ctx, 5)
	switch {
	case err == nil:
		fmt.Println("it has happened, once")
	case errors.Is(err, balsa.ErrNotCommitted):
		fmt.Println("it has not happened and never will: try again")
	case errors.Is(err, balsa.ErrUnknown):
		fmt.Println("it may have happened: look before you try again")
	}
	// Output: it has not happened and never will: try again
}

// Many commands at once need not wait for each other.
func ExampleNode_ProposeAll() {
	ctx := context.Background()
	node := openCount(ctx)
	defer node.Close()
	for total, err := range node.ProposeAll(ctx, slices.Values([]int{1, 2, 3, 4})) {
		fmt.Println(total, err)
	}
	// Output:
	// 1 <nil>
	// 3 <nil>
	// 6 <nil>
	// 10 <nil>
}

// A read sees all that was acknowledged before, on any member, unless it asks for less.
func ExampleNode_Read() {
	ctx := context.Background()
	node := openCount(ctx)
	defer node.Close()
	node.Propose(ctx, 5)
	var total int
	look := func(s *balsa.State[int, int, int]) { total = s.Value }
	err := node.Read(ctx, look)                                            // linearizable: one round to a majority
	err = errors.Join(err, node.Read(ctx, look, balsa.Lease()))            // the same, if clocks keep pace
	err = errors.Join(err, node.Read(ctx, look, balsa.Stale(time.Second))) // as it was a second ago, or newer
	fmt.Println(total, err)
	// Output: 5 <nil>
}

// Who follows the log sees each command once and in order, and can go on where it was.
func ExampleNode_Committed() {
	ctx := context.Background()
	node := openCount(ctx)
	defer node.Close()
	from := node.Status().Applied + 1
	node.Propose(ctx, 20)
	node.Propose(ctx, 22)
	seen := 0
	for c, err := range node.Committed(ctx, from) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(c.Command)
		if seen++; seen == 2 {
			break
		}
	}
	// Output:
	// 20
	// 22
}

// Status is a value, and JSON.
func ExampleNode_Status() {
	ctx := context.Background()
	node := openCount(ctx)
	defer node.Close()
	node.Propose(ctx, 1)
	text, err := json.Marshal(node.Status())
	fmt.Println(node.Status().Role, bytes.Contains(text, []byte(`"role":"leader"`)), err)
	// Output: leader true <nil>
}
