package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"rsc.io/qr"

	"github.com/balsaraft/balsa/pki"
)

// phonePort is where phones come in, if it is free.
const phonePort = "3443"

// phoneFor is how long the certificate for phones is good: for one run of a demo.
const phoneFor = 7 * 24 * time.Hour

// invite opens a door for phones on the same network and shows where it is. That there
// is none is said, and is no reason to end.
func (i *introduceCommand) invite(d *doors, c console, link string) {
	url, err := i.openForPhones(d)
	if err != nil {
		fmt.Fprintf(c.stdout, "\nPhones cannot come in: %v\n", err)
		return
	}
	code, err := qr.Encode(url+"/"+link, qr.L)
	if err != nil {
		fmt.Fprintf(c.stdout, "\nPhones come in at %s/%s\n", url, link)
		return
	}
	fmt.Fprintf(c.stdout, "\nA phone on the same network comes in here (--no-phone keeps all out). It warns of a certificate\nthat was made a moment ago; accept it:\n\n%s\n  %s/%s\n", drawQR(code, isTerminal(c.stdout)), url, link)
}

// openForPhones listens at all addresses, over HTTPS: browsers let pages keep data, and
// compute with keys, over nothing less.
func (i *introduceCommand) openForPhones(d *doors) (url string, err error) {
	host, err := lanAddress()
	if err != nil {
		return "", err
	}
	cert, err := certificateFor(host)
	if err != nil {
		return "", err
	}
	l, err := net.Listen("tcp", net.JoinHostPort("", phonePort))
	if err != nil {
		if l, err = net.Listen("tcp", ":0"); err != nil {
			return "", err
		}
	}
	d.open(l, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}})
	_, port, err := net.SplitHostPort(l.Addr().String())
	return "https://" + net.JoinHostPort(host, port), err
}

// lanAddress is an address of this machine that others on its network reach.
func lanAddress() (string, error) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return "", err
	}
	for _, a := range addrs {
		p, err := netip.ParsePrefix(a.String())
		if err == nil && p.Addr().Is4() && p.Addr().IsGlobalUnicast() {
			return p.Addr().String(), nil
		}
	}
	return "", fmt.Errorf("this machine is on no network")
}

func certificateFor(host string) (tls.Certificate, error) {
	authority, _, err := pki.NewAuthority("balsa introduce", time.Now().Add(phoneFor))
	if err != nil {
		return tls.Certificate{}, err
	}
	pair, err := authority.Issue(pki.Subject{Role: pki.Member, Name: "introducer"}, []string{host}, time.Now().Add(phoneFor))
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(pair.Cert, pair.Key)
}

// drawQR draws a code with two rows of squares a line. On a terminal it is black on
// white, whatever the terminal's colours are; elsewhere squares that are light are drawn.
func drawQR(code *qr.Code, coloured bool) string {
	const quiet = 3 // squares around the code, so that a camera finds its corners
	var b strings.Builder
	for y := -quiet; y < code.Size+quiet; y += 2 {
		b.WriteString("  ")
		if coloured {
			b.WriteString("\x1b[30;107m")
		}
		for x := -quiet; x < code.Size+quiet; x++ {
			upper, lower := code.Black(x, y), code.Black(x, y+1)
			if !coloured {
				upper, lower = !upper, !lower
			}
			b.WriteString(square(upper, lower))
		}
		if coloured {
			b.WriteString("\x1b[0m")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func square(upper, lower bool) string {
	switch {
	case upper && lower:
		return "█"
	case upper:
		return "▀"
	case lower:
		return "▄"
	}
	return " "
}
