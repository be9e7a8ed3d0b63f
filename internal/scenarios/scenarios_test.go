// Package scenarios holds docs/SCENARIOS.md to the truth: each name there has tests that
// bear it, each test that bears a name is listed, and so are the faults that are planted.
// It has no code, only these tests.
package scenarios

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const top = "../.."

// row is a line of the page: a name, what happens, the tests, and whether a fault of that
// kind is planted.
type row struct {
	name    string
	happens string
	tests   []string // package.Test, or raft/testdata/NAME.txt
	planted string   // yes or no
}

// rows reads the tables of the page.
func rows(t *testing.T) (all []row) {
	t.Helper()
	f, err := os.Open(filepath.Join(top, "docs", "SCENARIOS.md"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		cells := strings.Split(lines.Text(), "|")
		if len(cells) != 6 || strings.HasPrefix(cells[1], "---") || strings.TrimSpace(cells[1]) == "name" {
			continue
		}
		r := row{name: strings.TrimSpace(cells[1]), happens: strings.TrimSpace(cells[2]), planted: strings.TrimSpace(cells[4])}
		for test := range strings.FieldsSeq(cells[3]) {
			r.tests = append(r.tests, strings.Trim(test, "`,"))
		}
		all = append(all, r)
	}
	if len(all) < 60 {
		t.Fatalf("the page has %d rows: is its format another one?", len(all))
	}
	return all
}

func TestEachNameHasTestsThatBearIt(t *testing.T) {
	there := parseTests(t)
	seen := map[string]bool{}
	for _, r := range rows(t) {
		if seen[r.name] || r.happens == "" || len(r.tests) == 0 {
			t.Errorf("%s: it is there twice, does not say what happens, or has no test", r.name)
		}
		seen[r.name] = true
		for _, test := range r.tests {
			switch bears, exists := there[test]; {
			case !exists:
				t.Errorf("%s: %s does not exist; name the test that is there now", r.name, test)
			case !bears.name(r.name):
				t.Errorf("%s: %s does not bear the name: say in its comment which scenario it is", r.name, test)
			}
		}
	}
}

func TestEachTestThatBearsANameIsListed(t *testing.T) {
	all := rows(t)
	for name, test := range parseTests(t) {
		for _, r := range all {
			if test.name(r.name) && !slices.Contains(r.tests, name) {
				t.Errorf("%s is a test of %s, and is not in its row of docs/SCENARIOS.md", name, r.name)
			}
		}
		for _, named := range test.scenarios() {
			if !slices.ContainsFunc(all, func(r row) bool { return r.name == named }) {
				t.Errorf("%s says that it is scenario %s, which docs/SCENARIOS.md does not have", name, named)
			}
		}
	}
}

func TestThePageKnowsWhichFaultsArePlanted(t *testing.T) {
	planted := plantedRows(t)
	for _, r := range rows(t) {
		want := "no"
		if planted[r.name] {
			want = "yes"
		}
		if r.planted != want {
			t.Errorf("%s: the page says %q of planted faults, sim/bite says %q", r.name, r.planted, want)
		}
	}
}
