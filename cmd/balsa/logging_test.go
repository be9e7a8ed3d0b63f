package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRecordsAreWrittenAsTheFlagsSay(t *testing.T) {
	t.Parallel()
	settings := filepath.Join(t.TempDir(), "settings.yaml")
	if err := os.WriteFile(settings, []byte("log-format: json\nlog-level: debug\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		flags, env []string
		json       bool
		least      slog.Level
	}{
		"by default":                     {nil, nil, false, slog.LevelInfo},
		"by flags":                       {[]string{"--log-format", "json", "--log-level", "WARN"}, nil, true, slog.LevelWarn},
		"by the environment":             {nil, []string{"BALSA_LOG_FORMAT=json", "BALSA_LOG_LEVEL=debug"}, true, slog.LevelDebug},
		"by a file":                      {[]string{"--config", settings}, nil, true, slog.LevelDebug},
		"by a file and a flag over that": {[]string{"--config", settings, "--log-format=text"}, nil, false, slog.LevelDebug},
	} {
		p := newProcess(t, "a", c.flags...)
		p.env = append(os.Environ(), c.env...)
		p.dir = t.TempDir()
		p.start().awaitReady()
		if code := p.terminate(); code != 0 {
			t.Errorf("%s: exit code %d", what, code)
		}
		said := p.stderr.String()
		records := strings.Split(strings.TrimSpace(said), "\n")
		if records[0] == "" {
			records = nil
		}
		for _, r := range records {
			if isJSON := json.Valid([]byte(r)); isJSON != c.json {
				t.Errorf("%s: a record is %q", what, r)
			}
		}
		if logged := strings.Contains(said, "closing"); logged != (c.least <= slog.LevelInfo) {
			t.Errorf("%s: records of level info: %t", what, logged)
		}
	}
}

func TestALevelOrAFormatThatThereIsNotIsRefused(t *testing.T) {
	for _, command := range []string{"serve", "keep --reducer logging_test.go", "introduce", "demo"} {
		for _, flag := range []string{"--log-level=loud", "--log-format=xml"} {
			var out bytes.Buffer
			args := append(strings.Fields(command), flag)
			name, _, _ := strings.Cut(flag, "=")
			if code := run(t.Context(), args, console{os.Stdin, &out, &out}); code != exitUsage || !strings.Contains(out.String(), name) {
				t.Errorf("%s: exit code %d, and it says %q", args, code, out.String())
			}
		}
	}
}
