// Package floors holds the plan of the house: which package stands on which floor,
// what it may import, and why. It has no code, only the tests that read every file
// and compare.
package floors

import (
	"go/ast"
	"maps"
	"slices"
	"testing"
)

func roomOf(dir string) (room, bool) {
	i := slices.IndexFunc(rooms, func(r room) bool { return r.dir == dir })
	if i < 0 {
		return room{}, false
	}
	return rooms[i], true
}

func TestThePlanItselfOnlyFalls(t *testing.T) {
	for _, r := range rooms {
		for _, name := range r.imports {
			below, ok := roomOf(name)
			switch {
			case !ok:
				t.Errorf("%s may import %s, which is not in the plan", r.dir, name)
			case below.floor > r.floor:
				t.Errorf("%s on floor %d may import %s on floor %d: imports only fall", r.dir, r.floor, name, below.floor)
			case below.floor == r.floor && !slices.Contains(everybodys, name) && !within(name, r.dir+"/internal/"):
				t.Errorf("%s may import its sibling %s on floor %d", r.dir, name, r.floor)
			}
		}
		if r.why == "" {
			t.Errorf("%s: say why", r.dir)
		}
	}
}

func within(name, prefix string) bool { return len(name) > len(prefix) && name[:len(prefix)] == prefix }

func TestThePlanShowsEveryPackageAndNoOther(t *testing.T) {
	built := map[string]bool{}
	for _, s := range parseModule(t) {
		built[s.dir] = true
		if _, ok := roomOf(s.dir); !ok {
			t.Errorf("%s is not in the plan: give it a row in table_test.go, with its floor, its imports and why", s.path())
		}
	}
	for _, r := range rooms {
		if !built[r.dir] {
			t.Errorf("%s is in the plan, but there is no such package", r.dir)
		}
	}
}

func TestImportsAreThoseOfThePlan(t *testing.T) {
	for _, s := range parseModule(t) {
		r, _ := roomOf(s.dir)
		for imported := range s.imports() {
			name, own := ours(imported)
			switch {
			case s.isTest() && own, name == s.dir:
				// Tests look at a package from outside, with suites from above.
			case own && !slices.Contains(r.imports, name):
				t.Errorf("%s imports %s, which is not in its row (%s)", s.path(), name, r.why)
			case !own && !standard(imported) && !mayImportForeign(r, s, imported):
				t.Errorf("%s imports %s: floors 0 to %d use the standard library alone, and those above name each module in the plan", s.path(), imported, firstUserFloor-1)
			}
		}
	}
}

// What a row allows and nobody uses would let an arrow in that no one decided on.
func TestThePlanAllowsNoMoreThanIsUsed(t *testing.T) {
	used := map[string]map[string]bool{}
	for _, s := range parseModule(t) {
		for imported := range s.imports() {
			if name, own := ours(imported); own && !s.isTest() {
				if used[s.dir] == nil {
					used[s.dir] = map[string]bool{}
				}
				used[s.dir][name] = true
			}
		}
	}
	for _, r := range rooms {
		for _, name := range r.imports {
			if !used[r.dir][name] {
				t.Errorf("%s may import %s, and does not: take it out of the row", r.dir, name)
			}
		}
	}
}

func mayImportForeign(r room, s source, imported string) bool {
	for _, m := range r.foreign {
		if imported == m || within(imported, m+"/") {
			return true
		}
	}
	return s.isTest() && slices.ContainsFunc(onlyInTests, func(m string) bool { return imported == m || within(imported, m+"/") })
}

func TestTheLibraryPullsInNoServer(t *testing.T) {
	heavy := []string{"net/http", "net/rpc", "html/template", "text/template", "database/sql", "plugin"}
	for _, s := range parseModule(t) {
		r, _ := roomOf(s.dir)
		for imported := range s.imports() {
			library := !s.isTest() && r.floor < firstUserFloor
			if library && slices.Contains(heavy, imported) && !(imported == "net/http" && slices.Contains(serversGuests, s.dir)) {
				t.Errorf("%s imports %s: every program that replicates would carry it, browsers too", s.path(), imported)
			}
			if name, own := ours(imported); library && own && slices.Contains(serversGuests, name) {
				t.Errorf("%s imports %s, and net/http with it: every program that replicates would carry it, browsers too", s.path(), imported)
			}
			if imported == "math/rand" {
				t.Errorf("%s imports math/rand: use math/rand/v2, whose sources are seeded on purpose", s.path())
			}
			if imported == "syscall/js" && !slices.Contains(browserRooms, s.dir) {
				t.Errorf("%s imports syscall/js, which only %v may", s.path(), browserRooms)
			}
		}
	}
}

// waits are the functions of package time that look at a clock.
var waits = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick"}

func TestPurePackagesHaveNoClockGoroutineChanceOrSystem(t *testing.T) {
	for _, s := range parseModule(t) {
		r, known := roomOf(s.dir)
		if s.isTest() || !known {
			continue
		}
		forbid := func(p power, where, what string) {
			if r.powers&p == 0 {
				t.Errorf("%s %s, which %s must not (%s)", where, what, r.dir, r.why)
			}
		}
		imports := s.imports()
		for imported, p := range map[string]power{"os": osFiles, "os/exec": osFiles, "net": network, "math/rand/v2": chance, "crypto/rand": chance} {
			if _, ok := imports[imported]; ok {
				forbid(p, s.path(), "imports "+imported)
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch x := n.(type) {
			case *ast.GoStmt:
				forbid(goroutines, s.at(x), "starts a goroutine")
			case *ast.SelectorExpr:
				if of, ok := x.X.(*ast.Ident); ok && imports["time"] == of.Name && of.Name != "" && slices.Contains(waits, x.Sel.Name) {
					forbid(clock, s.at(x), "uses time."+x.Sel.Name)
				}
			}
			return true
		})
	}
}

func TestEveryPackageHasOnePackageComment(t *testing.T) {
	comments := map[string][]string{}
	for _, s := range parseModule(t) {
		if _, seen := comments[s.dir]; !seen {
			comments[s.dir] = nil
		}
		if s.file.Doc != nil {
			comments[s.dir] = append(comments[s.dir], s.name)
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(comments)) {
		if files := comments[dir]; len(files) != 1 {
			t.Errorf("%s has %d package comments (%v): one tells its story", dir, len(files), files)
		}
	}
}

// A browser's build of a package offers what a server's does, so that code above it
// compiles for both.
func TestBothPlatformsExportTheSameNames(t *testing.T) {
	type names map[string]bool
	server, browser := map[string]names{}, map[string]names{}
	for _, s := range parseModule(t) {
		r, _ := roomOf(s.dir)
		if s.isTest() || r.floor >= firstUserFloor {
			continue
		}
		for _, p := range []struct {
			goos, goarch string
			into         map[string]names
		}{{"linux", "amd64", server}, {"js", "wasm", browser}} {
			if !s.builtFor(t, p.goos, p.goarch) {
				continue
			}
			if p.into[s.dir] == nil {
				p.into[s.dir] = names{}
			}
			for _, name := range s.exported() {
				p.into[s.dir][name] = true
			}
		}
	}
	for dir, here := range server {
		there, both := browser[dir]
		if !both {
			continue // a part that browsers do without, such as TCP
		}
		for name := range here {
			if !there[name] {
				t.Errorf("%s: %s is missing in the build for browsers", dir, name)
			}
		}
		for name := range there {
			if !here[name] {
				t.Errorf("%s: %s is there in the build for browsers alone", dir, name)
			}
		}
	}
}
