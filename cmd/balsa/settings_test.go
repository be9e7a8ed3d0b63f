package main

import (
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/balsaraft/balsa"
)

// Whoever reads balsa serve --help learns what each setting is, what it is if nobody says
// so, and the variable that sets it; a file may set it, too.
func TestEachSettingIsExplained(t *testing.T) {
	model := kong.Must(&commandLine{}, kong.DefaultEnvars("BALSA")).Model
	i := slices.IndexFunc(model.Children, func(n *kong.Node) bool { return n.Name == "serve" })
	serve := model.Children[i]
	inFiles := flagNames(serve)
	if len(inFiles) < 20 {
		t.Fatalf("there are %d settings", len(inFiles))
	}
	for _, f := range serve.Flags {
		if f.Name == "help" {
			continue
		}
		if !strings.HasSuffix(f.Help, ".") && !strings.HasSuffix(f.Help, "…") {
			t.Errorf("--%s is explained by %q, want a sentence", f.Name, f.Help)
		}
		if f.Default != "" && !strings.Contains(f.Help, f.Default) {
			t.Errorf("--%s is explained by %q, which has not its default, %s", f.Name, f.Help, f.Default)
		}
		if want := "BALSA_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_")); !slices.Equal(f.Envs, []string{want}) {
			t.Errorf("--%s is set by %v, want %s", f.Name, f.Envs, want)
		}
		if f.Name != "config" && !slices.Contains(inFiles, f.Name) {
			t.Errorf("no file sets --%s", f.Name)
		}
	}
}

// What the command line says reaches the member.
func TestSettingsReachTheMember(t *testing.T) {
	serve := parseServe(t, []string{"serve",
		"--name=a", "--dir=files", "--listen=127.0.0.1:7001", "--advertise=a.example:7001", "--join=b.example:7000",
		"--max-voters=3", "--replace-after=7m", "--slow-disk=70ms", "--preferred", "--timing=wan", "--snapshot-bytes=1000000",
	}, nil)
	log := slog.New(slog.DiscardHandler)
	want := balsa.Config{
		Name: "a", Dir: "files", Listen: "127.0.0.1:7001", Advertise: "a.example:7001", Join: []string{"b.example:7000"},
		MaxVoters: 3, ReplaceAfter: 7 * time.Minute, SlowDisk: 70 * time.Millisecond, Preferred: true, Timing: balsa.WAN, SnapshotBytes: 1_000_000,
		Logger: log,
	}
	if got := serve.config(log); !reflect.DeepEqual(got, want) {
		t.Errorf("the member gets\n%+v, want\n%+v", got, want)
	}
}
