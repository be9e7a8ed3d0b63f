package redis

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"
)

var aboutCommands = []command{
	{name: "command", arity: -1, flags: subscribed, group: "server", does: "Describes commands: COUNT, LIST, INFO, DOCS, GETKEYS, HELP.", run: describe},
	{name: "config", arity: -2, group: "server", does: "GET of what clients ask for; RESETSTAT, which does nothing; HELP.", run: config},
	{name: "info", arity: -1, group: "server", does: "Describes the member: server, clients, stats, replication, keyspace, balsa.", run: info},
	{name: "time", arity: 1, flags: quick, group: "server", does: "Returns this member's time.", run: timeOf},
}

// names are those of all commands, in order.
func names() []string { return slices.Sorted(maps.Keys(table)) }

func describe(c *conn, args [][]byte) (action, error) {
	if len(args) == 1 {
		return says(func(w *writer) { describeAll(w, names()) }), nil
	}
	return aboutCommand(c, args)
}

var aboutCommand = oneOf("COMMAND", []subcommand{
	{name: "count", arity: 2, does: "Returns how many commands there are.", run: func(*conn, [][]byte) (action, error) {
		return says(func(w *writer) { w.number(int64(len(table))) }), nil
	}},
	{name: "list", arity: -2, args: "[FILTERBY PATTERN <pattern>]", does: "Returns their names.", run: listCommands},
	{name: "info", arity: -2, args: "[<command-name> ...]", does: "Describes commands, or all.", run: forNamed(describeAll)},
	{name: "docs", arity: -2, args: "[<command-name> ...]", does: "Returns what commands do, or all.", run: forNamed(document)},
	{name: "getkeys", arity: -3, args: "<full-command>", does: "Returns the keys of a command.", run: keysOf},
})

// forNamed writes something of the commands that are named, or of all.
func forNamed(write func(w *writer, all []string)) func(*conn, [][]byte) (action, error) {
	return func(_ *conn, args [][]byte) (action, error) {
		all := names()
		if len(args) > 2 {
			all = nil
			for _, name := range args[2:] {
				all = append(all, inSmall(name))
			}
		}
		return says(func(w *writer) { write(w, all) }), nil
	}
}

func listCommands(_ *conn, args [][]byte) (action, error) {
	all := names()
	switch {
	case len(args) == 5 && inSmall(args[2]) == "filterby" && inSmall(args[3]) == "pattern":
		all = slices.DeleteFunc(all, func(name string) bool { return !match(inSmall(args[4]), name) })
	case len(args) != 2:
		return action{}, errSyntax
	}
	return says(func(w *writer) { w.texts(all...) }), nil
}

func keysOf(_ *conn, args [][]byte) (action, error) {
	args = args[2:]
	known := table[inSmall(args[0])]
	switch {
	case known == nil:
		return action{}, fault("ERR Invalid command specified")
	case known.step == 0:
		return action{}, fault("ERR The command has no key arguments")
	case known.arity >= 0 && len(args) != known.arity, len(args) < -known.arity:
		return action{}, fault("ERR Invalid number of arguments specified for command")
	}
	last := known.last
	if last < 0 {
		last += len(args)
	}
	var all []string
	for i := known.first; i <= last; i += known.step {
		all = append(all, string(args[i]))
	}
	return says(func(w *writer) { w.texts(all...) }), nil
}

func describeAll(w *writer, all []string) {
	w.array(len(all))
	for _, name := range all {
		known := table[name]
		if known == nil {
			w.noArray()
			continue
		}
		w.array(6)
		w.text(known.name)
		w.number(int64(known.arity))
		marks := known.flags.marks()
		w.set(len(marks))
		for _, m := range marks {
			w.simple(m)
		}
		w.number(int64(known.first))
		w.number(int64(known.last))
		w.number(int64(known.step))
	}
}

// marks are the flags that clients know.
func (f flags) marks() (all []string) {
	if f&writes != 0 {
		all = append(all, "write")
	} else {
		all = append(all, "readonly")
	}
	for bit, mark := range map[flags]string{quick: "fast", anybody: "no_auth"} {
		if f&bit != 0 {
			all = append(all, mark)
		}
	}
	slices.Sort(all)
	return all
}

func document(w *writer, all []string) {
	all = slices.DeleteFunc(all, func(name string) bool { return table[name] == nil })
	w.pairs(len(all))
	for _, name := range all {
		w.text(name)
		w.pairs(2)
		w.texts2("summary", table[name].does, "group", table[name].group)
	}
}

// settings are what clients ask for, such as redis-benchmark.
var settings = map[string]string{"appendonly": "yes", "databases": "1", "maxmemory": "0", "save": "", "timeout": "0"}

var config = oneOf("CONFIG", []subcommand{
	{name: "get", arity: -3, args: "<pattern> [<pattern> ...]", does: "Returns what clients ask for, such as redis-benchmark.", run: getSettings},
	{name: "set", arity: -4, args: "<name> <value>", does: "Refuses: settings are those of balsa serve.", run: func(*conn, [][]byte) (action, error) {
		return action{}, fault("ERR settings cannot be changed here; they are those of balsa serve")
	}},
	{name: "resetstat", arity: 2, does: "Changes nothing.", run: func(*conn, [][]byte) (action, error) {
		return action{answer: done}, nil
	}},
})

func getSettings(_ *conn, args [][]byte) (action, error) {
	var fit []string
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if slices.ContainsFunc(args[2:], func(pattern []byte) bool { return match(inSmall(pattern), name) }) {
			fit = append(fit, name)
		}
	}
	return says(func(w *writer) {
		w.pairs(len(fit))
		for _, name := range fit {
			w.texts2(name, settings[name])
		}
	}), nil
}

func timeOf(*conn, [][]byte) (action, error) {
	return says(func(w *writer) {
		now := time.Now()
		w.texts(strconv.FormatInt(now.Unix(), 10), strconv.Itoa(now.Nanosecond()/1000))
	}), nil
}

func info(c *conn, args [][]byte) (action, error) {
	return action{alone: func(ctx context.Context) {
		text := c.about(ctx, args[1:])
		c.write(func(w *writer) { w.verbatim(text) })
	}}, nil
}
