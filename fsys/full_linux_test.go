package fsys

import (
	"errors"
	"os"
	"syscall"
	"testing"
)

func TestFullDiskIsErrNoSpace(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	if _, err := (file{full}).WriteAt([]byte("x"), 0); !errors.Is(err, ErrNoSpace) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("writing to a full disk: %v, want ErrNoSpace and the system's own", err)
	}
	quota := &os.PathError{Op: "write", Path: "x", Err: syscall.EDQUOT}
	if err := named(quota); !errors.Is(err, ErrNoSpace) {
		t.Errorf("over quota: %v, want ErrNoSpace", err)
	}
}
