package quorum_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/balsaraft/balsa/raft/quorum"
)

// reachedSlowly tries every value that occurs: the largest that at least a majority
// has reached.
func reachedSlowly(values []int) int {
	best := 0
	for _, candidate := range values {
		reached := 0
		for _, v := range values {
			if v >= candidate {
				reached++
			}
		}
		if 2*reached > len(values) {
			best = max(best, candidate)
		}
	}
	return best
}

func TestReachedIsWhatAMajorityHas(t *testing.T) {
	for _, c := range []struct {
		sentence string
		values   []int
		want     int
	}{
		{"nobody agrees where nobody votes", nil, 0},
		{"a sole voter is its own majority", []int{7}, 7},
		{"of two voters both are needed", []int{7, 3}, 3},
		{"of three voters the slowest does not hold up the others", []int{7, 5, 0}, 5},
		{"of three voters one that is ahead does not count alone", []int{9, 0, 0}, 0},
		{"of four voters three are needed", []int{9, 9, 4, 0}, 4},
		{"of five voters two may be lost", []int{8, 8, 8, 0, 0}, 8},
		{"of five voters three may not be lost", []int{8, 8, 1, 0, 0}, 1},
		{"equal values are told apart by nobody", []int{4, 4, 4, 4}, 4},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			if got := quorum.Reached(c.values); got != c.want {
				t.Errorf("Reached(%v) = %d, want %d", c.values, got, c.want)
			}
			if got := reachedSlowly(c.values); got != c.want {
				t.Errorf("the slow version says %d of %v, want %d", got, c.values, c.want)
			}
		})
	}
}

func TestJointReachedNeedsBothMajorities(t *testing.T) {
	for _, c := range []struct {
		sentence           string
		incoming, outgoing []int
		want               int
	}{
		{"without outgoing voters the incoming ones decide", []int{5, 5, 0}, nil, 5},
		{"the incoming majority alone is not enough", []int{9, 9, 9}, []int{1, 1, 9}, 1},
		{"the outgoing majority alone is not enough", []int{1, 1, 9}, []int{9, 9, 9}, 1},
		{"what both have reached counts", []int{6, 7, 0}, []int{8, 6, 6}, 6},
		{"an incoming configuration without voters agrees to nothing", nil, []int{3, 3, 3}, 0},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			if got := quorum.JointReached(c.incoming, c.outgoing); got != c.want {
				t.Errorf("JointReached = %d, want %d", got, c.want)
			}
		})
	}
}

func TestReachedAgreesWithTheSlowVersion(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	draw := func() []int {
		values := make([]int, chance.IntN(9))
		for i := range values {
			values[i] = chance.IntN(6)
		}
		return values
	}
	for range 20_000 {
		a, b := draw(), draw()
		want := reachedSlowly(a)
		if len(b) > 0 {
			want = min(want, reachedSlowly(b))
		}
		names := fmt.Sprint(a, b)
		if got := quorum.JointReached(a, b); got != want {
			t.Fatalf("JointReached of %s = %d, the slow version says %d", names, got, want)
		}
	}
}

func TestResultOfAVote(t *testing.T) {
	for _, c := range []struct {
		sentence string
		tally    quorum.Tally
		want     quorum.Result
	}{
		{"nobody wins where nobody votes", quorum.Tally{}, quorum.Lost},
		{"a sole voter has not won before it has voted", quorum.Tally{Voters: 1}, quorum.Pending},
		{"a sole voter elects itself", quorum.Tally{Voters: 1, Granted: 1}, quorum.Won},
		{"one of two is no majority", quorum.Tally{Voters: 2, Granted: 1}, quorum.Pending},
		{"one refusal of two decides", quorum.Tally{Voters: 2, Granted: 1, Rejected: 1}, quorum.Lost},
		{"two of three win whatever the third says", quorum.Tally{Voters: 3, Granted: 2}, quorum.Won},
		{"two refusals of three decide", quorum.Tally{Voters: 3, Granted: 1, Rejected: 2}, quorum.Lost},
		{"half of four is no majority", quorum.Tally{Voters: 4, Granted: 2, Rejected: 1}, quorum.Pending},
		{"a tie of four is lost", quorum.Tally{Voters: 4, Granted: 2, Rejected: 2}, quorum.Lost},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			if got := c.tally.Result(); got != c.want {
				t.Errorf("%+v is %s, want %s", c.tally, got, c.want)
			}
		})
	}
}

// resultSlowly plays out every way in which the voters who have not answered may
// still answer.
func resultSlowly(tally quorum.Tally) quorum.Result {
	won, lost := false, false
	for yes := 0; yes <= tally.Voters-tally.Granted-tally.Rejected; yes++ {
		if 2*(tally.Granted+yes) > tally.Voters {
			won = true
		} else {
			lost = true
		}
	}
	switch {
	case won && lost:
		return quorum.Pending
	case won:
		return quorum.Won
	}
	return quorum.Lost
}

func TestResultAgreesWithTheSlowVersion(t *testing.T) {
	const most = 5
	var all []quorum.Tally
	for voters := 0; voters <= most; voters++ {
		for granted := 0; granted <= voters; granted++ {
			for rejected := 0; granted+rejected <= voters; rejected++ {
				all = append(all, quorum.Tally{Voters: voters, Granted: granted, Rejected: rejected})
			}
		}
	}
	for _, in := range all {
		if got, want := in.Result(), resultSlowly(in); got != want {
			t.Errorf("%+v is %s, the slow version says %s", in, got, want)
		}
		for _, out := range all {
			want := resultSlowly(in)
			if out.Voters > 0 {
				want = worse(want, resultSlowly(out))
			}
			if got := quorum.JointResult(in, out); got != want {
				t.Errorf("%+v with %+v is %s, the slow version says %s", in, out, got, want)
			}
		}
	}
}

// worse is the result of two votes that must both be won.
func worse(a, b quorum.Result) quorum.Result {
	for _, r := range []quorum.Result{quorum.Lost, quorum.Pending} {
		if a == r || b == r {
			return r
		}
	}
	return quorum.Won
}

func TestResultsPrintAsWords(t *testing.T) {
	if got := fmt.Sprint(quorum.Pending, quorum.Won, quorum.Lost); got != "pending won lost" {
		t.Errorf("results print as %q", got)
	}
}
