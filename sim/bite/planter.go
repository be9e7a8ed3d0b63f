package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// planter writes overlays, which say that a file is to be compiled as if it read
// otherwise.
type planter struct {
	root string // of the module
	dir  string // for overlays and programs, removed at the end
}

func newPlanter() (*planter, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return nil, fmt.Errorf("ask for the module: %w", err)
	}
	dir, err := os.MkdirTemp("", "bite")
	if err != nil {
		return nil, err
	}
	return &planter{root: filepath.Dir(strings.TrimSpace(string(out))), dir: dir}, nil
}

func (p *planter) close() { _ = os.RemoveAll(p.dir) }

// plant writes the overlay of a fault and returns its name.
func (p *planter) plant(f fault) (string, error) {
	path := filepath.Join(p.root, filepath.FromSlash(f.file))
	text, err := f.apply(path)
	if err != nil {
		return "", err
	}
	faulty := filepath.Join(p.dir, "faulty.go")
	if err := os.WriteFile(faulty, text, 0o600); err != nil {
		return "", err
	}
	b, err := json.Marshal(map[string]map[string]string{"Replace": {path: faulty}})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(p.dir, "overlay.json")
	return overlay, os.WriteFile(overlay, b, 0o600)
}

// apply returns the file's text with the fault in it.
func (f fault) apply(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if n := strings.Count(string(b), f.old); n != 1 {
		return nil, fmt.Errorf("%s holds the text to be replaced %d times, not once; look how it reads today and mend the list: %q", f.file, n, f.old)
	}
	return []byte(strings.Replace(string(b), f.old, f.new, 1)), nil
}
