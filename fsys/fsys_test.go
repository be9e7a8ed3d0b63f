//go:build !js

package fsys_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/balsaraft/balsa/balsatest"
	"github.com/balsaraft/balsa/fsys"
)

func TestDirConforms(t *testing.T) {
	balsatest.TestFiles(t, func(t *testing.T) fsys.FS {
		d, err := fsys.Dir(filepath.Join(t.TempDir(), "data", "a"))
		must(t, err)
		return d
	})
}

func TestMemoryConforms(t *testing.T) {
	balsatest.TestFiles(t, func(*testing.T) fsys.FS { return fsys.NewMemory() })
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestDirIsForThisUserAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "a")
	d, err := fsys.Dir(path)
	must(t, err)
	f, err := d.Create("x")
	must(t, err)
	must(t, f.Close())
	for name, want := range map[string]fs.FileMode{path: 0o700, filepath.Join(path, "x"): 0o600} {
		info, err := os.Stat(name)
		must(t, err)
		if info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
			t.Errorf("%s has mode %v, want %v", name, info.Mode(), want)
		}
	}
}

func TestDirRefusesAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	must(t, os.WriteFile(path, nil, 0o600))
	for _, bad := range []string{path, filepath.Join(path, "data"), filepath.Join(path, "data", "a")} {
		if _, err := fsys.Dir(bad); !errors.Is(err, fsys.ErrNotDirectory) || !strings.Contains(err.Error(), path+" is a file") {
			t.Errorf("Dir(%s): %v, want ErrNotDirectory that names the file", bad, err)
		}
	}
}
