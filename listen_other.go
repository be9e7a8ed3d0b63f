//go:build !js

package balsa

import (
	"crypto/tls"

	"github.com/balsaraft/balsa/transport/tcp"
)

// TLSConfig is a *tls.Config of the standard library. In a browser, which secures its
// connections by itself, it is empty.
type TLSConfig = tls.Config

func listen(c Config) (Transport, error) {
	t, err := tcp.Listen(c.Listen, tcp.Options{TLS: c.TLS, Logger: c.Logger})
	if err != nil {
		return nil, err // and not a Transport that holds a nil pointer
	}
	return t, nil
}
