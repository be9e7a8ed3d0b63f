package main

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// A setting that is misspelt in the environment is named, as one on the command line and
// in a file is.
func TestAMisspeltVariableIsNamed(t *testing.T) {
	for name, meant := range map[string]string{
		"BALSA_ACESS": "BALSA_ACCESS", "BALSA_CLIENT_TSL_CA": "BALSA_CLIENT_TLS_CA", "BALSA_SNAPSHOT_BYTE": "BALSA_SNAPSHOT_BYTES", "BALSA_NAMES": "BALSA_NAME",
		"BALSA_NMAE": "BALSA_NAME",
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, "x")
			_, err := kong.Must(&commandLine{}, kong.DefaultEnvars("BALSA")).Parse([]string{"serve"})
			if !errors.Is(err, errUsage) || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), meant+"?") {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestVariablesOfOthersAreLeftAlone(t *testing.T) {
	for _, name := range []string{"BALSA_KV_SERVICE_HOST", "BALSA_PORT", "BALSA_PORT_7000_TCP_ADDR", "BALSA_KV_SERVICE_PORT_HTTP", "BALSA_TOKEN", "BALSA_LOCK_TOKEN", "OTHER_ACESS"} {
		t.Setenv(name, "x")
	}
	if unread := strayVariables(t); unread != nil {
		t.Errorf("%q are taken for settings", unread)
	}
}

// strayVariables are those that balsa serve would name in its log.
func strayVariables(t *testing.T) []string {
	t.Helper()
	var line commandLine
	if _, err := kong.Must(&line, kong.DefaultEnvars("BALSA")).Parse([]string{"serve"}); err != nil {
		t.Fatal(err)
	}
	return line.Serve.strays
}

// Whoever sets a variable that there is not hears of it, as with a flag or a file; what
// is not refused may be meant for others.
func TestAVariableThatSetsNothingIsNamed(t *testing.T) {
	for _, name := range []string{"BALSA_REDIS_ADDRESS", "BALSA_COLOUR"} {
		t.Setenv(name, "x")
	}
	unread := strayVariables(t)
	slices.Sort(unread)
	if want := []string{"BALSA_COLOUR", "BALSA_REDIS_ADDRESS"}; !slices.Equal(unread, want) {
		t.Errorf("%q are named, want %q", unread, want)
	}
	var told bytes.Buffer
	s := serveCommand{strays: unread, Listen: "127.0.0.1:1", HTTP: "127.0.0.1:1", Redis: "127.0.0.1:1"}
	s.warn(slog.New(slog.NewTextHandler(&told, nil)))
	for _, name := range unread {
		if !strings.Contains(told.String(), "variable="+name) {
			t.Errorf("%s is not in the log: %s", name, &told)
		}
	}
}
