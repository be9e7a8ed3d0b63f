package redis

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// recorded are the commands of testdata/redis.txt with the answers of Redis.
func recorded(t *testing.T) (all [][2]string) {
	t.Helper()
	text, err := os.ReadFile("testdata/redis.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		if command, ok := strings.CutPrefix(line, "> "); ok {
			all = append(all, [2]string{command, strings.TrimSpace(lines[i+1])})
		}
	}
	return all
}

// shown asks with a line of the recording and shows the answer as it does.
func (c *client) shown(command string) string {
	c.t.Helper()
	args, ok := words(command)
	if !ok {
		c.t.Fatalf("what is %s?", command)
	}
	var texts []string
	for _, arg := range args {
		texts = append(texts, string(arg))
	}
	c.send(array(texts...))
	return strings.TrimSpace(c.reply())
}

// reply reads an answer of version 2.
func (c *client) reply() string {
	c.t.Helper()
	line := strings.TrimSuffix(c.line(), "\r\n")
	switch line[0] {
	case '$':
		n, err := strconv.Atoi(line[1:])
		if err != nil || n < 0 {
			return line
		}
		text := make([]byte, n+len("\r\n"))
		if _, err := io.ReadFull(c.in, text); err != nil {
			c.t.Fatal(err)
		}
		return fmt.Sprintf("%q", text[:n])
	case '*':
		n, err := strconv.Atoi(line[1:])
		if err != nil || n < 0 {
			return line
		}
		parts := make([]string, n)
		for i := range parts {
			parts[i] = c.reply()
		}
		return fmt.Sprint(parts)
	}
	return line
}

func TestAnswersAreThoseOfRedis(t *testing.T) {
	_, addr := start(t, newStore(t), Config{})
	mustAnswerAsRecorded(t, dial(t, addr))
}

func mustAnswerAsRecorded(t *testing.T, c *client) {
	t.Helper()
	for _, r := range recorded(t) {
		if got := c.shown(r[0]); got != r[1] {
			t.Errorf("%s is answered\n%s\nRedis has answered\n%s", r[0], got, r[1])
		}
	}
}

// Where Redis is, the recording is compared with it.
func TestTheRecordedAnswersAreThoseOfRedis(t *testing.T) {
	dir := t.TempDir()
	socket := filepath.Join(dir, "redis.sock")
	cmd := osexec.CommandContext(t.Context(), redisServer(t), "--port", "0", "--unixsocket", socket, "--save", "", "--dir", dir)
	cmd.Args[0] = "redis-server"
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		to, err := net.Dial("unix", socket)
		if err == nil {
			defer to.Close()
			to.SetDeadline(time.Now().Add(20 * time.Second))
			mustAnswerAsRecorded(t, &client{to, bufio.NewReader(to), t})
			return
		}
		if time.Now().After(until) {
			t.Fatal(err)
		}
	}
}

// redisServer is a program that is the server if it is called so: in Debian's redis-tools it
// goes by the name of one that looks at its files.
func redisServer(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"redis-server", "redis-check-rdb"} {
		path, err := osexec.LookPath(name)
		if err != nil {
			continue
		}
		asked := osexec.CommandContext(t.Context(), path, "--version")
		asked.Args[0] = "redis-server"
		if told, err := asked.Output(); err == nil && strings.Contains(string(told), "v=7.0.") {
			return path
		}
	}
	t.Skip("there is no Redis 7.0 here to compare with; install it (Debian 12: apt-get install -y redis-tools)")
	return ""
}
