package fsys

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What a process other than this one is to do; its arguments follow.
var children = map[string]func(path string) error{
	"open": tryDir,
	"hold": func(path string) error {
		d, err := Dir(path)
		if err != nil {
			return err
		}
		if _, err := d.Lock(); err != nil {
			return err
		}
		fmt.Println("held")
		_, err = io.ReadAll(os.Stdin)
		return err
	},
	"mount-read-only": func(path string) error {
		return tryMounted(path, "tmpfs", syscall.MS_RDONLY, "")
	},
	"mount-full": func(path string) error {
		return tryMounted(path, "tmpfs", 0, "size=64k")
	},
	"mount-no-inodes": func(path string) error {
		return tryMounted(path, "tmpfs", 0, "nr_inodes=1")
	},
	"mount-without-fallocate": func(path string) error {
		if err := tryMounted(path, "ramfs", 0, ""); err != nil {
			return err
		}
		f, err := os.Create(filepath.Join(path, "y"))
		if err != nil {
			return err
		}
		if err := syscall.Fallocate(int(f.Fd()), 0, 0, 4096); !errors.Is(err, syscall.EOPNOTSUPP) {
			return fmt.Errorf("fallocate on ramfs: %v: this proves nothing", err)
		}
		return nil
	},
}

// errNotHere says that this system does not let a test do what it needs.
var errNotHere = errors.New("not possible here")

func tryMounted(path, kind string, flags uintptr, options string) error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("%w: %w", errNotHere, err)
	}
	if err := syscall.Mount("none", path, kind, flags, options); err != nil {
		return fmt.Errorf("%w: %w", errNotHere, err)
	}
	return tryDir(path)
}

// tryDir uses a directory as a member does.
func tryDir(path string) error {
	d, err := Dir(path)
	if err != nil {
		return err
	}
	lock, err := d.Lock()
	if err != nil {
		return err
	}
	defer lock.Close()
	f, err := d.Create("x")
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteAt(make([]byte, 128<<10), 0); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return d.SyncDir()
}

func TestMain(m *testing.M) {
	do, ok := children[os.Getenv("FSYS_TEST_CHILD")]
	if !ok {
		os.Exit(m.Run())
	}
	if err := do(os.Getenv("FSYS_TEST_PATH")); err != nil {
		fmt.Println(names(err))
		fmt.Println(err)
	} else {
		fmt.Println("nil")
	}
}

// names lists what an error is, for a parent process that has its text alone.
func names(err error) string {
	var all []string
	for name, is := range map[string]error{
		"ErrNoSpace": ErrNoSpace, "ErrLocked": ErrLocked, "ErrPermission": fs.ErrPermission, "errNotHere": errNotHere,
	} {
		if errors.Is(err, is) {
			all = append(all, name)
		}
	}
	return strings.Join(all, " ")
}

func child(do, path string, attr *syscall.SysProcAttr) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), "FSYS_TEST_CHILD="+do, "FSYS_TEST_PATH="+path,
		"GORACE=atexit_sleep_ms=0") // else it takes a second to end
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = attr
	return cmd
}

// wantFromChild checks what error a child meets, or that it meets none if is is "".
func wantFromChild(t *testing.T, do, path string, attr *syscall.SysProcAttr, is string) {
	t.Helper()
	out, err := child(do, path, attr).Output()
	if err != nil {
		t.Skipf("no such process here: %v", err)
	}
	first, text, _ := strings.Cut(string(out), "\n")
	switch {
	case strings.Contains(first, "errNotHere"):
		t.Skip(text)
	case is == "" && first == "nil":
	case is == "" || !strings.Contains(first, is) || !strings.Contains(text, path):
		t.Errorf("got %q %s\nwant %q and the path %s", first, text, is, path)
	default:
		t.Log(strings.TrimSpace(text))
	}
}

// nobody is a user without rights, in case that this one has them all.
func nobody() *syscall.SysProcAttr {
	if os.Getuid() != 0 {
		return nil
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
}

// alone is a process with mounts of its own.
func alone() *syscall.SysProcAttr {
	if os.Getuid() == 0 {
		return &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	}
	return &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
}

func TestADirectoryWithoutPermissionIsRefused(t *testing.T) {
	for name, mode := range map[string]fs.FileMode{
		"unreadable":        0o300,
		"read-only":         0o555,
		"not to be entered": 0o600,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "data")
			must(t, os.Mkdir(path, mode))
			must(t, os.Chmod(path, mode))
			if os.Getuid() == 0 {
				must(t, os.Chown(path, 65534, 65534))
				// The test's own directories lead there.
				for up := filepath.Dir(path); strings.HasPrefix(up, filepath.Clean(os.TempDir())+"/"); up = filepath.Dir(up) {
					must(t, os.Chmod(up, 0o711))
				}
			}
			wantFromChild(t, "open", path, nobody(), "ErrPermission")
			must(t, os.Chmod(path, 0o700))
			wantFromChild(t, "open", path, nobody(), "")
		})
	}
}

func TestAReadOnlyFileSystemIsRefused(t *testing.T) {
	wantFromChild(t, "mount-read-only", t.TempDir(), alone(), "ErrPermission")
}

func TestAFullFileSystemIsErrNoSpace(t *testing.T) {
	wantFromChild(t, "mount-full", t.TempDir(), alone(), "ErrNoSpace")
	wantFromChild(t, "mount-no-inodes", t.TempDir(), alone(), "ErrNoSpace")
}

func TestAFileSystemWithoutFallocateWillDo(t *testing.T) {
	wantFromChild(t, "mount-without-fallocate", t.TempDir(), alone(), "")
}

func TestADirectoryOfAnotherProcessIsErrLockedUntilItEnds(t *testing.T) {
	path := t.TempDir()
	other := child("hold", path, nil)
	in, err := other.StdinPipe()
	must(t, err)
	out, err := other.StdoutPipe()
	must(t, err)
	must(t, other.Start())
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "held\n" {
		t.Fatalf("the other process says %q, %v", line, err)
	}
	d, err := Dir(path)
	must(t, err)
	if _, err := d.Lock(); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), path) {
		t.Errorf("Lock beside another process: %v, want ErrLocked and the path", err)
	}
	must(t, other.Process.Kill())
	other.Wait()
	in.Close()
	lock, err := d.Lock()
	must(t, err)
	must(t, lock.Close())
}

func TestFullDiskIsErrNoSpace(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	if _, err := (&file{f: full}).WriteAt([]byte("x"), 0); !errors.Is(err, ErrNoSpace) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("writing to a full disk: %v, want ErrNoSpace and the system's own", err)
	}
	quota := &os.PathError{Op: "write", Path: "x", Err: syscall.EDQUOT}
	if err := named(quota); !errors.Is(err, ErrNoSpace) {
		t.Errorf("over quota: %v, want ErrNoSpace", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
