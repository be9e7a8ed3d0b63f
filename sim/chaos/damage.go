//go:build linux

package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
		return err != nil || !info.Mode().IsRegular() || info.Size() == 0 || unused(filepath.Base(name))
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
	const tries, last = 1000, 1 << 10
	b, err := os.ReadFile(name)
	if err != nil {
		return 0, 0, err
	}
	from := 0
	if random.IntN(3) == 0 {
		// What was written last is the hardest: it looks like a write that a crash tore.
		b = bytes.TrimRight(b, "\x00")
		from = max(len(b)-last, 0)
	}
	for range tries {
		if from == len(b) {
			break
		}
		at := from + random.IntN(len(b)-from)
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

// unused says whether a member keeps a file and never reads it: what it put aside as
// damaged, and space for later.
func unused(name string) bool {
	return strings.HasPrefix(name, "damaged-") || strings.HasPrefix(name, "spare-")
}
