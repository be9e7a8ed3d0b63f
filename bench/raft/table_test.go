package main

import (
	"strings"
	"testing"
)

// Three contestants, two rounds; the machine was half as fast in the second.
func exampleTable() *table {
	t := &table{
		rows:  []string{"few callers", "many callers"},
		who:   []contestant{{name: "balsa"}, {name: "swift", rival: true}, {name: "slow", rival: true}, {name: "floor", mark: true}},
		cells: map[cell][]Figures{},
	}
	for row, rates := range map[string][4]float64{"few callers": {900, 1000, 100, 2000}, "many callers": {3000, 1500, 1000, 4000}} {
		for i, w := range t.who {
			for _, speed := range []float64{1, 0.5} {
				f := Figures{perSecond: rates[i] * speed, p99: 1000 / rates[i] / speed}
				t.cells[cell{row, w.name, "propose"}] = append(t.cells[cell{row, w.name, "propose"}], f)
			}
		}
	}
	delete(t.cells, cell{"many callers", "slow", "propose"}) // it failed
	return t
}

func TestATableComparesWithTheBestRivalAndTheFloorRoundByRound(t *testing.T) {
	var out strings.Builder
	exampleTable().write(&out, view{"Proposals a second", "propose", perSecond, higher})
	want := `
**Proposals a second**

| | balsa | swift | slow | floor | balsa to the best rival | balsa to the floor |
|---|---|---|---|---|---|---|
| few callers | 675 | 750 | 75.0 | 1,500 | **0.90×** | **0.45×** |
| many callers | 2,250 | 1,125 | – | 3,000 | **2.00×** | **0.75×** |
`
	if out.String() != want {
		t.Errorf("got%s\nwant%s", out.String(), want)
	}
}

func TestInShortTheFastestRivalIsNamed(t *testing.T) {
	var out strings.Builder
	exampleTable().writeShort(&out)
	want := "| few callers | 675 | 750 (swift) | 0.90× | 0.45× | 1.11× |\n| many callers | 2,250 | 1,125 (swift) | 2.00× | 0.75× | 0.50× |\n"
	if !strings.HasSuffix(out.String(), want) {
		t.Errorf("got %s\nwant at its end %s", out.String(), want)
	}
}

func TestLossesAreNamedWhereverARivalIsBetter(t *testing.T) {
	var out strings.Builder
	exampleTable().writeLosses(&out, view{"", "propose", perSecond, higher}, view{"", "propose", p99, lower})
	want := "- few callers: 0.90 times swift's per second.\n- few callers: 1.11 times swift's p99 ms.\n"
	if !strings.HasSuffix(out.String(), "\n\n"+want) {
		t.Errorf("got %s\nwant at its end %s", out.String(), want)
	}
}

func TestGoalsSayWhatIsReachedAndWhatIsNot(t *testing.T) {
	told := exampleTable()
	for i, row := range told.rows {
		name := throughputRow(256, []int{1, 256}[i])
		for c, f := range told.cells {
			if c.row == row {
				told.cells[cell{name, c.contestant, c.load}] = f
			}
		}
	}
	var out strings.Builder
	writeGoals(&out, map[string]*table{toldThroughput: told})
	for _, want := range []string{
		"Of 6 goals 4 were missed.",
		"\n| proposals a second, 256 B, 1 caller | the best rival, swift | 0.90× | ≥ 1.05× | **missed** |\n",
		"\n| proposals a second, 256 B, 256 callers | the floor | 0.75× | ≥ 0.75× | reached |\n",
		"\n| 99th percentile, 256 B, 256 callers | the best rival, swift | 0.50× | ≤ 0.60× | reached |\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	out.Reset()
	if writeGoals(&out, nil); out.Len() > 0 {
		t.Errorf("without tables: %s", &out)
	}
}

func TestNumbersAreShownWithTheDigitsThatMeanSomething(t *testing.T) {
	for v, want := range map[float64]string{1234567.8: "1,234,568", 999.6: "1,000", 100: "100", 12.34: "12.3", 1.234: "1.23", 0: "0.00"} {
		if got := amount(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}
