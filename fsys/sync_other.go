//go:build !linux && !js

package fsys

import "os"

// syncFile is F_FULLFSYNC on macOS, FlushFileBuffers on Windows.
func syncFile(f *os.File) error { return f.Sync() }
