package timeline

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

func stands(id wire.MemberID, role raft.Role, term wire.Term) raft.Status {
	return raft.Status{ID: id, Role: role, Term: term}
}

// day is a short world: a leader is elected, commits, is cut off and dies.
func day() *Timeline {
	t := New()
	for id, seat := range []string{"n1", "n2"} {
		t.Said(0, seat, "starts as somebody")
		t.Started(time.Second, seat, wire.MemberID(id+1), raft.State{HardState: wire.HardState{Term: 1}})
	}
	vote := wire.Message{Kind: wire.Vote, From: 1, To: 2, Term: 2}
	grant := wire.Message{Kind: wire.VoteReply, From: 2, To: 1, Term: 2}
	t.Did(2*time.Second, "n1", stands(1, raft.Candidate, 2), raft.Tick{}, raft.Orders{Send: []wire.Message{vote}})
	t.Did(3*time.Second, "n2", stands(2, raft.Follower, 2), nil, raft.Orders{Send: []wire.Message{grant}})
	t.Did(4*time.Second, "n1", stands(1, raft.Leader, 2), nil, raft.Orders{Committed: 7})
	t.Said(5*time.Second, "n1", "hears nobody")
	t.Said(6*time.Second, "n2", "stands still for 1s")
	t.Said(7*time.Second, "n2", "goes on")
	t.Said(7*time.Second, "", "the network is whole")
	t.Said(8*time.Second, "n1", "dies <by chance>")
	t.Said(9*time.Second, "", "the troubles end")
	return t
}

func pageOf(t *testing.T, line *Timeline, v Verdict) string {
	t.Helper()
	var out strings.Builder
	if err := line.Write(&out, v); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestAPageShowsWhatHappened(t *testing.T) {
	page := pageOf(t, day(), Verdict{Title: "seed 1", Err: errors.New("two leaders")})
	for _, part := range []string{
		"two leaders", `class="leader"`, `class="candidate"`, `class="down"`, `class="waiting"`, `class="pause"`, `class="cut"`,
		`class="asks"`, `class="grants"`, "n1 commits up to 7", "dies &lt;by chance&gt;", `class="healed"`, ">2</text>",
	} {
		if !strings.Contains(page, part) {
			t.Errorf("%q is not on the page", part)
		}
	}
	if strings.Contains(page, "all promises were kept") {
		t.Error("a broken world is called whole")
	}
	if page := pageOf(t, day(), Verdict{}); !strings.Contains(page, "all promises were kept") {
		t.Error("a world that kept its promises is not called so")
	}
}

// It can be sent to somebody, and opened without a network.
func TestAPageNeedsNothingFromOutside(t *testing.T) {
	page := pageOf(t, day(), Verdict{Title: "<script>"})
	for _, part := range []string{"http:", "https:", "src=", "url(", "@import", "<script"} {
		if strings.Contains(page, part) {
			t.Errorf("%q is on the page", part)
		}
	}
	drawing := page[strings.Index(page, "<svg"):strings.Index(page, "</svg>")] + "</svg>"
	for d := xml.NewDecoder(strings.NewReader(drawing)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("the drawing is not well-formed: %v", err)
		}
	}
}

// A hundred times as many events make no page that nobody can open.
func TestALongWorldIsDrawnInBoundedSpace(t *testing.T) {
	t.Parallel()
	line := New()
	const seats = 5
	for id := range wire.MemberID(seats) {
		line.Started(0, fmt.Sprintf("n%d", id+1), id+1, raft.State{})
	}
	for k := range 100_000 {
		at, id := time.Duration(k)*time.Millisecond, wire.MemberID(k%seats+1)
		role := []raft.Role{raft.Follower, raft.Candidate, raft.Leader}[k/seats%3]
		heard := wire.Message{Kind: wire.Append, From: id, To: id%seats + 1}
		asked := wire.Message{Kind: wire.Vote, From: id, To: (id+1)%seats + 1}
		line.Did(at, fmt.Sprintf("n%d", id), stands(id, role, wire.Term(k)), nil, raft.Orders{Committed: wire.Index(k), Send: []wire.Message{heard, asked}})
		line.Said(at, fmt.Sprintf("n%d", id), "has a disk that is slow")
	}
	const most = 4 << 20
	if n := len(pageOf(t, line, Verdict{})); n > most {
		t.Errorf("the page has %d bytes, want at most %d", n, most)
	}
}
