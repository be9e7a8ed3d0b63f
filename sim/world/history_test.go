package world

import (
	"strings"
	"testing"
)

// past is a history made by hand: propose and answer, or look, in turns.
type past struct{ history }

func (p *past) add(count uint64) {
	p.proposed()
	p.answered(uint64(len(p.writes)), count)
}

func (p *past) look(count uint64) { p.saw(p.asked(), count) }

func TestHistoriesAreExplainedOrRefused(t *testing.T) {
	for _, c := range []struct {
		sentence string
		happens  func(*past)
		refused  bool
	}{
		{"nothing happens", func(*past) {}, false},
		{"each answer follows the one before", func(p *past) { p.add(1); p.look(1); p.add(2); p.look(2) }, false},
		{"a read sees less than was answered before it was asked", func(p *past) { p.add(1); p.add(2); p.look(1) }, true},
		{"a read sees less than an earlier read", func(p *past) {
			p.proposed()
			p.ran(1, 1)
			p.look(1)
			p.look(0)
		}, true},
		{"a read that was asked earlier may see less", func(p *past) {
			asked := p.asked()
			p.add(1)
			p.saw(asked, 0)
		}, false},
		{"a read sees what nobody has proposed yet", func(p *past) { p.look(1); p.add(1) }, true},
		{"two commands have one result", func(p *past) { p.add(1); p.add(1) }, true},
		{"a command runs before one that was answered before it", func(p *past) { p.add(2); p.add(1) }, true},
		{"commands side by side run in any order", func(p *past) {
			p.proposed()
			p.proposed()
			p.answered(2, 1)
			p.answered(1, 2)
		}, false},
		{"an outcome that nobody knows may be none", func(p *past) { p.proposed(); p.add(1) }, false},
		{"an outcome that nobody knows may be one", func(p *past) {
			p.proposed()
			p.look(0)
			p.ran(1, 1)
			p.add(2)
			p.look(2)
		}, false},
		{"long after all is quiet, a read sees less", func(p *past) {
			for k := range uint64(100) {
				p.add(k + 1)
			}
			p.look(99)
		}, true},
		{"a command that nobody was told of runs again later", func(p *past) {
			p.proposed()
			p.ran(1, 1)
			p.add(3)
		}, true},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			p := &past{}
			c.happens(p)
			undecided, err := p.judge()
			if undecided || (err != nil) != c.refused {
				t.Errorf("undecided: %v, found: %v", undecided, err)
			}
			if err != nil && !strings.Contains(err.Error(), "are explained; then\n") {
				t.Errorf("it does not say which operations are to blame: %v", err)
			}
		})
	}
}

// The search costs little where all is well, however long the history is.
func TestALongHistoryIsDecided(t *testing.T) {
	p := &past{}
	for k := range uint64(5000) {
		p.proposed()
		if k >= 20 {
			p.answered(k-19, k-19)
		}
		if k%3 == 0 {
			p.look(max(k, 20) - 20 + min(1, k/20))
		}
	}
	if undecided, err := p.judge(); undecided || err != nil {
		t.Errorf("undecided: %v, found: %v", undecided, err)
	}
}
