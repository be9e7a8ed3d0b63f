package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"rsc.io/qr"

	"github.com/balsaraft/balsa/pki"
	"github.com/balsaraft/balsa/room"
)

// runIntroducer starts an introducer and returns its URLs once it is ready.
func runIntroducer(t *testing.T, args ...string) (cmd *exec.Cmd, stdout *safeBuffer, urls []string, exited chan struct{}) {
	t.Helper()
	stdout, exited = new(safeBuffer), make(chan struct{})
	cmd = exec.Command("balsa", append([]string{"introduce", "--listen", "127.0.0.1:0"}, args...)...)
	cmd.Stdout, cmd.Stderr = stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { cmd.Wait(); close(exited) }()
	t.Cleanup(func() { cmd.Process.Kill(); <-exited })
	eventually(t, "the introducer to be ready", func() bool { return strings.Contains(stdout.String(), "\nready ") })
	_, line, _ := strings.Cut(stdout.String(), "\nready ")
	return cmd, stdout, strings.Fields(line), exited
}

// sit enters a room as a window of the introducer's own page does.
func sit(t *testing.T, url, name string, client *http.Client) (*websocket.Conn, room.Told) {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), strings.Replace(url, "http", "ws", 1)+room.Path, &websocket.DialOptions{
		Subprotocols: []string{room.Subprotocol}, HTTPHeader: http.Header{"Origin": {url}}, HTTPClient: client,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	hello, err := json.Marshal(room.Said{Type: room.TypeHello, Protocol: room.Protocol, Room: "0123456789abcdef0123456789abcdef", Member: name, Nonce: make([]byte, room.NonceSize)})
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Write(t.Context(), websocket.MessageText, hello); err != nil {
		t.Fatal(err)
	}
	return conn, hearTold(t, conn)
}

func hearTold(t *testing.T, conn *websocket.Conn) room.Told {
	t.Helper()
	_, b, err := conn.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m, err := room.DecodeTold(b)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Three ports are three origins: so one browser plays three members, who meet.
func TestThreeAddressesAreOneIntroducer(t *testing.T) {
	t.Parallel()
	cmd, stdout, urls, exited := runIntroducer(t, "--room", "kitchen", "--secret", "0123456789abcdef", "--stun", "stun:127.0.0.1:3478", "--max-members", "3")
	if len(urls) != 3 {
		t.Fatalf("it serves at %v", urls)
	}
	first, welcome := sit(t, urls[0], "a", nil)
	if welcome.Type != room.TypeWelcome || len(welcome.ICEServers) != 1 || welcome.Limits.Members != 3 {
		t.Errorf("welcomed with %+v", welcome)
	}
	for i, name := range []string{"b", "c"} {
		if _, welcome := sit(t, urls[i+1], name, nil); len(welcome.Peers) != i+1 {
			t.Errorf("%s was told of %v", name, welcome.Peers)
		}
		if joined := hearTold(t, first); joined.Peer == nil || joined.Peer.Member != name {
			t.Errorf("%s joined, and a heard %+v", name, joined)
		}
		if !strings.Contains(stdout.String(), urls[i]+"/#room=kitchen&secret=0123456789abcdef\n") {
			t.Errorf("no link is printed:\n%s", stdout)
		}
	}
	if _, told := sit(t, urls[0], "d", nil); told.Code != room.Full {
		t.Errorf("a fourth of three heard %+v", told)
	}
	for _, page := range []string{"/", "/sketch/", "/bench.html"} {
		answer, err := http.Get(urls[2] + page)
		if err != nil || answer.StatusCode != http.StatusOK || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html") {
			t.Errorf("its page %s: %v, %v", page, answer, err)
		}
		if !strings.Contains(stdout.String(), urls[0]+page+"#room=kitchen&secret=0123456789abcdef\n") {
			t.Errorf("no link to %s is printed:\n%s", page, stdout)
		}
	}
	if strings.Contains(stdout.String(), "phone") {
		t.Errorf("without a terminal, phones were let in:\n%s", stdout)
	}
	cmd.Process.Signal(syscall.SIGTERM)
	if told := hearTold(t, first); told.Code != room.GoingAway {
		t.Errorf("at the end a heard %+v", told)
	}
	first.CloseNow()
	select {
	case <-exited:
	case <-time.After(patience):
		t.Fatal("it does not end")
	}
	if code := cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestAnIntroducerSpeaksHTTPS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	authority, ca, err := pki.NewAuthority("test", time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	pair, err := authority.Issue(pki.Subject{Role: pki.Member, Name: "introducer"}, []string{"127.0.0.1"}, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, b := range map[string][]byte{cert: pair.Cert, key: pair.Key} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, _, urls, _ := runIntroducer(t, "--tls-cert", cert, "--tls-key", key)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.Cert)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	if _, welcome := sit(t, urls[0], "a", client); welcome.Type != room.TypeWelcome {
		t.Errorf("over TLS it was told %+v", welcome)
	}
	answer, err := http.Get(strings.Replace(urls[1], "https", "http", 1))
	if err != nil || answer.StatusCode != http.StatusBadRequest {
		t.Errorf("without TLS it answers %v, %v", answer, err)
	}
}

func TestAPhoneGetsACodeAndADoor(t *testing.T) {
	t.Parallel()
	if _, err := lanAddress(); err != nil {
		t.Skip("no phone could come: ", err)
	}
	_, stdout, _, _ := runIntroducer(t, "--phone", "--secret", "0123456789abcdef")
	url := "https://" + after(t, stdout.String(), "\n  https://", "/#room=demo&secret=0123456789abcdef\n")
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	if _, welcome := sit(t, url, "phone", client); welcome.Type != room.TypeWelcome {
		t.Errorf("a phone was told %+v", welcome)
	}
	if !strings.Contains(stdout.String(), "▄▀") {
		t.Errorf("no code is drawn:\n%s", stdout)
	}
}

// Each square of a code stands where it belongs, light ones drawn or dark ones.
func TestACodeIsDrawnAsItIs(t *testing.T) {
	code, err := qr.Encode("https://example.org/", qr.L)
	if err != nil {
		t.Fatal(err)
	}
	for _, coloured := range []bool{true, false} {
		lines := strings.Split(strings.TrimSuffix(drawQR(code, coloured), "\n"), "\n")
		for y := -3; y < code.Size+3; y++ {
			line := strings.NewReplacer("\x1b[30;107m", "", "\x1b[0m", "").Replace(lines[(y+3)/2])
			for x := -3; x < code.Size+3; x++ {
				square := string([]rune(line)[2+x+3])
				drawn := square == "█" || square == "▀" && (y+3)%2 == 0 || square == "▄" && (y+3)%2 == 1
				if drawn != (code.Black(x, y) == coloured) {
					t.Fatalf("coloured %v: the square at %d,%d is %q", coloured, x, y, square)
				}
			}
		}
	}
}

func TestAnIntroducerRefusesWhatIsWrong(t *testing.T) {
	t.Parallel()
	short := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(short, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"at least 16 random bytes": {"--secret", "short"},
		"must be HOST:PORT":        {"--listen", "nonsense"},
		"like https://example.org": {"--origin", "example.org"},
		"it needs 32 random ones":  {"--token-key-file", short},
		"need the secret":          {"--turn", "turn:127.0.0.1:3478"},
		"tls-key belong together":  {"--tls-cert", short},
	} {
		mustFail(t, 2, want, append([]string{"introduce", "--listen", "127.0.0.1:0"}, args...)...)
	}
}
