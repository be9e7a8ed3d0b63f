package main

import (
	"encoding/json"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// withoutData are commands that run until they are told to end, or print a script.
var withoutData = map[string]string{
	"demo": "runs", "serve": "runs", "introduce": "runs", "keep": "runs",
	"completion": "prints a script", "complete": "prints words for a script",
	"kv lock": "its output is that of the command that it runs",
}

// leaves are the commands that do something, by their words.
func leaves(n *kong.Node, path string) (all map[string]*kong.Node) {
	all = map[string]*kong.Node{}
	for _, child := range n.Children {
		name := strings.TrimSpace(path + " " + child.Name)
		if len(child.Children) == 0 {
			all[name] = child
			continue
		}
		for deeper, leaf := range leaves(child, name) {
			all[deeper] = leaf
		}
	}
	return all
}

// Whoever adds a command that prints something adds a row here.
func TestEachCommandThatPrintsDataPrintsJSON(t *testing.T) {
	t.Parallel()
	a := newProcess(t, "a").start()
	a.awaitReady()
	gone := newProcess(t, "gone").start()
	gone.awaitReady()
	gone.kill()
	a.mustPut("color", "red")
	b := newProcess(t, "b", "--join", a.addr).start()
	b.awaitReady()
	dir := t.TempDir()
	file := filepath.Join(dir, "backup.zst")
	rows := []struct{ command, rest string }{ // in this order
		{"status", "--server " + a.httpURL},
		{"members", "--server " + a.httpURL},
		{"kv put", "size 1 --server " + a.httpURL},
		{"kv get", "color --server " + a.httpURL},
		{"kv cas", "size 1 2 --server " + a.httpURL},
		{"kv scan", "--server " + a.httpURL},
		{"kv del", "size --server " + a.httpURL},
		{"bench", "--clients 1 --duration 100ms --server " + a.httpURL},
		{"snapshot", "--server " + a.httpURL},
		{"backup", file + " --server " + a.httpURL},
		{"restore", file + " --running --yes --server " + a.httpURL},
		{"promote", "b --server " + a.httpURL},
		{"transfer", "a --server " + a.httpURL},
		{"remove", "b --server " + a.httpURL},
		{"add", b.httpURL + " --server " + a.httpURL},
		{"certs", "--dir " + filepath.Join(dir, "certs") + " --members a --callers k"},
		{"log verify", gone.dir},
		{"log dump", gone.dir},
		{"version", ""},
		{"recover", "--dry-run --dir " + b.dir},
	}
	tested := map[string]bool{"kv watch": true} // goes on for good: TestAWatchFromTheCommandLineOutlivesItsMember reads its lines
	for _, row := range rows {
		tested[row.command] = true
		if row.command == "recover" {
			b.kill()
		}
		args := append(strings.Fields(row.command), strings.Fields(row.rest)...)
		out := mustRun(t, append(args, "--json")...)
		read := json.NewDecoder(strings.NewReader(out))
		documents := 0
		for ; ; documents++ {
			var any any
			if err := read.Decode(&any); err == io.EOF {
				break
			} else if err != nil {
				t.Errorf("balsa %s prints what is no JSON: %v: %s", strings.Join(args, " "), err, out)
				break
			}
		}
		if documents == 0 {
			t.Errorf("balsa %s --json prints nothing", strings.Join(args, " "))
		}
	}
	for name, leaf := range leaves(kong.Must(&commandLine{}, kong.DefaultEnvars("BALSA")).Model.Node, "") {
		has := false
		for _, group := range leaf.AllFlags(false) {
			for _, f := range group {
				has = has || f.Name == "json"
			}
		}
		switch {
		case withoutData[name] != "":
		case !has:
			t.Errorf("balsa %s has no --json", name)
		case !tested[name]:
			t.Errorf("balsa %s has --json, and no row here", name)
		}
	}
}
