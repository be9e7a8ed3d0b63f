// Package pages reads the fenced blocks of the project's pages, for the tests that hold
// what stands in them to the truth.
//
// A block says of what kind it is:
//
//	sh        commands, a line each; a line that ends in "# refused: WORDS" must fail with these words
//	console   commands after "$ ", each with what it prints
//	go, js    a piece of a file that is compiled or run; a line "…" leaves something out
//	json      one value a line, or one in all
//	yaml      a file of settings
//	text      a picture, or what a program prints: nothing to run
//
// What cannot be run has a paragraph after it that begins with "*Not run:*" and says why.
package pages

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Block is one fenced block of a page.
type Block struct {
	Page    string // its path from the top of the project
	Line    int    // of the fence, from 1
	Kind    string
	Text    string
	Section string // the heading that it stands under
	Excuse  string // why no test runs it, "" if one does
}

// Where names the block for people.
func (b Block) Where() string { return fmt.Sprintf("%s:%d", b.Page, b.Line) }

// Lines are those of the block, without their ends.
func (b Block) Lines() []string { return strings.Split(strings.TrimSuffix(b.Text, "\n"), "\n") }

// excuse begins the paragraph that says why a block is not run.
const excuse = "*Not run:* "

// Blocks reads those of a page, whose path is one from the directory top.
func Blocks(top, page string) (all []Block, err error) {
	text, err := os.ReadFile(filepath.Join(top, page))
	if err != nil {
		return nil, err
	}
	const fence = "```"
	section, indent, inside := "", "", false
	for i, line := range strings.Split(string(text), "\n") {
		bare := strings.TrimLeft(line, " ")
		last := len(all) - 1
		switch {
		case inside && bare == fence:
			inside = false
		case inside:
			all[last].Text += strings.TrimPrefix(line, indent) + "\n"
		case strings.HasPrefix(bare, fence):
			inside, indent = true, line[:len(line)-len(bare)]
			all = append(all, Block{Page: page, Line: i + 1, Kind: strings.TrimPrefix(bare, fence), Section: section})
		case strings.HasPrefix(line, "#"):
			section = strings.TrimLeft(line, "# ")
		case strings.HasPrefix(bare, excuse) && last >= 0:
			all[last].Excuse = strings.TrimPrefix(bare, excuse)
		}
	}
	if inside {
		return nil, fmt.Errorf("%s: a block has no end", page)
	}
	return all, nil
}

// All are the pages there are, as paths from top.
func All(top string) (pages []string, err error) {
	for _, pattern := range []string{"*.md", "docs/*.md", "web/*.md"} {
		found, err := filepath.Glob(filepath.Join(top, pattern))
		if err != nil {
			return nil, err
		}
		for _, path := range found {
			page, err := filepath.Rel(top, path)
			if err != nil {
				return nil, err
			}
			pages = append(pages, filepath.ToSlash(page))
		}
	}
	return pages, nil
}
