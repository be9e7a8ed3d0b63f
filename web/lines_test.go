package web

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// functionOf is a function of tablesOf, and where its tables of the stack, of files and of lines begin.
type functionOf struct {
	name               string
	stack, file, lines uint32
}

// tablesOf is what a program knows of its functions, behind some other data.
func tablesOf(tables []byte, functions ...functionOf) []byte {
	var names, entries, records []byte
	for _, f := range functions {
		record := make([]byte, lineRecordSize, lineRecordSize+4)
		for at, value := range map[int]uint32{4: uint32(len(names)), 16: f.stack, 20: f.file, 24: f.lines, 28: 1} {
			binary.LittleEndian.PutUint32(record[at:], value)
		}
		entries = binary.LittleEndian.AppendUint32(entries, 7)
		entries = binary.LittleEndian.AppendUint32(entries, uint32(lineEntrySize*len(functions)+len(records)))
		records = append(records, binary.LittleEndian.AppendUint32(record, f.stack)...)
		names = append(append(names, f.name...), 0)
	}
	head := append([]byte{}, linesHead...)
	namesAt := uint64(lineHeadSize)
	tablesAt := namesAt + uint64(len(names))
	for _, n := range []uint64{uint64(len(functions)), 1, 0, namesAt, 1, 1, tablesAt, tablesAt + uint64(len(tables))} {
		head = binary.LittleEndian.AppendUint64(head, n)
	}
	return bytes.Join([][]byte{[]byte("before"), head, names, tables, entries, records}, nil)
}

// Three tables, behind the byte that none begins at: the first has a pair that begins with 0.
var threeTables = []byte{9, 0, 1, 2, 1, 0, 4, 200, 1, 0, 6, 1, 0}

func TestLinesOfGosOwnFunctionsGo(t *testing.T) {
	before := tablesOf(threeTables, functionOf{"runtime.panic", 1, 6, 10}, functionOf{"encoding/json.(*Decoder).Decode", 1, 10, 6})
	got := bytes.Clone(before)
	dropLines(got)
	kept := append(bytes.Clone(threeTables[:6]), make([]byte, len(threeTables)-6)...)
	want := tablesOf(kept, functionOf{"runtime.panic", 1, 0, 0}, functionOf{"encoding/json.(*Decoder).Decode", 1, 0, 0})
	if !bytes.Equal(got, want) {
		t.Errorf("% x\nwant\n% x", got, want)
	}
}

func TestLinesThatOthersNeedStay(t *testing.T) {
	for _, other := range []string{"main.main", "github.com/balsaraft/balsa/raft.New", "example.org/x.F[...]"} {
		got := tablesOf(threeTables, functionOf{"runtime.panic", 1, 6, 10}, functionOf{other, 1, 6, 10})
		dropLines(got)
		want := tablesOf(threeTables, functionOf{"runtime.panic", 1, 0, 0}, functionOf{other, 1, 6, 10})
		if !bytes.Equal(got, want) {
			t.Errorf("%s: % x\nwant\n% x", other, got, want)
		}
	}
}

// Tables that end too soon, or lead out of the data, are not of a program that is known here.
func TestTablesThatAreDifferentAreLeftAlone(t *testing.T) {
	whole := tablesOf(threeTables, functionOf{"runtime.panic", 1, 6, 10})
	head := len("before")
	for size := range len(whole) {
		got := bytes.Clone(whole[:size])
		dropLines(got)
		if !bytes.Equal(got, whole[:size]) {
			t.Fatalf("%d of %d bytes were changed", size, len(whole))
		}
	}
	for at := head + 8; at < len(whole)-8; at++ {
		for _, value := range []uint64{1 << 20, 1 << 40, 1<<64 - 1} {
			wild := bytes.Clone(whole)
			binary.LittleEndian.PutUint64(wild[at:], value)
			dropLines(wild) // it may find tables in there, and must not leave the data
		}
	}
	twice := append(bytes.Clone(whole), whole...)
	got := bytes.Clone(twice)
	dropLines(got)
	if !bytes.Equal(got, twice) {
		t.Error("of two programs one was changed")
	}
}

// A program that panics must say where: in which functions, and on which lines those stand
// that are not Go's own.
func TestTracesHaveNamesAndOwnLines(t *testing.T) {
	if testing.Short() {
		t.Skip("building for browsers takes its time")
	}
	for _, tool := range []string{"go", "node"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(tool + " is not here")
		}
	}
	dir := t.TempDir()
	source := "package main\n\nimport \"slices\"\n\nfunc main() { slices.SortFunc([]int{2, 1}, order) }\n\n//go:noinline\nfunc order(a, b int) int {\n\tpanic(\"as it should\")\n}\n"
	for name, text := range map[string]string{"main.go": source, "go.mod": "module example.org/panics\n\ngo 1.24\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	packed, err := Program(".")
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	program, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("panics.wasm", program, 0o644); err != nil {
		t.Fatal(err)
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	said, err := exec.Command(filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "go_js_wasm_exec"), "panics.wasm").CombinedOutput()
	if err == nil {
		t.Error("it ended well")
	}
	for _, want := range []string{`panic: as it should`, `main\.order\(.*\n.*main\.go:9`, `slices\..*\n\t\?:0`, `main\.main\(.*\n.*main\.go:5`} {
		if !regexp.MustCompile(want).Match(said) {
			t.Errorf("nothing says %s:\n%s", want, said)
		}
	}
}
