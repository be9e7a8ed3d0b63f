package pages

import (
	"encoding/json"
	"go/format"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const top = "../.."

// runBy says which test runs the commands of a page.
var runBy = map[string]struct{ file, test string }{
	"README.md":          {"cmd/balsa/pages_test.go", "TestPagesAreTrue"},
	"docs/tutorial.md":   {"cmd/balsa/pages_test.go", "TestPagesAreTrue"},
	"docs/command.md":    {"cmd/balsa/pages_test.go", "TestPagesAreTrue"},
	"docs/redis.md":      {"cmd/balsa/pages_test.go", "TestPagesAreTrue"},
	"docs/operations.md": {"cmd/balsa/pages_test.go", "TestPagesAreTrue"},
	"docs/testing.md":    {"cmd/balsa/pages_test.go", "TestPagesAreTrue"},
	"docs/security.md":   {"cmd/balsa/security_test.go", "TestTheStepsOfTheSecurityPageWork"},
	"docs/http.md":       {"kv/http/page_test.go", "TestThePageIsTrue"},
}

// every calls f with each block of each page.
func every(t *testing.T, f func(b Block)) {
	t.Helper()
	pages, err := All(top)
	if err != nil || len(pages) < 10 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	for _, page := range pages {
		blocks, err := Blocks(top, page)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range blocks {
			f(b)
		}
	}
}

func TestEveryBlockIsHeldToTheTruth(t *testing.T) {
	every(t, func(b Block) {
		switch b.Kind {
		case "text", "go", "js", "json", "yaml": // see below
		case "sh", "console":
			by, ok := runBy[b.Page]
			if !ok {
				if b.Excuse == "" {
					t.Errorf("%s: no test runs these commands: name one in runBy, or write after the block: %swhy", b.Where(), excuse)
				}
				return
			}
			source, err := os.ReadFile(filepath.Join(top, by.file))
			if err != nil || !strings.Contains(string(source), "func "+by.test+"(") || !strings.Contains(string(source), b.Page) {
				t.Errorf("%s: %s has no %s that reads it", b.Where(), by.file, by.test)
			}
		default:
			t.Errorf("%s: a block is sh, console, go, js, json, yaml or text, and this one is %q", b.Where(), b.Kind)
		}
	})
}

// A block of Go or JavaScript stands in a file of the project, which other tests compile
// and run.
func TestBlocksOfProgramsArePiecesOfPrograms(t *testing.T) {
	programs := map[string]map[string]string{"go": essence(t, ".go"), "js": essence(t, ".js", ".mjs", ".jsx", ".html")}
	every(t, func(b Block) {
		if files := programs[b.Kind]; files != nil && b.Excuse == "" && !slices.ContainsFunc(slices.Collect(values(files)), func(file string) bool { return hasPieces(file, b.Text) }) {
			t.Errorf("%s: no file of the project has this piece:\n%s", b.Where(), b.Text)
		}
	})
}

func values(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for _, v := range m {
			if !yield(v) {
				return
			}
		}
	}
}

// hasPieces says whether the pieces of a block, between its lines "…", stand in a file, in
// order.
func hasPieces(file, block string) bool {
	for _, piece := range regexp.MustCompile(`(?m)^\s*…$`).Split(block, -1) {
		piece = strings.TrimPrefix(strip(piece), "\n")
		at := strings.Index(file, "\n"+piece)
		if at < 0 {
			return false
		}
		file = file[at+len(piece):]
	}
	return true
}

var (
	comment = regexp.MustCompile(`(^|\s)//.*$|/\*\* @type .*? \*/ ?`)
	spaces  = regexp.MustCompile(`\s+`)
)

// strip leaves out what makes no difference: comments, indents, alignment and empty lines.
func strip(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = spaces.ReplaceAllString(comment.ReplaceAllString(strings.TrimSpace(line), ""), " ")
		if line = strings.TrimSpace(line); line != "" {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// essence are the files of the project with these endings, stripped.
func essence(t *testing.T, endings ...string) map[string]string {
	files := map[string]string{}
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git"):
			return fs.SkipDir
		case d.IsDir() || !slices.Contains(endings, filepath.Ext(path)):
			return nil
		}
		text, err := os.ReadFile(path)
		files[path] = "\n" + strip(string(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestBlocksOfGoAreFormatted(t *testing.T) {
	every(t, func(b Block) {
		if b.Kind != "go" || b.Excuse != "" || strings.Contains(b.Text, "…") {
			return
		}
		formatted, err := format.Source([]byte(b.Text))
		if err != nil || strings.TrimSpace(string(formatted)) != strings.TrimSpace(b.Text) {
			t.Errorf("%s: gofmt makes of it\n%s%v", b.Where(), formatted, err)
		}
	})
}

func TestBlocksOfDataCanBeRead(t *testing.T) {
	every(t, func(b Block) {
		switch {
		case b.Excuse != "":
		case b.Kind == "yaml":
			if err := yaml.Unmarshal([]byte(b.Text), new(any)); err != nil {
				t.Errorf("%s: %v", b.Where(), err)
			}
		case b.Kind == "json" && !json.Valid([]byte(b.Text)):
			for _, line := range b.Lines() {
				if !json.Valid([]byte(line)) {
					t.Errorf("%s: neither the block nor this line is JSON: %s", b.Where(), line)
				}
			}
		}
	})
}

var (
	link   = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	inline = regexp.MustCompile("`[^`\n]*`")
)

// A link leads to a file of the project, and to a heading in it.
func TestLinksLeadSomewhere(t *testing.T) {
	pages, err := All(top)
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		text, err := os.ReadFile(filepath.Join(top, page))
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range link.FindAllStringSubmatch(inline.ReplaceAllString(string(text), ""), -1) {
			to := found[1]
			if strings.Contains(to, "://") || strings.HasPrefix(to, "mailto:") {
				continue
			}
			path, anchor, _ := strings.Cut(to, "#")
			target := filepath.Join(top, page)
			if path != "" {
				target = filepath.Join(filepath.Dir(target), path)
			}
			body, err := os.ReadFile(target)
			if _, missing := os.Stat(target); missing != nil {
				t.Errorf("%s: the link to %s leads nowhere", page, to)
			} else if anchor != "" && (err != nil || !slices.Contains(anchors(string(body)), anchor)) {
				t.Errorf("%s: the link to %s leads to no heading", page, to)
			}
		}
	}
}

// anchors are those that headings of a page have where it is shown.
func anchors(page string) (all []string) {
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(page, -1) {
		a := strings.ToLower(heading[1])
		a = regexp.MustCompile(`[^\p{L}\p{N}\s_-]`).ReplaceAllString(a, "")
		all = append(all, strings.ReplaceAll(a, " ", "-"))
	}
	return all
}

func TestBlocksAreReadAsTheyStand(t *testing.T) {
	dir := t.TempDir()
	page := "# One\n\n1. item\n\n   ```sh\n   ls\n     x\n   ```\n\n   *Not run:* why.\n\n## Two\n```go\nx\n```\n"
	if err := os.WriteFile(filepath.Join(dir, "p.md"), []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Blocks(dir, "p.md")
	want := []Block{
		{Page: "p.md", Line: 5, Kind: "sh", Text: "ls\n  x\n", Section: "One", Excuse: "why."},
		{Page: "p.md", Line: 13, Kind: "go", Text: "x\n", Section: "Two"},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}
