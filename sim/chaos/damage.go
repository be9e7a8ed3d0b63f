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
	random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	for _, name := range names {
		at, size, err := flip(name, random)
		if err != nil {
			return "", err
		}
		if at >= 0 {
			return fmt.Sprintf("%s at %d of %d", filepath.Base(name), at, size), nil
		}
	}
	return "", fmt.Errorf("%s has no file with anything in it", dir)
}

// flip flips one bit of a file and says where, or -1 if it seems to hold zeros alone.
func flip(name string, random *rand.Rand) (at, size int, err error) {
	const tries = 1000
	b, err := os.ReadFile(name)
	if err != nil {
		return 0, 0, err
	}
	for range tries {
		at := random.IntN(len(b))
		if b[at] == 0 {
			continue
		}
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return 0, 0, err
		}
		defer f.Close()
		if _, err := f.WriteAt([]byte{b[at] ^ 1<<random.IntN(8)}, int64(at)); err != nil {
			return 0, 0, err
		}
		return at, len(b), f.Sync()
	}
	return -1, len(b), nil
}
