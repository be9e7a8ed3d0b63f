package redis

import (
	"fmt"
	"strings"
)

// subcommand is one of the commands in one, such as CLIENT ID.
type subcommand struct {
	name  string
	arity int    // as a command's, with both names
	args  string // for HELP
	does  string // for HELP
	run   func(c *conn, args [][]byte) (action, error)
}

// oneOf carries out the subcommands of a command, whose name has capitals. HELP is one of
// them.
func oneOf(parent string, all []subcommand) func(*conn, [][]byte) (action, error) {
	all = append(all, subcommand{name: "help", arity: 2, does: "Prints this help.", run: helpOn(parent, &all)})
	return func(c *conn, args [][]byte) (action, error) {
		name := inSmall(args[1])
		for _, sub := range all {
			if sub.name != name {
				continue
			}
			if n := sub.arity; n >= 0 && len(args) != n || len(args) < -n {
				return action{}, wrongNumber(strings.ToLower(parent) + "|" + name)
			}
			return sub.run(c, args)
		}
		return action{}, fault(fmt.Sprintf("ERR unknown subcommand '%s'. Try %s HELP.", args[1][:min(len(args[1]), 128)], parent))
	}
}

func helpOn(parent string, all *[]subcommand) func(*conn, [][]byte) (action, error) {
	return func(*conn, [][]byte) (action, error) {
		return says(func(w *writer) {
			w.array(1 + 2*len(*all))
			w.simple(parent + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
			for _, sub := range *all {
				w.simple(strings.TrimSpace(strings.ToUpper(sub.name) + " " + sub.args))
				w.simple("    " + sub.does)
			}
		}), nil
	}
}

func wrongNumber(name string) fault {
	return fault("ERR wrong number of arguments for '" + name + "' command")
}
