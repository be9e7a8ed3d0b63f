package pki

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Role is what somebody is to a cluster.
type Role string

const (
	// Member is a member of the cluster.
	Member Role = "member"
	// Caller is somebody who asks members.
	Caller Role = "caller"
)

// scheme is that of URIs that say what a certificate is for.
const scheme = "balsa"

// Subject is whom a certificate is for. The zero Subject is of one that does not say.
type Subject struct {
	Role Role
	Name string
}

func (s Subject) String() string { return fmt.Sprintf("%s %s", s.Role, s.Name) }

// URI is the subject as it stands in a certificate.
func (s Subject) URI() *url.URL {
	return &url.URL{Scheme: scheme, Host: string(s.Role), Path: "/" + s.Name}
}

// SubjectOf is whom a certificate is for, the zero Subject if no URI says so. It is an
// error if URIs say two things, or something that is no subject.
func SubjectOf(c *x509.Certificate) (found Subject, err error) {
	for _, u := range c.URIs {
		if u.Scheme != scheme {
			continue
		}
		s := Subject{Role(u.Host), strings.TrimPrefix(u.Path, "/")}
		switch {
		case s.Role != Member && s.Role != Caller || s.Name == "":
			return Subject{}, fmt.Errorf("a certificate for %s, which is neither %s://member/NAME nor %s://caller/NAME", u, scheme, scheme)
		case found != Subject{}:
			return Subject{}, fmt.Errorf("a certificate for both %s and %s; it must be for one", found, s)
		}
		found = s
	}
	return found, nil
}

// CheckMember says why a certificate is not that of the member with this name. With "" for
// a name any member's will do.
func CheckMember(c *x509.Certificate, name string) error {
	s, err := SubjectOf(c)
	switch {
	case err != nil:
		return err
	case s.Role == Caller:
		return fmt.Errorf("a certificate of %s, which is for calling members, not for being one", s)
	case s.Role == Member && name != "" && s.Name != name:
		return fmt.Errorf("a certificate of %s, which must not speak for member %s", s, name)
	case s.Role == Member:
		return nil
	}
	return checkNamed(c, name)
}

// checkNamed is CheckMember of a certificate without a subject of ours. That it is good
// for both ends keeps out what an authority signs beside: servers and their users. No
// pattern such as *.example.com names a member, since it would name all.
func checkNamed(c *x509.Certificate, name string) error {
	for _, needed := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		if !slices.Contains(c.ExtKeyUsage, needed) && !slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny) {
			return fmt.Errorf("a certificate for %s, which is not for both server and client, as a member's is", describe(c))
		}
	}
	if name == "" || slices.ContainsFunc(c.DNSNames, func(dns string) bool { return strings.EqualFold(dns, name) }) {
		return nil
	}
	return fmt.Errorf("a certificate for %s, which must not speak for member %s: it names neither %s nor the DNS name %q", describe(c), name, Subject{Member, name}.URI(), name)
}

// describe names a certificate by all that it names.
func describe(c *x509.Certificate) string {
	if s, err := SubjectOf(c); err == nil && s != (Subject{}) {
		return s.String()
	}
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	const enough = 4
	switch {
	case len(names) == 0:
		return c.Subject.String() + ", without a name or address"
	case len(names) > enough:
		names = append(names[:enough], "…")
	}
	return strings.Join(names, ", ")
}

// CallerIn is who is at the other end of a connection, by a certificate that was verified;
// false if there is none, or it names no caller.
func CallerIn(state *tls.ConnectionState) (name string, ok bool) {
	if state == nil || len(state.VerifiedChains) == 0 {
		return "", false
	}
	leaf := state.VerifiedChains[0][0]
	s, err := SubjectOf(leaf)
	switch {
	case err != nil, s.Role == Member:
		return "", false
	case s.Role == Caller:
		return s.Name, true
	}
	return leaf.Subject.CommonName, leaf.Subject.CommonName != ""
}
