package sabotage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// FlipByte inverts a byte in the log of a stopped member, in dir, and says where. It is
// one of the first record of the newest segment that has some more behind it, so that the
// log knows it for damage: at its very end it would look like a write that a crash tore.
func FlipByte(dir string) (where string, err error) {
	segments, err := filepath.Glob(filepath.Join(dir, "wal-*.log"))
	if err != nil {
		return "", err
	}
	slices.Sort(segments)
	for _, name := range slices.Backward(segments) {
		where, err := flipIn(name)
		if where != "" || err != nil {
			return where, err
		}
	}
	return "", errors.New("nothing much stands in this member's log yet: write something first")
}

const (
	segmentHeader = 96      // docs/FORMATS.md
	inFirstRecord = 40      // behind a record's header, in what every batch has
	enoughBehind  = 1 << 10 // bytes that are written behind it
)

func flipIn(name string) (where string, err error) {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b := make([]byte, segmentHeader+inFirstRecord+enoughBehind)
	if _, err := f.ReadAt(b, 0); err != nil || b[len(b)-1] == 0 && allZero(b[len(b)-64:]) {
		return "", nil // too little for a flip
	}
	const at = segmentHeader + inFirstRecord
	if _, err := f.WriteAt([]byte{^b[at]}, at); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s at %d", filepath.Base(name), at), f.Sync()
}

func allZero(b []byte) bool { return !slices.ContainsFunc(b, func(x byte) bool { return x != 0 }) }
