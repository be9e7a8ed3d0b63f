package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/client"
	"github.com/balsaraft/balsa/transport/websocket"
)

const keptSecret = "a secret of these tests, and long enough"

// runKeeper starts a server with a reducer that adds, and says where its door is.
func runKeeper(t *testing.T, dir string, args ...string) (url string, stop func()) {
	t.Helper()
	file := filepath.Join(dir, "adds.js")
	source := "export const initial = { total: 0 };\nexport const apply = (state, add) => (state.total += add);\n"
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	stdout, exited := new(safeBuffer), make(chan struct{})
	cmd := exec.Command("balsa", append([]string{"keep", "--reducer", file, "--dir", filepath.Join(dir, "data"), "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--room", "sums"}, args...)...)
	cmd.Env = append(os.Environ(), "BALSA_SECRET="+keptSecret)
	cmd.Stdout, cmd.Stderr = stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { cmd.Wait(); close(exited) }()
	stop = func() {
		cmd.Process.Signal(os.Interrupt)
		<-exited
	}
	t.Cleanup(stop)
	eventually(t, "the server to be ready", func() bool { return strings.Contains(stdout.String(), "ready ") })
	_, url, _ = strings.Cut(stdout.String(), " at=")
	url, link, _ := strings.Cut(url, "/#")
	if !strings.Contains(link, "room=sums") {
		t.Errorf("the address is for %q", link)
	}
	return url, stop
}

// A caller and a program that is a member like a window get what the reducer makes of
// their commands, also after the server was started again.
func TestAServerKeepsWhatWindowsShare(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	dir := t.TempDir()
	url, stop := runKeeper(t, dir)
	add := func(want string) {
		t.Helper()
		caller, err := client.Open[json.RawMessage, json.RawMessage](ctx, client.Config{Addrs: []string{url}, Token: keptSecret})
		if err != nil {
			t.Fatal(err)
		}
		defer caller.Close()
		if got, err := caller.Propose(ctx, json.RawMessage("2")); err != nil || string(got) != want {
			t.Fatalf("two more are %s, %v; want %s", got, err, want)
		}
	}
	add("2")
	stop()
	url, _ = runKeeper(t, dir)
	add("4")

	door, err := websocket.Meet(websocket.Options{Servers: []string{url}, Room: "sums", Secret: []byte(keptSecret), Member: "program"})
	if err != nil {
		t.Fatal(err)
	}
	sums := balsa.Func(map[string]int{}, func(state *map[string]int, _ balsa.Entry, add int) int {
		(*state)["total"] += add
		return (*state)["total"]
	})
	member, err := balsa.Open(ctx, balsa.Config{Name: "program", Transport: door, Join: []string{websocket.AnyServer}}, sums)
	if err != nil {
		t.Fatal(err)
	}
	defer member.Close()
	if got, err := member.Propose(ctx, 3); err != nil || got != 7 {
		t.Errorf("three more are %d, %v; want 7", got, err)
	}
}

func TestWhoDoesNotShowTheSecretMayNotCall(t *testing.T) {
	t.Parallel()
	url, _ := runKeeper(t, t.TempDir())
	stranger, err := client.Open[json.RawMessage, json.RawMessage](t.Context(), client.Config{Addrs: []string{url}, Token: "another"})
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	if _, err := stranger.Propose(t.Context(), json.RawMessage("1")); !errors.Is(err, client.ErrUnauthenticated) || !errors.Is(err, balsa.ErrNotCommitted) {
		t.Errorf("a stranger is told %v", err)
	}
	question, err := http.NewRequest(http.MethodOptions, url+"/balsa.v1.Cluster/Propose", nil)
	if err != nil {
		t.Fatal(err)
	}
	question.Header.Set("Origin", "https://evil.example")
	answer, err := http.DefaultClient.Do(question)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusForbidden {
		t.Errorf("a page of another origin is answered with %s", answer.Status)
	}
}

func TestKeepSaysWhatIsWrongWithItsOptions(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, source string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := file("good.js", "export const initial = 0, apply = () => 0")
	bad := file("bad.js", "export const initial = 0")
	mustFail(t, 2, "missing flags: --reducer", "keep")
	mustFail(t, 2, "it exports no apply", "keep", "--reducer", bad, "--secret", keptSecret)
	mustFail(t, 2, "at least 16", "keep", "--reducer", good, "--secret", "short", "--http", "127.0.0.1:0")
	mustFail(t, 2, "--web-tls-cert and --web-tls-key", "keep", "--reducer", good, "--secret", keptSecret, "--web-tls-cert", "cert.pem")
}
