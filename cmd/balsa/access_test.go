package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/balsaraft/balsa/kv/access"
)

// Of the tokens secret and another.
const (
	secretDigest  = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
	anotherDigest = "ae448ac86c4e8e4dec645729708ef41873ae79c6dff84eff73360989487f08e5"
)

const web = "callers:\n  - name: web\n    token-sha256: " + secretDigest + "\n    grants: [{prefix: \"users/\", rights: [read, write]}]\n"

func writeAccess(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCallersAreReadFromAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.yaml")
	writeAccess(t, path, web+"  - {name: ops, token-sha256: "+anotherDigest+", grants: [{prefix: \"\", rights: [admin]}]}\n")
	book, err := accessFile(path).book(false)
	if err != nil {
		t.Fatal(err)
	}
	c, known := book.Caller("secret")
	if !known || c.Name != "web" || !c.May(access.Read|access.Write, "users/1") || c.May(access.Read, "user") {
		t.Errorf("%+v", c)
	}
	if c, known := book.Caller("another"); !known || c.NeedAll(access.Admin) != nil || c.May(access.Read, "users/1") {
		t.Errorf("%+v", c)
	}
	writeAccess(t, path, strings.Replace(web, "    token-sha256: "+secretDigest+"\n", "", 1))
	if book, err = accessFile(path).book(true); err != nil {
		t.Fatal(err)
	}
	if c, known := book.Named("web"); !known || !c.May(access.Read, "users/1") {
		t.Errorf("by certificate alone: %+v", c)
	}
	if book, err := accessFile("").book(false); book != nil || err != nil {
		t.Errorf("no file: %v, %v", book, err)
	}
}

func TestAFileOfCallersThatIsWrongIsNamedWithItsLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.yaml")
	for text, says := range map[string]string{
		"":                          "is empty",
		"callers":                   ":1: here stands a map with callers",
		"callers: 7":                ":1: here stands a list",
		"callers: []\ncaller: []":   `:2: there is no "caller" here`,
		"callers: []\ncallers: []":  ":2: callers is there twice",
		"callers:\n  - web\n":       ":2: here stands a map with name, token-sha256, grants",
		"callers:\n  - name: web\n": ":2: token-sha256 is missing",
		"callers: []\n---\n{}":      "second document",
		"callers: [":                "read the callers",
		strings.Replace(web, "name: web", "name: 7", 1):                               ":2: here stands a text",
		strings.Replace(web, secretDigest, "2bb8", 1):                                 ":3: not a SHA-256",
		strings.Replace(web, secretDigest, "", 1):                                     ":3: here stands a text",
		strings.Replace(web, "write", "fly", 1):                                       `:4: there is no right "fly"`,
		strings.Replace(web, "rights:", "right:", 1):                                  `:4: there is no "right" here`,
		strings.Replace(web, "[read, write]", "read", 1):                              ":4: here stands a list",
		strings.Replace(web, "[read, write]", "[]", 1):                                `:2: web: the grant for "users/" has no rights`,
		strings.Replace(web, "write", "admin", 1):                                     ":2: web: admin is a right to the whole cluster",
		web + strings.TrimPrefix(web, "callers:\n"):                                   ":5: there are two callers of the name web",
		web + strings.ReplaceAll(strings.TrimPrefix(web, "callers:\n"), "web", "app"): ":5: web and app have the same token",
	} {
		writeAccess(t, path, text)
		if book, err := accessFile(path).book(false); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v, %v; want %s", text, book, err, says)
		}
	}
	if _, err := accessFile(path + ".missing").book(false); err == nil {
		t.Error("a file that is missing is no file of callers")
	}
}

func TestServeTellsCallersApart(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "access.yaml")
	writeAccess(t, path, strings.Replace(web, "write", "fly", 1))
	p := newProcess(t, "a", "--access", path)
	mustFail(t, 1, path+`:4: there is no right "fly"`, p.args()...)

	writeAccess(t, path, web)
	p.start().awaitReady()
	if code, said := fails(t, "status", "--server", p.httpURL); code != 1 || !strings.Contains(said, "BALSA_TOKEN") {
		t.Errorf("status by a stranger ends with %d and says %q", code, said)
	}
	p.mustRefuse("users/1", http.StatusUnauthorized, "unauthorized")
	p.token = "secret"
	p.mustStatus()
	p.mustPut("users/1", "v")
	p.mustGet("users/1", "v")
	p.mustRefuse("other", http.StatusForbidden, "forbidden")
	if got, want := overLines(t, p, "get users/1\nauth secret\nget users/1\n"), "Error: this member asks who you are: auth TOKEN\n+OK\r\nOk: v\n"; got != want {
		t.Errorf("lines are answered %q, want %q", got, want)
	}

	// The file is read again, and one that is wrong changes nothing.
	writeAccess(t, path, strings.Replace(web, "users/", "other", 1)+"nonsense")
	p.hangUp("the callers stay as they were")
	p.mustGet("users/1", "v")
	writeAccess(t, path, strings.Replace(web, "users/", "other", 1))
	p.hangUp("callers were read again")
	p.mustRefuse("users/1", http.StatusForbidden, "forbidden")
	p.mustPut("other", "v")
}

// mustRefuse asks for a key that must not be shown.
func (p *process) mustRefuse(key string, status int, code string) {
	p.t.Helper()
	if a, err := p.do("GET", key, ""); err != nil || a.status != status || a.code != code {
		p.t.Errorf("get %s is answered %+v, %v; want %d %s", key, a, err, status, code)
	}
}

func (p *process) hangUp(says string) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		p.t.Fatal(err)
	}
	p.awaitSaid(says)
}

func TestTheFileOfCallersInTheDocumentationIsRight(t *testing.T) {
	page, err := os.ReadFile("../../docs/deploy.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "```yaml\ncallers:")
	text, _, found := strings.Cut(text, "```")
	path := filepath.Join(t.TempDir(), "access.yaml")
	writeAccess(t, path, "callers:"+text)
	if callers, err := accessFile(path).read(false); err != nil || !found || len(callers) != 2 {
		t.Errorf("%v, %v", callers, err)
	}
}
