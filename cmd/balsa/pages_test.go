package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa/internal/pages"
)

const top = "../.."

// Whoever types what these pages say, from the top of each to its end, sees what they say.
// Numbers may be others, since ports, terms and times are.
func TestPagesAreTrue(t *testing.T) {
	t.Parallel()
	for _, page := range []string{"README.md", "docs/tutorial.md", "docs/command.md", "docs/redis.md", "docs/operations.md", "docs/testing.md"} {
		t.Run(filepath.Base(page), func(t *testing.T) {
			if runtime.GOOS != "linux" {
				t.Skip("machines of a page are addresses of the loopback network, which only Linux has so many of")
			}
			t.Parallel()
			blocks, err := pages.Blocks(top, page)
			if err != nil {
				t.Fatal(err)
			}
			r := &reader{t: t, dir: t.TempDir(), env: os.Environ(), moved: map[string]string{}, members: map[string]*process{}}
			if page == "docs/operations.md" { // which is about a cluster that runs
				r.demo()
			}
			for _, b := range blocks {
				if r.where = b.Where(); b.Excuse == "" && (b.Kind == "sh" || b.Kind == "console") {
					r.follow(b)
				}
			}
		})
	}
}

// ctrlC is a comment of a page, which says whose terminal it means.
const ctrlC = "# Ctrl-C: "

// reader types what a page says into shells of its own directory.
type reader struct {
	t     *testing.T
	dir   string
	env   []string
	where string

	moved   map[string]string   // addresses of the page, and those that stand for them here
	members map[string]*process // by name, those that run
	started []*process          // not yet known to be ready
}

// step is a command, and what a page says that it prints; nil if it says nothing.
type step struct {
	command string
	prints  []string
}

// steps are the commands of a block. A line that ends in \ goes on in the next one, and so
// does a text that is handed over with <<END.
func steps(b pages.Block) (all []step) {
	lines := b.Lines()
	for i := 0; i < len(lines); i++ {
		line, typed := strings.CutPrefix(lines[i], "$ ")
		switch {
		case b.Kind == "console" && !typed:
			last := &all[len(all)-1]
			last.prints = append(last.prints, line)
			continue
		case strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") && !strings.HasPrefix(line, ctrlC):
			continue
		}
		for strings.HasSuffix(line, `\`) {
			i++
			line = strings.TrimSuffix(line, `\`) + strings.TrimSpace(lines[i])
		}
		if strings.Contains(line, "<<END") {
			for more := true; more; more = lines[i] != "END" {
				i++
				line += "\n" + lines[i]
			}
		}
		all = append(all, step{command: line})
	}
	return all
}

func (r *reader) follow(b pages.Block) {
	for _, s := range steps(b) {
		command := r.here(s.command)
		words := strings.Fields(command)
		name, interrupted := strings.CutPrefix(command, ctrlC)
		switch {
		case interrupted:
			r.ready()
			if code := r.members[name].terminate(); code != exitDone {
				r.t.Errorf("%s: %s ends with %d", r.where, name, code)
			}
		case words[0] == "git" && words[1] == "clone", strings.Contains(command, "go build -o balsa"): // this is the clone, and the program
		case words[0] == "export":
			r.env = append(r.env, words[1:]...)
		case words[0] == "unset":
			r.env = slices.DeleteFunc(r.env, func(v string) bool { return strings.HasPrefix(v, words[1]+"=") })
		case words[0] == "nc":
			r.talk(net.JoinHostPort(words[1], words[2]), s.prints)
		case words[0] == "balsa" && words[1] == "demo":
			r.demo()
		case words[0] == "balsa" && words[1] == "serve":
			p := &process{t: r.t, name: words[3], dir: r.dir, env: r.env}
			r.members[p.name] = p
			r.started = append(r.started, p.startAs("balsa", words[1:]...))
		default:
			r.run(command, s.prints)
		}
	}
}

// here is a command of the page as it is typed here: with programs that were built from
// these sources, and free addresses in place of those of the page.
func (r *reader) here(command string) string {
	command = regexp.MustCompile(`(CGO_ENABLED=0 )?go run (\./\S+)`).ReplaceAllStringFunc(command, func(run string) string {
		_, path, _ := strings.Cut(run, "go run ")
		if path == "./cmd/balsa" {
			return "balsa"
		}
		program := filepath.Join(r.dir, "bin", filepath.Base(path))
		if out, err := exec.CommandContext(r.t.Context(), "go", "build", "-C", top, "-o", program, path).CombinedOutput(); err != nil {
			r.t.Fatalf("%s: build %s: %v\n%s", r.where, path, err, out)
		}
		return program
	})
	command = strings.ReplaceAll(command, " /var/", " "+r.dir+"/var/")
	// redis-cli has this machine as its default.
	command = regexp.MustCompile(`^redis-cli -p (\d+)`).ReplaceAllString(command, "redis-cli -h 127.0.0.1 $1")
	command = regexp.MustCompile(`\b10\.0\.0\.\d\b`).ReplaceAllStringFunc(command, func(machine string) string {
		return r.move(machine, func() string { return strings.Split(freeAddr(r.t), ":")[0] })
	})
	command = regexp.MustCompile(`\b127\.0\.0\.1[: ]\d{4,5}\b`).ReplaceAllStringFunc(command, func(found string) string {
		addr := r.move(strings.Replace(found, " ", ":", 1), func() string { return freeAddr(r.t) })
		if strings.Contains(found, " ") { // as nc has it
			return strings.Replace(addr, ":", " ", 1)
		}
		return addr
	})
	return regexp.MustCompile(`^redis-cli -h (\S+) (\d+)`).ReplaceAllString(command, "redis-cli -h $1 -p $2")
}

// move is what stands here for an address of the page, the same each time.
func (r *reader) move(addr string, find func() string) string {
	if r.moved[addr] == "" {
		r.moved[addr] = find()
	}
	return r.moved[addr]
}

// demo starts one, whose members are those that the page calls by the default addresses, or
// not at all.
func (r *reader) demo() {
	_, said, _ := runDemo(r.t, strings.NewReader(""), "--http", "127.0.0.1:0", "--redis", "127.0.0.1:0")
	found := regexp.MustCompile(`(?m)^  \w  http://(\S+)  lines at (\S+)$`).FindAllStringSubmatch(said.String(), -1)
	for i, m := range found {
		r.moved[fmt.Sprintf("127.0.0.1:%d", 8080+i)], r.moved[fmt.Sprintf("127.0.0.1:%d", 6380+i)] = m[1], m[2]
	}
	if len(found) != len(demoNames) {
		r.t.Fatalf("%s: the demo says\n%s", r.where, said)
	}
	r.env = append(r.env, "BALSA_SERVER=http://"+r.moved["127.0.0.1:8080"])
}

// ready waits for the members that were started.
func (r *reader) ready() {
	for _, p := range r.started {
		p.awaitReady()
	}
	r.started = nil
}

// run runs a command, which must succeed and print what the page says. A command that ends in
// "# refused: WORDS" must fail with these words.
func (r *reader) run(command string, prints []string) {
	r.ready()
	program := strings.Fields(command)[0]
	if _, err := exec.LookPath(program); err != nil && program != "source" && program != "test" {
		r.t.Logf("%s: %s is not here to be tried", r.where, program)
		return
	}
	command, refusal, refused := strings.Cut(command, "# refused: ")
	cmd := exec.CommandContext(r.t.Context(), "bash", "-c", command)
	cmd.Dir, cmd.Env = r.dir, r.env
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	switch {
	case refused && (err == nil || !strings.Contains(stderr.String(), refusal)):
		r.t.Errorf("%s: %s is not refused with %q: %v\n%s%s", r.where, command, refusal, err, out, &stderr)
	case !refused && err != nil:
		r.t.Errorf("%s: %s: %v\n%s%s", r.where, command, err, out, &stderr)
	case prints != nil:
		r.compare(command, strings.TrimSuffix(string(out), "\n"), strings.Join(prints, "\n"))
	}
}

// talk types lines at an address and reads the answer to each, as somebody with nc does.
func (r *reader) talk(addr string, lines []string) {
	r.ready()
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		r.t.Fatalf("%s: %v", r.where, err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	answers := bufio.NewScanner(conn)
	for len(lines) > 1 {
		fmt.Fprintln(conn, lines[0])
		answers.Scan()
		r.compare(lines[0], answers.Text(), lines[1])
		lines = lines[2:]
	}
}

// compare looks whether a command has printed what the page says, but for its numbers and
// how far apart words stand. A line "…" stands for any lines.
func (r *reader) compare(command, got, want string) {
	r.t.Helper()
	loose := func(s string) string {
		s = regexp.MustCompile(`\d+(\.\d+)*`).ReplaceAllString(s, "0")
		return regexp.MustCompile(`[ \t]+`).ReplaceAllString(s, " ")
	}
	pattern := strings.ReplaceAll(regexp.QuoteMeta(loose(want)), "…", `(?s:.*)`)
	if !regexp.MustCompile("^" + pattern + "$").MatchString(loose(got)) {
		r.t.Errorf("%s: %s prints\n%s\nand the page says\n%s", r.where, command, got, want)
	}
}
