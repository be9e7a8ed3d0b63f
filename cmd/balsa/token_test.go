package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ops may do everything, by the token another.
const ops = "  - {name: ops, token-sha256: " + anotherDigest + ", grants: [{prefix: \"\", rights: [read, write, admin]}]}\n"

// startGuarded runs a member that tells callers apart: web, by the token secret, may read
// and write users/, and ops may do everything.
func startGuarded(t *testing.T) *process {
	t.Helper()
	path := filepath.Join(t.TempDir(), "access.yaml")
	writeAccess(t, path, web+ops)
	p := newProcess(t, "a", "--access", path)
	p.token = "another"
	p.start().awaitReady()
	return p
}

func TestCommandsBringATokenToMembersThatAskForIt(t *testing.T) {
	t.Parallel()
	p := startGuarded(t)
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const stranger, forbidden = "Give BALSA_TOKEN, --token-file or --token", "web has no right to "
	for _, step := range []struct {
		line, out, errs string
		code            int
	}{
		{line: "kv get users/1", errs: stranger, code: 1},
		{line: "kv put users/1 v", errs: stranger, code: 1},
		{line: "kv put users/1 v --token wrong", errs: stranger, code: 1},
		{line: "bench --duration 100ms", errs: stranger, code: 1},
		{line: "kv put users/1 v --token secret", out: "\n"},
		{line: "kv get users/1 --token-file " + file, out: "v"},
		{line: "kv cas users/1 v w --token-file " + file, out: "\n"},
		{line: "kv scan users/ --token secret", out: "users/1\tw\n"},
		{line: "kv scan --token secret", errs: forbidden + `read the keys from "" on`, code: 1},
		{line: "kv del users/1 --token secret", out: "\n"},
		{line: "kv put other v --token secret", errs: forbidden + `write "other"`, code: 1},
		{line: "kv get other --token secret", errs: forbidden + `read "other"`, code: 1},
		{line: "bench --duration 100ms --token secret", errs: "web has no right to write", code: 1},
		{line: "bench --duration 100ms --clients 2 --token another", out: "writes of 256 bytes"},
		{line: "status --token-file " + file, out: "leader"},
		{line: "kv get x --token-file " + file + ".missing", errs: "--token-file", code: 1},
	} {
		out, errs, code := runs(t, []*process{p}, "", strings.Fields(step.line)...)
		if code != step.code || !strings.Contains(out, step.out) || !strings.Contains(errs, step.errs) {
			t.Errorf("balsa %s: exit code %d, %q, %q", step.line, code, out, errs)
		}
	}
	for _, said := range []string{"secret", "another"} {
		if strings.Contains(p.stderr.String(), said) {
			t.Errorf("the member's log has the token %s in it", said)
		}
	}
}

func TestATokenIsOneWord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	for text, want := range map[string]string{"word": "word", " word \n": "word", "": "", " \n": "", "two words": "", "a\nb": ""} {
		writeAccess(t, path, text)
		if got, err := (credentials{Token: "other", TokenFile: path}).token(); got != want || (err == nil) != (want != "") {
			t.Errorf("%q is read as %q, %v", text, got, err)
		}
	}
	if got, err := (credentials{Token: "other"}).token(); got != "other" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}
