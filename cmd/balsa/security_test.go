package main

import (
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// shellBlocks are the commands of a page, a line each.
func shellBlocks(t *testing.T, path string) (lines []string) {
	t.Helper()
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		lines = append(lines, strings.Split(strings.TrimSpace(block[1]), "\n")...)
	}
	return lines
}

// elsewhere puts free addresses in the place of those of a page, the same for the same.
func elsewhere(t *testing.T, lines []string) []string {
	all := strings.Join(lines, "\n")
	for _, addr := range regexp.MustCompile(`127\.0\.0\.1:\d+`).FindAllString(all, -1) {
		free := freeAddr(t)
		host, port, err := net.SplitHostPort(free)
		if err != nil {
			t.Fatal(err)
		}
		all = strings.ReplaceAll(all, addr, free)
		all = strings.ReplaceAll(all, "-p "+addr[len("127.0.0.1:"):]+" ", "-h "+host+" -p "+port+" ")
		all = strings.Replace(all, "--hosts ", "--hosts "+host+",", 1)
	}
	return strings.Split(all, "\n")
}

// TestTheStepsOfTheSecurityPageWork types them as they are, at other ports. A line that
// ends in # refused: WORDS must fail with them.
func TestTheStepsOfTheSecurityPageWork(t *testing.T) {
	t.Parallel()
	lines := elsewhere(t, shellBlocks(t, "../../docs/security.md"))
	dir, env := t.TempDir(), os.Environ()
	var members []*process
	waited, refusals := false, 0
	for _, line := range lines {
		words := strings.Fields(line)
		switch {
		case words[0] == "export":
			env = append(env, words[1:]...)
			continue
		case strings.HasPrefix(line, "balsa serve "):
			p := &process{t: t, name: words[3], dir: dir, env: env}
			members = append(members, p.startAs("balsa", words[1:]...))
			continue
		}
		if len(members) > 0 && !waited {
			for _, p := range members {
				p.awaitReady()
			}
			waited = true
		}
		if _, err := exec.LookPath(words[0]); err != nil {
			t.Logf("%s is not here to be tried: %s", words[0], line)
			continue
		}
		command, refusal, refused := strings.Cut(line, "# refused: ")
		ask := func() (string, error) {
			cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
			cmd.Dir, cmd.Env = dir, env
			out, err := cmd.CombinedOutput()
			return string(out), err
		}
		out, err := ask()
		if refused {
			refusals++
			// A list is found within seconds.
			eventually(t, refusal, func() bool {
				if err != nil && strings.Contains(out, refusal) {
					return true
				}
				out, err = ask()
				return false
			})
		} else if err != nil || strings.Contains(command, "color") && !strings.Contains(command, "put") && !strings.Contains(out, "red") {
			t.Errorf("%s: %v\n%s", line, err, out)
		}
	}
	if len(members) != 3 || refusals < 4 {
		t.Errorf("the page has %d members and %d refusals", len(members), refusals)
	}
}
