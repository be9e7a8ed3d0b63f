package main

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// completionCommand prints what a shell needs to complete command lines of balsa.
type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"Which shell: ${enum}."`
}

// The scripts ask the program itself, so that they never know less than it does.
var (
	//go:embed completion/balsa.bash
	bashCompletion string
	//go:embed completion/balsa.zsh
	zshCompletion string
	//go:embed completion/balsa.fish
	fishCompletion string
)

// Run prints the script, whose first lines say where it goes.
func (s completionCommand) Run(c console) error {
	script := map[string]string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}[s.Shell]
	_, err := fmt.Fprint(c.stdout, script)
	return err
}

// completeCommand is what the scripts call.
type completeCommand struct {
	Words []string `arg:"" passthrough:"" help:"The command line without the program's name; the last word is the one to complete."`
}

// Run prints a line for each word that may stand there: the word, tab, what it means.
func (w completeCommand) Run(c console, k *kong.Kong) error {
	words := w.Words
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	for _, found := range complete(k.Model.Node, words) {
		if _, err := fmt.Fprintf(c.stdout, "%s\t%s\n", found.word, found.means); err != nil {
			return err
		}
	}
	return nil
}

// completion is a word that may stand on the command line, and what it means.
type completion struct{ word, means string }

// complete is what the last of the words may become; nothing where it is for the user to
// say, such as the name of a file or a key.
func complete(root *kong.Node, words []string) (found []completion) {
	if len(words) == 0 {
		words = []string{""}
	}
	before, last := words[:len(words)-1], words[len(words)-1]
	at := cursor{node: root}
	for _, word := range before {
		at.pass(word)
	}
	switch name, _, isSet := strings.Cut(last, "="); {
	case at.ended:
	case at.flag != nil:
		found = at.values(at.flag.Value, "")
		last = strings.TrimPrefix(last, "=") // bash makes a word of it
	case strings.HasPrefix(last, "-") && isSet:
		if f := at.find(name); f != nil {
			found = at.values(f.Value, name+"=")
		}
	case strings.HasPrefix(last, "-"):
		found = at.flags()
	default:
		found = at.commands()
	}
	return slices.DeleteFunc(found, func(c completion) bool { return !strings.HasPrefix(c.word, last) })
}

// cursor is how far a command line was understood.
type cursor struct {
	node  *kong.Node // the command so far
	args  int        // how many words it has got that are no flags
	flag  *kong.Flag // whose value comes next
	ended bool       // what follows is another program's
}

// pass goes over a word that is complete.
func (c *cursor) pass(word string) {
	switch {
	case c.ended || c.flag != nil && word == "=":
	case c.flag != nil:
		c.flag = nil
	case word == "--":
		c.ended = true
	case strings.HasPrefix(word, "-"):
		if f := c.find(word); f != nil && !f.IsBool() { // one with "=" is found by no name
			c.flag = f
		}
	default:
		if i := slices.IndexFunc(c.node.Children, func(n *kong.Node) bool { return n.Name == word }); i >= 0 {
			c.node = c.node.Children[i]
			return
		}
		c.args++
	}
}

func (c *cursor) find(name string) *kong.Flag {
	for _, group := range c.node.AllFlags(true) {
		for _, f := range group {
			if "--"+f.Name == name || f.Short != 0 && "-"+string(f.Short) == name {
				return f
			}
		}
	}
	return nil
}

func (c *cursor) flags() (found []completion) {
	for _, group := range c.node.AllFlags(true) {
		for _, f := range group {
			found = append(found, completion{"--" + f.Name, f.Help})
		}
	}
	return found
}

// commands are those below this one, and what its next argument may be.
func (c *cursor) commands() (found []completion) {
	for _, n := range c.node.Children {
		if !n.Hidden {
			found = append(found, completion{n.Name, n.Help})
		}
	}
	if c.args < len(c.node.Positional) {
		found = append(found, c.values(c.node.Positional[c.args], "")...)
	}
	return found
}

// values are those of a flag or an argument that is one of a few.
func (c *cursor) values(v *kong.Value, prefix string) (found []completion) {
	if v.Enum == "" {
		return nil
	}
	for _, one := range v.EnumSlice() {
		found = append(found, completion{prefix + one, ""})
	}
	return found
}
