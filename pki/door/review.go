package door

import (
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// guest is the plain connection under one that was handed out: its end is seen there.
type guest struct {
	net.Conn
	door *Door
	once sync.Once
}

func (g *guest) Close() error {
	g.once.Do(func() { g.door.forget(g) })
	return g.Conn.Close()
}

// CloseWrite is what a farewell needs.
func (g *guest) CloseWrite() error {
	if half, ok := g.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// remember keeps a connection for review, if there is a certificate to review.
func (d *Door) remember(g *guest, c *tls.Conn) {
	if d.cfg.Standing == nil || len(c.ConnectionState().PeerCertificates) == 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shown[g] = c
}

func (d *Door) forget(g *guest) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.shown, g)
}

// review ends connections that would not be let in any more, until Close.
func (d *Door) review() {
	defer d.guests.Done()
	every := time.NewTicker(d.cfg.ReviewEvery)
	defer every.Stop()
	for {
		select {
		case <-d.ctx.Done():
			return
		case <-every.C:
		}
		for g, err := range d.unwelcome() {
			d.cfg.Logger.Warn("ended a caller's connection", "port", d.Addr().String(), "address", g.RemoteAddr().String(), "error", err)
			g.Close() // under TLS, not through it: who does not read would hold this up
		}
	}
}

// unwelcome are the connections that would be refused now, with the reasons.
func (d *Door) unwelcome() map[*guest]error {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := map[*guest]error{}
	for g, c := range d.shown {
		if err := d.cfg.Standing(c.ConnectionState()); err != nil {
			all[g] = err
		}
	}
	return all
}
