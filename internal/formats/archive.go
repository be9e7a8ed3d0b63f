package main

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"path/filepath"
)

// pack makes an archive of a directory. Space in a log that was never used is zeros, so that
// it is small.
func pack(path, dir string) error {
	var all bytes.Buffer
	z := zip.NewWriter(&all)
	if err := z.AddFS(os.DirFS(dir)); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, all.Bytes(), 0o644)
}

// unpack makes the directory again.
func unpack(path, dir string) error {
	z, err := zip.OpenReader(path)
	if err != nil {
		return err
	}
	defer z.Close()
	for _, f := range z.File {
		if f.FileInfo().IsDir() {
			continue
		}
		if err := extract(f, filepath.Join(dir, filepath.FromSlash(f.Name))); err != nil {
			return err
		}
	}
	return nil
}

func extract(f *zip.File, to string) error {
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	content, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o600)
}
