package reducer_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/reducer"
)

const words = `
export const initial = { words: [] };
export function apply(state, word, { index, time, random }) {
	if (word === "throw") throw new Error("no such word");
	if (word === undefined) return undefined;
	state.words.push({ word, index, time, random });
	return state.words.length;
}
export const query = (state, at) => state.words[at]?.word;
`

var _ balsa.StateMachine[[]byte, []byte] = (*reducer.Machine)(nil)

func load(t testing.TB, source string) *reducer.Machine {
	t.Helper()
	m, err := reducer.Load("words.js", source)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func entry(i int) balsa.Entry {
	return balsa.Entry{Index: balsa.Index(i), Time: time.UnixMilli(1_700_000_000_000), Seed: 1 << 63}
}

func state(t *testing.T, m *reducer.Machine) string {
	t.Helper()
	b, err := m.JSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestAReducerIsAStateMachine(t *testing.T) {
	m := load(t, words)
	if got := string(m.Apply(entry(7), []byte(`"milk"`))); got != "1" {
		t.Errorf("the first word's result is %q", got)
	}
	if got := m.Apply(entry(8), nil); len(got) != 0 {
		t.Errorf("a result that is undefined is %q", got)
	}
	if got, want := state(t, m), `{"words":[{"word":"milk","index":7,"time":1700000000000,"random":0.5}]}`; got != want {
		t.Errorf("the state is %s, not %s", got, want)
	}
	if got, err := m.Query([]byte("0")); string(got) != `"milk"` || err != nil {
		t.Errorf("the first word is %s, %v", got, err)
	}
}

func TestASnapshotIsTheTextThatWindowsHave(t *testing.T) {
	m := load(t, words)
	m.Apply(entry(1), []byte(`"ünïcödé \u2028"`))
	taken, err := m.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	m.Apply(entry(2), []byte(`"after it"`))
	var text bytes.Buffer
	if _, err := taken.WriteTo(&text); err != nil {
		t.Fatal(err)
	}
	other := load(t, words)
	if err := other.Restore(bytes.NewReader(text.Bytes())); err != nil {
		t.Fatal(err)
	}
	if got := state(t, other); got != text.String() || strings.Contains(got, "after it") {
		t.Errorf("restored %s from %s", got, &text)
	}
	other.Apply(entry(2), []byte(`"after it"`))
	if m.StateHash() != other.StateHash() {
		t.Error("two members with the same state hash it differently")
	}
}

func TestAStateMayBeWrittenOtherwise(t *testing.T) {
	m := load(t, `
		export const initial = new Map([["a", 1]]);
		export const apply = (state, key) => state.set(key, state.size + 1).size;
		export const save = (state) => JSON.stringify([...state]);
		export const load = (text) => new Map(JSON.parse(text));
	`)
	if got := string(m.Apply(entry(1), []byte(`"b"`))); got != "2" {
		t.Errorf("of two keys there are %s", got)
	}
	taken, err := m.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if _, err := taken.WriteTo(&text); err != nil || text.String() != `[["a",1],["b",2]]` {
		t.Errorf("the snapshot is %s, %v", &text, err)
	}
}

func TestAReducerThatThrowsStopsItsMemberAndSaysWhere(t *testing.T) {
	m := load(t, words)
	defer func() {
		if said := fmt.Sprint(recover()); !strings.Contains(said, "no such word") || !strings.Contains(said, `at entry 3, the command "throw"`) {
			t.Errorf("it says %s", said)
		}
	}()
	m.Apply(entry(3), []byte(`"throw"`))
}

func TestWhatIsNoReducerIsExplained(t *testing.T) {
	for want, source := range map[string]string{
		"it exports no apply":    "export const initial = {}",
		"apply is no function":   "export const initial = {}, apply = 1",
		"it exports no initial":  "export const apply = () => 0",
		"it throws: Error: oops": "throw new Error('oops')",
		"a reducer imports":      "import x from './x.js'; export const initial = x, apply = x",
		"Unexpected":             "export const initial = {",
		"write initial":          "export const initial = {}; initial.self = initial; export const apply = () => 0",
	} {
		if _, err := reducer.Load("bad.js", source); !errors.Is(err, reducer.ErrModule) || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	m := load(t, words)
	if err := m.Restore(strings.NewReader("no JSON")); err == nil {
		t.Error("a snapshot that is no JSON was read")
	}
}

// What members with other engines must do alike: numbers and text as JSON, the order of
// keys, sorting.
func TestItWritesWhatBrowsersWrite(t *testing.T) {
	m := load(t, `
		export const initial = null;
		export const apply = (_, source) => eval(source);
	`)
	for source, want := range map[string]string{
		`[0.1 + 0.2, 1e21, 1e-7, -0, 5e-324, 123456789012345680000, 1/3]`:                          `[0.30000000000000004,1e+21,1e-7,0,5e-324,123456789012345680000,0.3333333333333333]`,
		`({ b: 1, 2: 2, a: 3, 1: 4 })`:                                                             `{"1":4,"2":2,"b":1,"a":3}`,
		`["\ud800", "é", "</script>", "\u2028", "\u007f", "😀"]`:                                    `["\ud800","é","</script>","` + "\u2028" + `","` + "\u007f" + `","😀"]`,
		`[3, 20, 100].sort()`:                                                                      `[100,20,3]`,
		`[{k: 1, v: 'a'}, {k: 0, v: 'b'}, {k: 1, v: 'c'}].sort((x, y) => x.k - y.k).map(x => x.v)`: `["b","a","c"]`,
		`[NaN, Infinity, undefined]`:                                                               `[null,null,null]`,
		`new Date(1700000000000)`:                                                                  `"2023-11-14T22:13:20.000Z"`,
	} {
		if got := m.Apply(entry(1), fmt.Appendf(nil, "%q", source)); string(got) != want {
			t.Errorf("%s is %s, and in a browser %s", source, got, want)
		}
	}
}

func BenchmarkApply(b *testing.B) {
	m := load(b, `
		export const initial = { total: 0 };
		export const apply = (state, add) => (state.total += add);
	`)
	for b.Loop() {
		m.Apply(entry(1), []byte("1"))
	}
}
