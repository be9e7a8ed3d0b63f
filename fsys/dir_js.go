package fsys

import (
	"errors"
	"fmt"
)

// Dir fails in a browser: see fsys/opfs and NewMemory for what there is instead.
func Dir(path string) (FS, error) {
	return nil, fmt.Errorf("open directory %s: %w: a directory needs an operating system", path, errors.ErrUnsupported)
}
