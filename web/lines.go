package web

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// A program knows where in the sources each of its instructions stands, for the traces of
// panics. Where calls are inlined, these tables take a fifteenth of it, compressed. Those of
// Go's own packages go: a trace says "?:0" where one of their functions stands, and still has
// its name, and the lines of all others.
//
//	head      u8[8] f1 ff ff ff 00 00 01 08, u64 functions, u64[2],
//	          u64 where names begin, u64[2], u64 where tables begin, u64 where functions begin
//	function  u32, u32 where its record begins, behind where functions do
//	record    u32, u32 name, u32[2], u32 stack, u32 file, u32 line, u32 others, u32[3], u32 each other table
//	table     pairs of varints; a pair that begins with 0 ends it, unless it is the first
//
// So has Go 1.20 to 1.26 (runtime/symtab.go). What looks otherwise is left as it is.

var linesHead = []byte{0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8}

const (
	lineHeadSize   = 72
	lineEntrySize  = 8
	lineRecordSize = 44
	atFileTable    = 20 // in a record
)

// dropLines takes the tables out of a part of a program's data, and puts zeros where they were.
func dropLines(data []byte) {
	at := bytes.Index(data, linesHead)
	if at < 0 || len(data)-at < lineHeadSize || bytes.Contains(data[at+1:], linesHead) {
		return
	}
	size := len(data) - at
	t := lineTables{data: data[at:], kept: make([]bool, size), gone: make([]bool, size)}
	t.names, t.tables, t.functions = t.place(32), t.place(56), t.place(64)
	var records []int
	for i := range t.place(8) {
		record := t.functions + t.u32(t.functions+lineEntrySize*i+4)
		if t.sort(record) {
			records = append(records, record)
		}
	}
	if t.bad {
		return
	}
	for i, gone := range t.gone {
		if gone && !t.kept[i] {
			t.data[i] = 0
		}
	}
	for _, record := range records {
		clear(t.data[record+atFileTable:][:8])
	}
}

// lineTables are those of a program. After something that is not as it should be they are bad.
type lineTables struct {
	data                     []byte
	kept, gone               []bool // bytes of tables that some function needs, or would do without
	names, tables, functions int
	bad                      bool
}

func (t *lineTables) place(at int) int {
	n := binary.LittleEndian.Uint64(t.data[at:])
	if n > uint64(len(t.data)) {
		t.bad = true
		return 0
	}
	return int(n)
}

func (t *lineTables) u32(at int) int {
	if at < 0 || at+4 > len(t.data) {
		t.bad = true
		return 0
	}
	return int(binary.LittleEndian.Uint32(t.data[at:]))
}

// sort says of a function's tables which are needed, and whether it is to lose its lines.
func (t *lineTables) sort(record int) (drop bool) {
	t.mark(t.kept, record+16)
	for i := range min(t.u32(record+28), len(t.data)) {
		t.mark(t.kept, record+lineRecordSize+4*i)
	}
	into := t.kept
	if drop = ofGo(t.name(t.names + t.u32(record+4))); drop {
		into = t.gone
	}
	t.mark(into, record+atFileTable)
	t.mark(into, record+atFileTable+4)
	return drop
}

func (t *lineTables) name(at int) string {
	if at > len(t.data) {
		t.bad = true
		return ""
	}
	name, _, _ := bytes.Cut(t.data[at:], []byte{0})
	return string(name)
}

// ofGo says whether a function is of a package that comes with Go: the paths of those have
// no dot in their first part.
func ofGo(function string) bool {
	first, _, inFolder := strings.Cut(function, "/")
	return !(inFolder && strings.Contains(first, ".")) && !strings.HasPrefix(function, "main.")
}

// table is where a table begins and ends; one at 0 is none.
func (t *lineTables) table(table int) (from, to int) {
	if table == 0 || t.bad {
		return 0, 0
	}
	from = t.tables + table
	for at := from; at < len(t.data); {
		_, n := binary.Uvarint(t.data[at:])
		if n == 1 && t.data[at] == 0 && at > from {
			return from, at + 1
		}
		_, m := binary.Uvarint(t.data[min(at+max(n, 0), len(t.data)):])
		if n <= 0 || m <= 0 {
			break
		}
		at += n + m
	}
	t.bad = true
	return 0, 0
}

// mark marks the table that stands at a place.
func (t *lineTables) mark(into []bool, at int) {
	from, to := t.table(t.u32(at))
	for i := from; i < to; i++ {
		into[i] = true
	}
}
