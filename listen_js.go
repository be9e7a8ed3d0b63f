package balsa

import (
	"errors"
	"fmt"
)

// TLSConfig is empty in a browser, which secures its connections by itself.
type TLSConfig struct{}

func listen(c Config) (Transport, error) {
	return nil, fmt.Errorf("listen at %s: %w: a browser cannot listen; set Config.Transport", c.Listen, errors.ErrUnsupported)
}
