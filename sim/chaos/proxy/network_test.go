package proxy

import (
	"bufio"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa/wire"
)

const patience = 10 * time.Second

// listening is a member b that keeps what it hears by lines, and answers each line
// with itself.
func listening(t *testing.T) (target string, heard <-chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	lines := make(chan string, 100)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if _, _, err := introduction(c); err != nil {
					return
				}
				for in := bufio.NewScanner(c); in.Scan(); {
					lines <- in.Text()
					c.Write(append(in.Bytes(), '\n'))
				}
				lines <- "end"
			}()
		}
	}()
	return l.Addr().String(), lines
}

// dial connects to b as a member, through the network.
func dial(t *testing.T, addr, name string) (say func(string), c net.Conn) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	payload := wire.NewHello(wire.Card{ID: 1, Name: name}, wire.LaneMessages, 2).Append(nil)
	head := make([]byte, wire.FrameHeaderSize)
	wire.PutFrameHeader(head, wire.FrameHello, 0, payload)
	c.Write(append(head, payload...))
	return func(s string) { c.Write([]byte(s + "\n")) }, c
}

func hear(t *testing.T, lines <-chan string, want string) {
	t.Helper()
	select {
	case line := <-lines:
		if line != want {
			t.Fatalf("heard %q, want %q", line, want)
		}
	case <-time.After(patience):
		t.Fatalf("did not hear %q", want)
	}
}

// silent looks for a while whether nothing comes, which a cut has to show.
func silent(t *testing.T, lines <-chan string) {
	t.Helper()
	select {
	case line := <-lines:
		t.Fatalf("heard %q through a cut", line)
	case <-time.After(50 * time.Millisecond):
	}
}

// answers are the lines that come back to who dialled.
func answers(c net.Conn) <-chan string {
	lines := make(chan string, 100)
	go func() {
		for in := bufio.NewScanner(c); in.Scan(); {
			lines <- in.Text()
		}
		lines <- "end"
	}()
	return lines
}

func open(t *testing.T) (n *Network, addr string, heard <-chan string) {
	t.Helper()
	target, heard := listening(t)
	n = New()
	t.Cleanup(n.Close)
	addr, err := n.Open("b", "127.0.0.1:0", target)
	if err != nil {
		t.Fatal(err)
	}
	return n, addr, heard
}

func TestACutHoldsOneDirectionBackUntilItIsHealed(t *testing.T) {
	n, addr, heard := open(t)
	say, c := dial(t, addr, "a")
	back := answers(c)
	say("1")
	hear(t, heard, "1")
	hear(t, back, "1")

	n.Set(Route{"b", "a"}, Rule{Cut: true})
	say("2")
	hear(t, heard, "2")
	silent(t, back)
	n.Heal()
	hear(t, back, "2")

	n.Set(Route{"a", "b"}, Rule{Cut: true})
	say("3")
	silent(t, heard)
	sayOther, _ := dial(t, addr, "c")
	sayOther("other")
	hear(t, heard, "other")
	n.Heal()
	hear(t, heard, "3")
}

func TestADeathIsNotHeardThroughACut(t *testing.T) {
	n, addr, heard := open(t)
	say, c := dial(t, addr, "a")
	say("1")
	hear(t, heard, "1")
	n.Set(Route{"a", "b"}, Rule{Cut: true})
	c.Close()
	silent(t, heard)
	n.Heal()
	hear(t, heard, "end")
}

func TestBreakResetsTheDirectionsThatMatch(t *testing.T) {
	n, addr, heard := open(t)
	sayA, a := dial(t, addr, "a")
	sayC, c := dial(t, addr, "c")
	fromA, fromC := answers(a), answers(c)
	sayA("1")
	hear(t, heard, "1")
	sayC("2")
	hear(t, heard, "2")
	hear(t, fromC, "2")
	hear(t, fromA, "1")
	if count := n.Break(func(r Route) bool { return r.From == "a" }); count != 1 {
		t.Errorf("%d connections were broken, want 1", count)
	}
	hear(t, fromA, "end")
	hear(t, heard, "end")
	sayC("3")
	hear(t, heard, "3")
}

func TestDelayKeepsTheOrder(t *testing.T) {
	n, addr, heard := open(t)
	n.Set(Route{"a", "b"}, Rule{Delay: 20 * time.Millisecond, Jitter: 30 * time.Millisecond})
	begin := time.Now()
	say, _ := dial(t, addr, "a")
	for _, line := range strings.Fields("1 2 3 4 5") {
		say(line)
	}
	for _, line := range strings.Fields("1 2 3 4 5") {
		hear(t, heard, line)
	}
	if took := time.Since(begin); took < 20*time.Millisecond {
		t.Errorf("arrived after %s", took)
	}
}

func TestADeadMemberBreaksTheConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	n := New()
	defer n.Close()
	addr, err := n.Open("b", "127.0.0.1:0", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_, c := dial(t, addr, "a")
	hear(t, answers(c), "end")
}
