//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
)

// damage flips a bit somewhere in what a stopped member has written, and says where.
// Zeros are left alone: they are space that the log holds in advance.
func damage(dir string, random *rand.Rand) (string, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return "", err
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		info, err := os.Stat(name)
		return err != nil || !info.Mode().IsRegular() || info.Size() == 0
	})
	if len(names) == 0 {
		return "", fmt.Errorf("%s has no files to damage", dir)
	}
	name := names[random.IntN(len(names))]
	b, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	const tries = 1000
	for range tries {
		at := random.IntN(len(b))
		if b[at] == 0 {
			continue
		}
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return "", err
		}
		defer f.Close()
		if _, err := f.WriteAt([]byte{b[at] ^ 1<<random.IntN(8)}, int64(at)); err != nil {
			return "", err
		}
		return fmt.Sprintf("%s at %d of %d", filepath.Base(name), at, len(b)), f.Sync()
	}
	return "", fmt.Errorf("%s seems to hold zeros alone", name)
}
