package balsa_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/internal/certs"
	"github.com/balsaraft/balsa/storage/wal"
)

func open(cfg balsa.Config) (*ledgerNode, error) {
	return balsa.Open(context.Background(), cfg, newLedger())
}

func TestOpenRefusesAConfigThatContradictsItself(t *testing.T) {
	three := map[string]string{"a": "127.0.0.1:1", "b": "127.0.0.1:2"}
	for _, c := range []struct {
		name string
		cfg  balsa.Config
		says string
	}{
		{"founding and joining at once", balsa.Config{Name: "a", Listen: ":0", Cluster: three, Join: []string{"x:1"}}, "founds a cluster or joins one"},
		{"company without an address", balsa.Config{Name: "a", Cluster: three}, "needs Listen"},
		{"joining without an address", balsa.Config{Name: "a", Join: []string{"x:1"}}, "needs Listen"},
		{"not in its own list", balsa.Config{Name: "c", Listen: ":0", Cluster: three}, `does not list this member, "c"`},
		{"a list without its address, and no name", balsa.Config{Listen: "127.0.0.1:9", Cluster: three}, "set Name"},
		{"an address without a port", balsa.Config{Name: "a", Listen: ":0", Join: []string{"somewhere"}}, `"somewhere"`},
		{"a name with a space", balsa.Config{Name: "a b"}, `"a b"`},
		{"an election as fast as a heartbeat", balsa.Config{Timing: balsa.Timing{Heartbeat: time.Second, Election: time.Second}}, "at least twice"},
		{"commands without a bound", balsa.Config{MaxCommand: 1 << 40}, "MaxCommand"},
		{"less than no snapshots", balsa.Config{KeepSnapshots: -1}, "KeepSnapshots"},
		{"joining at an address that others cannot reach", balsa.Config{Name: "d", Listen: ":0", Join: []string{"x:1"}}, "set Advertise"},
	} {
		t.Run(c.name, func(t *testing.T) {
			node, err := open(c.cfg)
			if err == nil {
				node.Close()
			}
			if !errors.Is(err, balsa.ErrConfig) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("Open = %v, want ErrConfig with %q", err, c.says)
			}
		})
	}
}

type account struct {
	Owner   string
	balance int
}

func TestFuncRefusesAStateThatJSONWouldLose(t *testing.T) {
	_, err := balsa.Open(t.Context(), balsa.Config{}, balsa.Func(account{}, func(a *account, _ balsa.Entry, n int) int { a.balance += n; return a.balance }))
	if !errors.Is(err, balsa.ErrConfig) || !strings.Contains(err.Error(), "account.balance") || !strings.Contains(err.Error(), "not exported") {
		t.Errorf("a state with an unexported field: %v", err)
	}
	_, err = balsa.Open(t.Context(), balsa.Config{}, balsa.Func(map[string][]chan int{}, func(*map[string][]chan int, balsa.Entry, int) int { return 0 }))
	if !errors.Is(err, balsa.ErrConfig) || !strings.Contains(err.Error(), "chan") {
		t.Errorf("a state with channels: %v", err)
	}
	_, err = balsa.Open(t.Context(), balsa.Config{}, balsa.Func(0, func(*int, balsa.Entry, account) int { return 0 }))
	if !errors.Is(err, balsa.ErrConfig) || !strings.Contains(err.Error(), "the commands") || !strings.Contains(err.Error(), "account.balance") {
		t.Errorf("commands with an unexported field: %v", err)
	}
	_, err = balsa.Open(t.Context(), balsa.Config{}, balsa.Func(0, func(*int, balsa.Entry, int) account { return account{} }))
	if !errors.Is(err, balsa.ErrConfig) || !strings.Contains(err.Error(), "the results") {
		t.Errorf("results with an unexported field: %v", err)
	}
}

// onDisk opens a lone member in a directory of the operating system.
func onDisk(t *testing.T, dir, name string) *ledgerNode {
	t.Helper()
	node, err := open(balsa.Config{Dir: dir, Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return node
}

// Scenario two-processes-one-dir, inside one process.
func TestADirectoryHasOneMemberAtATime(t *testing.T) {
	dir := t.TempDir()
	node := onDisk(t, dir, "a")
	if _, err := open(balsa.Config{Dir: dir}); !errors.Is(err, balsa.ErrLocked) || !strings.Contains(err.Error(), dir) {
		t.Errorf("opening it a second time: %v", err)
	}
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	if err := onDisk(t, dir, "a").Close(); err != nil {
		t.Error(err)
	}
}

func TestTheDirectoryOfAnotherMemberIsRefusedAndLeftAlone(t *testing.T) {
	dir := t.TempDir()
	node := onDisk(t, dir, "a")
	if _, err := node.Propose(t.Context(), 7); err != nil {
		t.Fatal(err)
	}
	node.Close()
	before := contents(t, dir)
	_, err := open(balsa.Config{Dir: dir, Name: "b"})
	if !errors.Is(err, balsa.ErrOtherMember) || !strings.Contains(err.Error(), `"a" lives here, not "b"`) {
		t.Errorf("opening a's directory as b: %v", err)
	}
	if contents(t, dir) != before {
		t.Error("the directory was changed")
	}
	again := onDisk(t, dir, "a")
	defer again.Close()
	if err := again.Read(t.Context(), func(l ledgerMachine) {
		if l.Value.Sum != 7 {
			t.Errorf("the sum is %d, want 7", l.Value.Sum)
		}
	}); err != nil {
		t.Error(err)
	}
}

// contents prints all files of a directory but the lock.
func contents(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&all, "%s %x\n", name, sha256.Sum256(data))
	}
	return all.String()
}

func TestADirectoryOfANewerFormatIsRefused(t *testing.T) {
	dir := t.TempDir()
	onDisk(t, dir, "a").Close()
	path := filepath.Join(dir, "member")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		make func([]byte) []byte
		want error
	}{
		{"the member file of a newer program", func(b []byte) []byte { return bytes.Replace(b, []byte("balsa-member 1"), []byte("balsa-member 2"), 1) }, balsa.ErrNewerVersion},
		{"a damaged member file", func(b []byte) []byte { b[len(b)/2] ^= 1; return b }, balsa.ErrDamaged},
		{"an empty member file", func([]byte) []byte { return nil }, balsa.ErrDamaged},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := os.WriteFile(path, c.make(append([]byte(nil), data...)), 0o600); err != nil {
				t.Fatal(err)
			}
			before := contents(t, dir)
			if _, err := open(balsa.Config{Dir: dir}); !errors.Is(err, c.want) || !strings.Contains(err.Error(), dir) {
				t.Errorf("Open = %v, want %v", err, c.want)
			}
			if contents(t, dir) != before {
				t.Error("the directory was changed")
			}
		})
	}
	os.Remove(path)
	if _, err := open(balsa.Config{Dir: dir}); !errors.Is(err, balsa.ErrDamaged) || !strings.Contains(err.Error(), "no file that says whose") {
		t.Errorf("a log without a member file: %v", err)
	}
}

// Scenario rot-in-the-middle: what was durable and does not verify any more is named,
// and never cut off.
func TestADamagedLogIsNamedAndLeftAlone(t *testing.T) {
	dir := t.TempDir()
	node := onDisk(t, dir, "a")
	for i := range 100 {
		if _, err := node.Propose(t.Context(), i); err != nil {
			t.Fatal(err)
		}
	}
	node.Close()
	logs, _ := filepath.Glob(filepath.Join(dir, "wal-*.log"))
	if len(logs) == 0 {
		t.Fatal("there is no log")
	}
	file, err := os.OpenFile(logs[0], os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteAt([]byte{0xff, 0xff}, 6000); err != nil {
		t.Fatal(err)
	}
	file.Close()
	before := contents(t, dir)
	_, err = open(balsa.Config{Dir: dir})
	var damage *wal.DamageError
	if !errors.As(err, &damage) || damage.File != filepath.Base(logs[0]) || damage.First == 0 {
		t.Errorf("Open = %v, want damage in %s", err, logs[0])
	}
	if contents(t, dir) != before {
		t.Error("the directory was changed")
	}
}

func TestAnAddressInUseOrUnknownIsNamed(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, addr := range []string{taken.Addr().String(), "host.invalid:7000", "127.0.0.1:http-alt-nonsense"} {
		node, err := open(balsa.Config{Dir: t.TempDir(), Listen: addr})
		if err == nil {
			node.Close()
		}
		if err == nil || !strings.Contains(err.Error(), addr) {
			t.Errorf("listening at %s: %v", addr, err)
		}
	}
}

func TestMembersMeetOverMutualTLS(t *testing.T) {
	authority := certs.New(t)
	names := map[string]string{"a": freeAddrAt("127.0.0.1"), "b": freeAddrAt("127.0.0.1")}
	var nodes []*ledgerNode
	for name := range names {
		node, err := open(balsa.Config{Name: name, Dir: t.TempDir(), Listen: names[name], Cluster: names, TLS: certs.Mutual(authority.Member(name))})
		if err != nil {
			t.Fatal(err)
		}
		defer node.Close()
		nodes = append(nodes, node)
	}
	if sum, err := nodes[0].Propose(t.Context(), 3); err != nil || sum != 3 {
		t.Fatalf("Propose = %d, %v", sum, err)
	}
	if sum, err := nodes[1].Propose(t.Context(), 3); err != nil || sum != 6 {
		t.Fatalf("Propose = %d, %v", sum, err)
	}
	plain, err := tls.Dial("tcp", names["a"], &tls.Config{InsecureSkipVerify: true})
	if err == nil {
		// In TLS 1.3 a client learns only when it reads that its certificate was missing.
		if _, err := io.ReadAll(plain); err == nil {
			t.Error("a stranger without a certificate was let in")
		}
		plain.Close()
	}
}

// The files of a node may be anything that keeps fsys's promises.
func TestAMemberInMemoryOpensItsFilesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		files := fsys.NewMemory()
		for want := 1; want <= 5; want++ {
			node, err := open(balsa.Config{Files: files})
			if err != nil {
				t.Fatal(err)
			}
			if got, err := node.Propose(t.Context(), 1); err != nil || got != want {
				t.Errorf("Propose = %d, %v; want %d", got, err, want)
			}
			node.Close()
		}
	})
}

func TestStatusIsWhatTheStatusPageShows(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		c.propose("a", 1)
		leader := c.leader()
		var status balsa.Status
		c.eventually("nothing more comes to the log", func() bool {
			status = c.nodes[leader].Status()
			return status.Applied == status.Last
		})
		data, err := json.Marshal(status)
		if err != nil {
			t.Fatal(err)
		}
		var page struct {
			Name, ID, Role, Leader string
			Term, Commit, Applied  uint64
			Members                []struct {
				Name, ID, Addr, Role string
				Match                uint64
			}
		}
		if err := json.Unmarshal(data, &page); err != nil {
			t.Fatal(err)
		}
		if page.Name != leader || page.Role != "leader" || page.Leader != leader || page.Term == 0 || page.Commit == 0 || page.Applied != page.Commit || page.ID == "" {
			t.Errorf("the status is %s", data)
		}
		for _, m := range page.Members {
			if m.Role != "voter" || m.Addr != addr(m.Name) || m.ID == "" {
				t.Errorf("a member is %+v", m)
			}
		}
	})
}
