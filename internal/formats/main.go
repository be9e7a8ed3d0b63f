package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/backup"
	"github.com/balsaraft/balsa/kv"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "formats:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return fmt.Errorf("give it one name, as in: go run ./internal/formats 2027-01")
	}
	dir, err := os.MkdirTemp("", "formats-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := live(context.Background(), dir); err != nil {
		return err
	}
	return pack(filepath.Join("internal", "formats", "testdata", os.Args[1]+".zip"), dir)
}

// The files of an archive.
const (
	memberDir  = "member"
	backupFile = "backup"
	wantFile   = "want.json"
)

// live is a short life of a member that leaves all kinds of files behind.
func live(ctx context.Context, dir string) error {
	m, err := start(ctx, filepath.Join(dir, memberDir))
	if err != nil {
		return err
	}
	want, err := tell(ctx, m, filepath.Join(dir, backupFile))
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(want, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, wantFile), text, 0o600); err != nil {
		return err
	}
	return m.Close()
}

// member is one of the key-value service, as balsa serve runs it.
type member struct {
	node    *kv.Node
	machine *kv.Machine
}

// start opens a member that needs no others.
func start(ctx context.Context, dir string) (*member, error) {
	machine, err := kv.Open(filepath.Join(dir, "kv"), kv.Options{CacheBytes: 1 << 20})
	if err != nil {
		return nil, err
	}
	node, err := balsa.Open(ctx, balsa.Config{Name: "a", Dir: dir, MaxCommand: kv.MaxCommand}, machine)
	if err != nil {
		return nil, fmt.Errorf("%w (and of the store: %v)", err, machine.Close())
	}
	return &member{node, machine}, nil
}

// Close stops the member.
func (m *member) Close() error {
	if err := m.node.Close(); err != nil {
		return err
	}
	return m.machine.Close()
}

// backUp writes a backup as balsa backup does.
func backUp(ctx context.Context, m *member, path string) error {
	var file bytes.Buffer
	compressed := backup.Compress(&file)
	if _, err := m.node.Backup(ctx, compressed); err != nil {
		return err
	}
	if err := compressed.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, file.Bytes(), 0o600)
}
