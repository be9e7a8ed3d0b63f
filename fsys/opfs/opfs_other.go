//go:build !js

package opfs

import "github.com/balsaraft/balsa/fsys"

// Supported is false outside of a browser.
func Supported() bool { return false }

// Open fails outside of a browser with ErrUnsupported: see fsys.Dir for what there is
// instead.
func Open(path ...string) (fsys.FS, error) { return nil, ErrUnsupported }
